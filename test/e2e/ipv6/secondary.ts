/** BIND as a secondary name server that reaches slipway only over IPv6. */
import { mkdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { waitUntil } from '../checks/client.ts'
import { expectEqual } from '../expect.ts'
import { bindCommand } from '../peers/secondaries.ts'
import type { Check } from '../runner.ts'
import { controlSocket, slipway } from '../server.ts'
import { nodes6, searchDomain, secondaryAddress6, serverAddress6, type Ipv6Rig } from './rig.ts'

const zones = [searchDomain, '0.0.0.0.0.0.0.0.6.1.0.0.0.0.d.f.ip6.arpa']

export const secondaryCheck6: Check<Ipv6Rig> = {
  name: 'ipv6: BIND transfers the zones over IPv6, and again after a NOTIFY',
  async run(rig) {
    const dir = join(rig.dir, 'bind')
    await mkdir(dir, { recursive: true })
    const command = await bindCommand(dir, { address: secondaryAddress6, primary: serverAddress6, zones })
    const bind = rig.start('relay', 'bind', command)
    try {
      const first = await untilCopied(rig)
      const name = `${nodes6.client.name}.${searchDomain}`
      expectEqual(await digAt(rig, secondaryAddress6, 'AAAA', name), nodes6.client.address, 'BIND')
      expectEqual(await digAt(rig, secondaryAddress6, '-x', nodes6.client.address), `${name}.`, 'BIND')
      const since = rig.server.lines.length
      // The serial is the modification time of the site file.
      await utimes(rig.sitePath, new Date(), new Date((Number(first) + 10) * 1000))
      const reload = slipway('reload', '--control', controlSocket(rig.sitePath))
      const { stderr, status } = await rig.run('server', reload)
      expectEqual(status, 0, `slipway reload: ${stderr}`)
      for (const zone of zones) {
        await rig.server.waitFor(
          `the acknowledgment of the NOTIFY for ${zone}`,
          (line) => line.msg === 'secondary notified' && line.text.includes(`"${zone}"`),
          { since },
        )
      }
      return `serial ${first}, then ${await untilCopied(rig)}`
    } finally {
      await bind.stop()
    }
  },
}

async function digAt(rig: Ipv6Rig, server: string, ...question: string[]): Promise<string> {
  const { stdout } = await rig.run('relay', [
    'dig',
    '+short',
    '+time=2',
    '+tries=1',
    `@${server}`,
    ...question,
  ])
  return stdout.trim()
}

/** Waits until BIND has the serial of slipway in each zone. @returns the serial */
async function untilCopied(rig: Ipv6Rig): Promise<string> {
  const serialAt = async (server: string, zone: string) =>
    (await digAt(rig, server, 'SOA', zone)).split(' ')[2]
  let serial: string | undefined
  for (const zone of zones) {
    await waitUntil(`BIND to have ${zone}`, async () => {
      serial = await serialAt(serverAddress6, zone)
      return serial !== undefined && serial === (await serialAt(secondaryAddress6, zone))
    })
  }
  return serial ?? ''
}
