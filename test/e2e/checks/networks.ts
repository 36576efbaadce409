/** A declared subnet behind ISC dhcrelay: leases, options, renewal through a router, and a machine on the wrong subnet. */
import { join } from 'node:path'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { addresses, clientMac, farInterface, farMac } from '../network.ts'
import type { Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { domain, far } from '../site.ts'
import { readEnvironment, waitUntil } from './client.ts'
import { udhcpcOn } from './udhcpc.ts'

/** `-a` adds option 82, `-D` drops replies that do not echo it unchanged. */
const plain = ['-a', '-D', '-id', 'rel1', '-iu', 'rel0']
/** RFC 3527: giaddr is the address on the server's network, sub-option 5 of option 82 has the client's network. */
const linkSelection = ['-a', '-i', 'rel1', '-U', 'rel0']

export const networkChecks: readonly Check[] = [
  {
    name: 'networks: behind a relay agent, a machine gets the address and every option of its own subnet',
    run: (rig) =>
      relayed(rig, plain, async () => {
        const status = await lease(rig, [
          '-O',
          '26',
          '-O',
          '33',
          '-O',
          '121',
          '-O',
          '249',
          '-O',
          '119',
          '-O',
          '150',
        ])
        expectEqual(status, 0, "udhcpc's exit code")
        const given = await readEnvironment(join(rig.dir, 'udhcpc.bound'))
        const wanted = {
          ip: far.address,
          subnet: '255.255.255.0',
          router: addresses.relayInFar,
          serverid: addresses.server,
          mtu: '1400',
          // RFC 3442: starts with the default route, because a client that uses option 121 ignores the router option.
          staticroutes: `0.0.0.0/0 ${addresses.relayInFar} 10.17.0.0/16 172.20.0.9`,
          search: `${domain} example.localdomain`,
        }
        for (const [name, value] of Object.entries(wanted)) expectEqual(given[name], value, name)
        return (
          Object.keys(given)
            .filter((name) => name.startsWith('opt'))
            .join(' ') || undefined
        )
      }),
  },
  {
    name: 'networks: a machine behind a relay agent renews by unicast, through the router',
    run: (rig) =>
      relayed(rig, plain, async () => {
        const since = rig.server.lines.length
        const running = await background(rig)
        const acknowledged = (): number =>
          rig.server.lines
            .slice(since)
            .filter(({ msg, mac }) => msg === 'address acknowledged' && mac === farMac).length
        await waitUntil('a first lease', () => acknowledged() === 1)
        // The hook configures the interface, but not the route that the renewal needs.
        await waitUntil('the address', async () =>
          (await rig.run('far', ['ip', '-4', '-o', 'addr', 'show', 'dev', farInterface])).stdout.includes(
            far.address,
          ),
        )
        await rig.run('far', ['ip', 'route', 'replace', 'default', 'via', addresses.relayInFar])
        running.signal('SIGUSR1')
        // dhcrelay also forwards unicasts that it sees, so there is a second copy of the REQUEST.
        await rig.server.waitFor(
          'a renewal',
          ({ text, mac }) => text.includes('"renewing"') && mac === farMac,
          {
            since,
          },
        )
        await running.stop()
        return undefined
      }),
  },
  {
    name: 'networks: RFC 3527, a relay agent with an address on another network selects the link',
    run: (rig) =>
      relayed(rig, linkSelection, async () => {
        expectEqual(await lease(rig), 0, "udhcpc's exit code")
        return (await readEnvironment(join(rig.dir, 'udhcpc.bound')))['ip']
      }),
  },
  {
    name: 'networks: a machine that is declared on another subnet gets no reply, and the log has the reason',
    run: (rig) =>
      relayed(rig, plain, async () => {
        const since = rig.server.lines.length
        await setFarMac(rig, clientMac)
        try {
          const status = await lease(rig, ['-t', '2', '-T', '1'])
          expect(status !== 0, 'udhcpc got a lease')
          const { reason = '' } = await rig.server.waitFor(
            'the ignored message',
            ({ msg, mac }) => msg === 'message ignored' && mac === clientMac,
            { since },
          )
          expectMatch(
            reason,
            /^request came through 172\.20\.0\.1, but the reservation is on 172\.16\.0\.0\/24$/,
            'the reason',
          )
          return reason
        } finally {
          await setFarMac(rig, farMac)
        }
      }),
  },
]

/** Runs `body` while dhcrelay runs. */
async function relayed<T>(rig: Rig, options: readonly string[], body: () => Promise<T>): Promise<T> {
  await rig.run('far', ['ip', 'addr', 'flush', 'dev', farInterface])
  let output = ''
  const command = [rig.payload.dhcrelay, '-4', '-d', '--no-pid', ...options, addresses.server]
  const relay = rig.start('relay', 'dhcrelay', ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command], (line) => {
    output += `${line}\n`
  })
  try {
    await waitUntil('dhcrelay to listen', () => /Sending on\s+Socket/.test(output))
    return await body()
  } finally {
    await relay.stop()
  }
}

async function lease(rig: Rig, options: readonly string[] = []): Promise<number | undefined> {
  const command = await udhcpcOn(farInterface, rig, '-f', '-q', '-n', '-t', '4', '-T', '2', ...options)
  return (await rig.run('far', command)).status
}

async function background(rig: Rig): Promise<Running> {
  return rig.start('far', 'udhcpc-far', await udhcpcOn(farInterface, rig, '-f', '-n', '-t', '4', '-T', '2'))
}

async function setFarMac(rig: Rig, mac: string): Promise<void> {
  await rig.run('far', ['ip', 'link', 'set', farInterface, 'address', mac])
}
