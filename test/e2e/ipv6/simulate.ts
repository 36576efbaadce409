/** `slipway simulate` on the server, whose own multicast messages reach slipway on the same interface. */
import { expectEqual, expectMatch } from '../expect.ts'
import type { Check } from '../runner.ts'
import { controlSocket, slipway } from '../server.ts'
import { nodes6, type Ipv6Rig } from './rig.ts'

const { client } = nodes6
const key = `ocp6/${client.name}`

/** Before the other clients: the node must not have been seen. */
export const simulateCheck6: Check<Ipv6Rig> = {
  name: 'ipv6: slipway simulate boots a node over IPv6, and the server does not count it as a boot',
  limitMs: 60_000,
  async run(rig) {
    const show = slipway('node', 'show', '--control', controlSocket(rig.sitePath), key)
    const before = await rig.run('server', show)
    const { stdout, stderr } = await rig.run(
      'server',
      slipway('simulate', '--node', client.name, rig.sitePath),
    )
    const wanted = [
      `DHCP firmware +${client.address}, efi/snponly.efi`,
      'TFTP loader',
      `DHCP iPXE +${client.address}, the script's URL`,
      'HTTP kernel',
      'DHCP system',
      'HTTP Ignition',
    ]
    for (const line of wanted) expectMatch(`${stdout}${stderr}`, new RegExp(line), 'slipway simulate')
    const after = await rig.run('server', show)
    expectMatch(before.stdout, new RegExp(key), 'slipway node show')
    expectEqual(after.stdout, before.stdout, 'slipway node show after the simulation')
    return /\d+ of \d+ .*/.exec(stdout)?.[0]
  },
}
