/**
 * A network behind a DHCPv6 relay agent: ISC dhcrelay, which adds an Interface-ID, and dnsmasq, which adds the MAC address
 * of the client (RFC 6939).
 */
import { readFile } from 'node:fs/promises'
import { waitUntil } from '../checks/client.ts'
import { expect, expectMatch } from '../expect.ts'
import type { Check } from '../runner.ts'
import { waitForLogFlush } from '../server.ts'
import { expectState, networkd } from './networkd.ts'
import { captureFile, farInterface, nodes6, relay6, serverAddress6, type Ipv6Rig } from './rig.ts'

const { far } = nodes6

export const relayChecks6: readonly Check<Ipv6Rig>[] = [
  {
    name: 'ipv6: a machine behind dhcrelay -6 gets its address, and the agent its Interface-ID',
    limitMs: 60_000,
    async run(rig) {
      const { near, far: toClients } = relay6
      const agent = [
        ...[rig.dhcrelay, '-6', '-d', '-I', '--no-pid', '-l', toClients.name],
        ...['-u', `${serverAddress6}%${near.name}`],
      ]
      const isReady = (output: string): boolean => output.includes(`Socket/${toClients.name}`)
      // The address that the kernel derives from the MAC address identifies the machine.
      await relayed(rig, agent, isReady, () => exchange(rig, 'eui64'))
      // RFC 8415 §21.18: option 18 with the index of the interface, in a RELAY-FORW and in its RELAY-REPL.
      await expectCaptured(rig, Buffer.from([0, 18, 0, 4, 1, 0, 0, 0]), 2)
      return 'Interface-ID 1'
    },
  },
  {
    name: 'ipv6: dnsmasq as relay agent identifies a machine whose DUID and address do not show its MAC address',
    limitMs: 60_000,
    async run(rig) {
      const agent = [
        ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--log-dhcp', '--user=root'],
        `--dhcp-relay=${relay6.far.address},${serverAddress6}`,
      ]
      const isReady = (output: string): boolean => /DHCP relay from /.test(output)
      await relayed(rig, agent, isReady, () => exchange(rig, 'random'))
      const mac = Buffer.from(far.mac.replaceAll(':', ''), 'hex')
      // RFC 6939 §4: option 79 with the hardware type of Ethernet.
      await expectCaptured(rig, Buffer.from([0, 79, 0, 8, 0, 1, ...mac]), 1)
      return 'option 79'
    },
  },
]

/** Runs systemd-networkd behind the relay agent, where no router sends advertisements. */
async function exchange(rig: Ipv6Rig, generation: 'eui64' | 'random'): Promise<void> {
  const since = rig.server.lines.length
  for (const change of ['down', `addrgenmode ${generation}`, 'up']) {
    await rig.run('far', ['ip', 'link', 'set', farInterface, ...change.split(' ')])
  }
  const output = await networkd(rig, 'far', {
    interface: farInterface,
    address: far.address,
    network: ['IPv6AcceptRA=no', `IPv6LinkLocalAddressGenerationMode=${generation}`],
    dhcpv6: ['WithoutRA=solicit'],
  })
  const isDerived = output.includes('inet6 fe80::5054:ff:fe00:624/')
  expect(isDerived === (generation === 'eui64'), `unexpected link-local address:\n${output.slice(-500)}`)
  expectState(output, far.address)
  const line = await rig.server.waitFor(
    'the relayed request',
    ({ service, mac, msg }) => service === 'dhcpv6' && mac === far.mac && msg === 'IPv6 address acknowledged',
    { since },
  )
  expectMatch(line.text, /"relay":"fd00:[12]6::1"/, 'the relay agent in the log')
}

async function relayed(
  rig: Ipv6Rig,
  command: readonly string[],
  isReady: (output: string) => boolean,
  body: () => Promise<void>,
): Promise<void> {
  let output = ''
  const agent = rig.start('relay', 'relay6', ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command], (line) => {
    output += `${line}\n`
  })
  try {
    await waitUntil('the relay agent to start', () => isReady(output))
    await body()
  } finally {
    await agent.stop()
    await rig.run('far', ['ip', '-6', 'addr', 'flush', 'dev', farInterface, 'scope', 'global'])
  }
}

async function expectCaptured({ dir }: Ipv6Rig, octets: Buffer, atLeast: number): Promise<void> {
  await waitForLogFlush()
  const captured = await readFile(captureFile(dir))
  let count = 0
  for (let at = captured.indexOf(octets); at >= 0; at = captured.indexOf(octets, at + 1)) count++
  expect(count >= atLeast, `${count} of at least ${atLeast} packets have ${octets.toString('hex')}`)
}
