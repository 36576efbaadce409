/**
 * Not alone on the network: a second appliance with the same site, another DHCP server, a machine that uses
 * somebody's address.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectEqual, expectMatch } from '../expect.ts'
import { addresses, clientInterface, clientMac } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { settleLog, startServer, type LogLine, type Server } from '../server.ts'
import { client } from '../site.ts'
import { flushClient, waitUntil } from './client.ts'
import { dhcpcd } from './other-clients.ts'
import { udhcpcOn } from './udhcpc.ts'

const otherServer = addresses.dhcpServer

export const sharedNetworkChecks: readonly Check[] = [
  {
    name: 'shared: two appliances with one site offer the same, and who is not chosen is not surprised',
    limitMs: 60_000,
    run: (rig) =>
      withPeer(rig, async (peer) => {
        await flushClient(rig)
        const [since, sincePeer] = [rig.server.lines.length, peer.lines.length]
        expectEqual((await udhcpc(rig)).status, 0, "udhcpc's exit code")
        const offers = [
          await rig.server.waitFor('an offer', isAbout('address offered'), { since }),
          await peer.waitFor('an offer', isAbout('address offered'), { since: sincePeer }),
        ]
        for (const { text } of offers)
          expectMatch(text, new RegExp(`"address":"${client.address}"`), 'the offer')
        await settleLog()
        const lines = [...rig.server.lines.slice(since), ...peer.lines.slice(sincePeer)]
        const told = lines.filter(({ mac }) => mac === clientMac).map(({ msg, reason }) => reason ?? msg)
        expectEqual(told.filter((msg) => msg === 'address acknowledged').length, 1, 'acknowledgements')
        expectEqual(
          told.filter((reason) => /^the client chose server .*, a peer$/.test(reason)).length,
          1,
          'peers',
        )
        return undefined
      }),
  },
  {
    name: 'shared: when one appliance is killed between its offer and the request, the other one takes over',
    limitMs: 90_000,
    run: (rig) =>
      withPeer(rig, async (peer) => {
        await flushClient(rig)
        await exchange(rig, {
          offers: peer,
          takesOver: rig.server,
          lose: (server) => server.signal('SIGKILL'),
        })
        return undefined
      }),
  },
  {
    name: 'shared: and the other way round',
    limitMs: 90_000,
    run: (rig) =>
      withPeer(rig, async (peer) => {
        await flushClient(rig)
        try {
          // Stopped, not killed: other checks need it again. To the network that is the same.
          await exchange(rig, {
            offers: rig.server,
            takesOver: peer,
            lose: (server) => server.signal('SIGSTOP'),
          })
        } finally {
          rig.server.process.signal('SIGCONT')
        }
        return undefined
      }),
  },
  {
    name: 'shared: another DHCP server that answers a declared machine first is warned of, and in /health',
    limitMs: 60_000,
    async run(rig) {
      await flushClient(rig)
      await rig.at('machines', ['ip', 'addr', 'add', `${otherServer}/24`, 'dev', 'mach0'])
      const since = rig.server.lines.length
      const dnsmasq = rig.beside('machines', 'dnsmasq', [
        ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--log-dhcp', '--no-ping'],
        ...['--interface=mach0', '--bind-interfaces', '--dhcp-range=172.16.0.200,172.16.0.210,2m'],
        ...['--dhcp-authoritative', '--user=root', `--dhcp-leasefile=${join(rig.dir, 'dnsmasq.leases')}`],
        ...['--pid-file'],
      ])
      try {
        // So that the other one is first.
        rig.server.process.signal('SIGSTOP')
        const { status } = await udhcpc(rig)
        rig.server.process.signal('SIGCONT')
        expectEqual(status, 0, "udhcpc's exit code")
        const warning = await rig.server.waitFor(
          'who answered',
          ({ level, msg }) => level === 'warn' && msg === 'another DHCP server answered a declared machine',
          { since },
        )
        expectMatch(warning.text, new RegExp(`"server":"${otherServer}"`), 'the warning')
        const { stdout } = await rig.at('server', ['curl', '-s', `http://${addresses.server}/health`])
        const { otherDhcpServers } = JSON.parse(stdout) as {
          otherDhcpServers: { server: string; mac: string }[]
        }
        expectEqual(otherDhcpServers[0]?.server, otherServer, 'otherDhcpServers of /health')
        expectEqual(otherDhcpServers[0]?.mac, clientMac, 'its client')
        return warning.reason
      } finally {
        rig.server.process.signal('SIGCONT')
        await dnsmasq.stop()
        await rig.at('machines', ['ip', 'addr', 'del', `${otherServer}/24`, 'dev', 'mach0'])
      }
    },
  },
  {
    name: 'shared: udhcpc finds its address in use and declines it; that is warned of, and in /health',
    limitMs: 60_000,
    run: (rig) =>
      withAddressInUse(rig, async () => {
        await udhcpc(rig, '-a')
      }),
  },
  {
    name: 'shared: so does dhcpcd',
    limitMs: 60_000,
    run: (rig) =>
      withAddressInUse(rig, async () => {
        await dhcpcd(rig, 12)
      }),
  },
]

/** Runs `body` while a second appliance serves the same site from an address of its own. */
async function withPeer<T>(rig: Rig, body: (peer: Server) => Promise<T>): Promise<T> {
  const dir = join(rig.dir, 'peer')
  await mkdir(dir, { recursive: true })
  const text = await readFile(rig.site.sitePath, 'utf8')
  const ofPeer = text
    .replace(`address: ${addresses.server}, peers`, `address: ${addresses.peer}, peers`)
    .replace('ignition: ignition', `ignition: ${join(rig.dir, 'site/ignition')}`)
    .replace(/^haproxy:[^]*/m, '')
  await writeFile(join(dir, 'site.yaml'), ofPeer)
  const peer = await startServer(rig.network, join(dir, 'site.yaml'), join(rig.dir, 'slipway-peer.log'), {
    place: 'peer',
  })
  try {
    return await body(peer)
  } finally {
    await peer.process.stop()
  }
}

/** One appliance alone offers and is lost before the client's REQUEST; the other one, back, has to serve the client. */
async function exchange(
  rig: Rig,
  {
    offers,
    takesOver,
    lose,
  }: { offers: Server; takesOver: Server; lose: (server: Server['process']) => void },
): Promise<void> {
  const [since, sinceOther] = [offers.lines.length, takesOver.lines.length]
  let output = ''
  takesOver.process.signal('SIGSTOP')
  offers.process.signal('SIGSTOP')
  const command = await udhcpcOn(clientInterface, rig, '-f', '-q', '-t', '3', '-T', '2', '-A', '1')
  const running = rig.beside(
    'client',
    'udhcpc-exchange',
    ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command],
    (line) => {
      output += `${line}\n`
    },
  )
  try {
    await waitUntil('a DISCOVER', () => output.includes('broadcasting discover'))
    await sleep(500) // it says so before it sends
    // Held, so that there is time between the offer and its REQUEST.
    running.signal('SIGSTOP')
    offers.process.signal('SIGCONT')
    await offers.waitFor('its offer', isAbout('address offered'), { since })
    lose(offers.process)
    running.signal('SIGCONT')
    await waitUntil('a REQUEST', () => output.includes(`server ${addressOf(rig, offers)}`))
    takesOver.process.signal('SIGCONT')
    expectEqual(await running.ended, 0, `udhcpc's exit code (${output})`)
    expectMatch(output, new RegExp(`${client.address} obtained from ${addressOf(rig, takesOver)}`), 'udhcpc')
    await takesOver.waitFor('a lease', isAbout('address acknowledged'), { since: sinceOther })
  } finally {
    takesOver.process.signal('SIGCONT')
    running.signal('SIGCONT')
    await running.stop()
  }
}

/** Lines about the client. */
function isAbout(message: string): (line: LogLine) => boolean {
  return ({ msg, mac }) => msg === message && mac === clientMac
}

function addressOf(rig: Rig, server: Server): string {
  return server === rig.server ? addresses.server : addresses.peer
}

/** Lets a machine use the client's address, runs the client, and looks for the warning. */
async function withAddressInUse(rig: Rig, body: () => Promise<void>): Promise<string | undefined> {
  await flushClient(rig)
  const since = rig.server.lines.length
  await rig.at('machines', ['ip', 'addr', 'add', `${client.address}/24`, 'dev', 'mach0'])
  try {
    await body()
    const warning = await rig.server.waitFor(
      'that the address is in use',
      ({ level, msg, mac }) => level === 'warn' && msg.startsWith('address declined') && mac === clientMac,
      { since },
    )
    const { stdout } = await rig.at('server', ['curl', '-s', `http://${addresses.server}/health`])
    const { declined } = JSON.parse(stdout) as { declined: { mac: string; address: string }[] }
    expectEqual(declined[0]?.address, client.address, 'declined of /health')
    return warning.msg
  } finally {
    await rig.at('machines', ['ip', 'addr', 'del', `${client.address}/24`, 'dev', 'mach0'])
    await flushClient(rig)
  }
}

async function udhcpc(rig: Rig, ...options: string[]) {
  return rig.at(
    'client',
    await udhcpcOn(clientInterface, rig, '-f', '-q', '-n', '-t', '3', '-T', '2', ...options),
  )
}
