/** Other servers on the network: a second appliance with the same site, another DHCP server, a duplicate address. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectEqual, expectMatch } from '../expect.ts'
import { addresses, clientInterface, clientMac } from '../network.ts'
import type { Running } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { waitForLogFlush, startServer, type LogLine, type Server } from '../server.ts'
import { client } from '../site.ts'
import { flushClientAddresses, waitUntil } from './client.ts'
import { dhcpcd } from './other-clients.ts'
import { udhcpcOn } from './udhcpc.ts'

const otherServer = addresses.dhcpServer

export const sharedNetworkChecks: readonly Check[] = [
  {
    name: 'shared: two appliances with one site send the same offer, and the one that is not chosen logs a peer',
    limitMs: 60_000,
    run: (rig) =>
      withPeer(rig, async (peer) => {
        await flushClientAddresses(rig)
        const [since, sincePeer] = [rig.server.lines.length, peer.lines.length]
        expectEqual((await udhcpc(rig)).status, 0, "udhcpc's exit code")
        const offers = [
          await rig.server.waitFor('an offer', isAbout('address offered'), { since }),
          await peer.waitFor('an offer', isAbout('address offered'), { since: sincePeer }),
        ]
        for (const { text } of offers)
          expectMatch(text, new RegExp(`"address":"${client.address}"`), 'the offer')
        await waitForLogFlush()
        const lines = [...rig.server.lines.slice(since), ...peer.lines.slice(sincePeer)]
        const messages = lines.filter(({ mac }) => mac === clientMac).map(({ msg, reason }) => reason ?? msg)
        expectEqual(messages.filter((msg) => msg === 'address acknowledged').length, 1, 'acknowledgments')
        expectEqual(
          messages.filter((reason) => /^the client chose server .*, a peer$/.test(reason)).length,
          1,
          'messages about a peer',
        )
        return undefined
      }),
  },
  {
    name: 'shared: if one appliance is killed between offer and request, the other one serves the client',
    limitMs: 90_000,
    run: (rig) =>
      withPeer(rig, async (peer) => {
        await flushClientAddresses(rig)
        await exchange(rig, {
          offers: peer,
          takeover: rig.server,
          lose: (server) => server.signal('SIGKILL'),
        })
        return undefined
      }),
  },
  {
    name: 'shared: the same with the appliances exchanged',
    limitMs: 90_000,
    run: (rig) =>
      withPeer(rig, async (peer) => {
        await flushClientAddresses(rig)
        try {
          // Stopped instead of killed, because other checks need it. For the network this is the same.
          await exchange(rig, {
            offers: rig.server,
            takeover: peer,
            lose: (server) => server.signal('SIGSTOP'),
          })
        } finally {
          rig.server.process.signal('SIGCONT')
        }
        return undefined
      }),
  },
  {
    name: 'shared: another DHCP server that answers a declared machine causes a warning and is in /health',
    limitMs: 60_000,
    async run(rig) {
      await flushClientAddresses(rig)
      await rig.run('machines', ['ip', 'addr', 'add', `${otherServer}/24`, 'dev', 'mach0'])
      const since = rig.server.lines.length
      const dnsmasq = rig.start('machines', 'dnsmasq', [
        ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--log-dhcp', '--no-ping'],
        ...['--interface=mach0', '--bind-interfaces', '--dhcp-range=172.16.0.200,172.16.0.210,2m'],
        ...['--dhcp-authoritative', '--user=root', `--dhcp-leasefile=${join(rig.dir, 'dnsmasq.leases')}`],
        ...['--pid-file'],
      ])
      try {
        // The other server answers first.
        rig.server.process.signal('SIGSTOP')
        const { status } = await udhcpc(rig)
        rig.server.process.signal('SIGCONT')
        expectEqual(status, 0, "udhcpc's exit code")
        const warning = await rig.server.waitFor(
          'the warning',
          ({ level, msg }) => level === 'warn' && msg === 'another DHCP server answered a declared machine',
          { since },
        )
        expectMatch(warning.text, new RegExp(`"server":"${otherServer}"`), 'the warning')
        const { stdout } = await rig.run('server', ['curl', '-s', `http://${addresses.server}/health`])
        const { otherDhcpServers } = JSON.parse(stdout) as {
          otherDhcpServers: { server: string; mac: string }[]
        }
        expectEqual(otherDhcpServers[0]?.server, otherServer, 'otherDhcpServers of /health')
        expectEqual(otherDhcpServers[0]?.mac, clientMac, 'its client')
        return warning.reason
      } finally {
        rig.server.process.signal('SIGCONT')
        await dnsmasq.stop()
        await rig.run('machines', ['ip', 'addr', 'del', `${otherServer}/24`, 'dev', 'mach0'])
      }
    },
  },
  {
    name: 'shared: an appliance that starts beside dnsmasq does not lease until that server is off',
    limitMs: 90_000,
    run: (rig) => refusesToLease(rig, 'dnsmasq', leasesWhenOff),
  },
  ...(['dhcpd', 'udhcpd'] as const).map((name): Check => ({
    name: `shared: an appliance that starts beside ${name} does not lease`,
    limitMs: 60_000,
    run: (rig) => refusesToLease(rig, name),
  })),
  {
    name: 'shared: a DECLINE of udhcpc for a duplicate address causes a warning and is in /health',
    limitMs: 60_000,
    run: (rig) =>
      withAddressInUse(rig, async () => {
        await udhcpc(rig, '-a')
      }),
  },
  {
    name: 'shared: a DECLINE of dhcpcd causes a warning and is in /health',
    limitMs: 60_000,
    run: (rig) =>
      withAddressInUse(rig, async () => {
        await dhcpcd(rig, 12)
      }),
  },
]

/** Runs `body` while a second appliance serves the same site from its own address. */
async function withPeer<T>(rig: Rig, body: (peer: Server) => Promise<T>): Promise<T> {
  const dir = join(rig.dir, 'peer')
  await mkdir(dir, { recursive: true })
  const text = await readFile(rig.site.sitePath, 'utf8')
  const peerText = text
    .replace(`address: ${addresses.server}, peers`, `address: ${addresses.peer}, peers`)
    .replace('ignition: ignition', `ignition: ${join(rig.dir, 'site/ignition')}`)
    .replace(/^haproxy:[^]*/m, '')
  await writeFile(join(dir, 'site.yaml'), peerText)
  const peer = await startServer(rig.network, join(dir, 'site.yaml'), join(rig.dir, 'slipway-peer.log'), {
    namespace: 'peer',
  })
  try {
    return await body(peer)
  } finally {
    await peer.process.stop()
  }
}

/** Starts a second appliance beside another DHCP server, which offers addresses to any client after its own checks. */
async function refusesToLease(
  rig: Rig,
  name: keyof typeof otherServers,
  andThen?: (rig: Rig, peer: Server, other: Running) => Promise<void>,
): Promise<string | undefined> {
  await flushClientAddresses(rig)
  await rig.run('machines', ['ip', 'addr', 'add', `${otherServer}/24`, 'dev', 'mach0'])
  const dir = join(rig.dir, `other-${name}`)
  await mkdir(dir, { recursive: true })
  await rm(join(rig.dir, 'peer/state'), { recursive: true, force: true })
  const other = rig.start('machines', `other-${name}`, await otherServers[name](dir))
  try {
    return await withPeer(rig, async (peer) => {
      const refused = await peer.waitFor('that it does not lease', ({ msg }) =>
        msg.startsWith('leasing refused'),
      )
      expectMatch(refused.text, new RegExp(`"servers":\\["${otherServer}"\\]`), 'the other server')
      await udhcpc(rig)
      await peer.waitFor('the request', isAbout('message ignored'))
      await waitForLogFlush()
      expectEqual(peer.lines.filter(isAbout('address offered')).length, 0, 'offers of the appliance')
      const health = await rig.run('peer', ['curl', '-s', `http://${addresses.peer}/health`])
      expectMatch(health.stdout, /"status":"degraded".*"dhcp\.not-leasing"/, '/health')
      await andThen?.(rig, peer, other)
      return refused.reason
    })
  } finally {
    await other.stop()
    await rig.run('machines', ['ip', 'addr', 'del', `${otherServer}/24`, 'dev', 'mach0'])
    await flushClientAddresses(rig)
  }
}

async function leasesWhenOff(rig: Rig, peer: Server, other: Running): Promise<void> {
  await other.stop()
  await peer.waitFor('that it leases', ({ msg }) => msg === 'no other DHCP server found, leasing', {
    limitMs: 50_000,
  })
  await flushClientAddresses(rig)
  await udhcpc(rig)
  await peer.waitFor('an offer', isAbout('address offered'))
}

/** Writes the configuration of a server with its default checks of addresses, and returns its command. */
const otherServers = {
  dnsmasq: (dir: string) =>
    Promise.resolve([
      ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--interface=mach0'],
      ...['--bind-interfaces', '--dhcp-range=172.16.0.200,172.16.0.210,2m', '--user=root', '--pid-file'],
      `--dhcp-leasefile=${join(dir, 'leases')}`,
    ]),
  async dhcpd(dir: string) {
    const [file, leases] = [join(dir, 'dhcpd.conf'), join(dir, 'leases')]
    await writeFile(file, 'subnet 172.16.0.0 netmask 255.255.255.0 { range 172.16.0.200 172.16.0.210; }\n')
    await writeFile(leases, '')
    // By its path: the npm package dhcp has a command with the same name.
    return ['/usr/sbin/dhcpd', '-f', '-q', '-cf', file, '-lf', leases, '-pf', join(dir, 'pid'), 'mach0']
  },
  async udhcpd(dir: string) {
    const [file, leases] = [join(dir, 'udhcpd.conf'), join(dir, 'leases')]
    const lines = [
      ...['start 172.16.0.200', 'end 172.16.0.210', 'interface mach0'],
      ...[`lease_file ${leases}`, `pidfile ${join(dir, 'pid')}`],
    ]
    await writeFile(file, `${lines.join('\n')}\n`)
    await writeFile(leases, '')
    return ['busybox', 'udhcpd', '-f', file]
  },
} as const

/** One appliance sends an offer and fails before the REQUEST of the client. The other one then has to serve the client. */
async function exchange(
  rig: Rig,
  { offers, takeover, lose }: { offers: Server; takeover: Server; lose: (server: Server['process']) => void },
): Promise<void> {
  const [since, sinceOther] = [offers.lines.length, takeover.lines.length]
  let output = ''
  takeover.process.signal('SIGSTOP')
  offers.process.signal('SIGSTOP')
  const command = await udhcpcOn(clientInterface, rig, '-f', '-q', '-t', '3', '-T', '2', '-A', '1')
  const running = rig.start(
    'client',
    'udhcpc-exchange',
    ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command],
    (line) => {
      output += `${line}\n`
    },
  )
  try {
    await waitUntil('a DISCOVER', () => output.includes('broadcasting discover'))
    await sleep(500) // udhcpc prints this before it sends
    // Stopped, so that there is time between offer and REQUEST.
    running.signal('SIGSTOP')
    offers.process.signal('SIGCONT')
    await offers.waitFor('its offer', isAbout('address offered'), { since })
    lose(offers.process)
    running.signal('SIGCONT')
    await waitUntil('a REQUEST', () => output.includes(`server ${addressOf(rig, offers)}`))
    takeover.process.signal('SIGCONT')
    expectEqual(await running.ended, 0, `udhcpc's exit code (${output})`)
    expectMatch(output, new RegExp(`${client.address} obtained from ${addressOf(rig, takeover)}`), 'udhcpc')
    await takeover.waitFor('a lease', isAbout('address acknowledged'), { since: sinceOther })
  } finally {
    takeover.process.signal('SIGCONT')
    running.signal('SIGCONT')
    await running.stop()
  }
}

/** Matches lines with this message about the client. */
function isAbout(message: string): (line: LogLine) => boolean {
  return ({ msg, mac }) => msg === message && mac === clientMac
}

function addressOf(rig: Rig, server: Server): string {
  return server === rig.server ? addresses.server : addresses.peer
}

/** Adds the client's address to another machine, runs the client, and expects the warning. */
async function withAddressInUse(rig: Rig, body: () => Promise<void>): Promise<string | undefined> {
  await flushClientAddresses(rig)
  const since = rig.server.lines.length
  await rig.run('machines', ['ip', 'addr', 'add', `${client.address}/24`, 'dev', 'mach0'])
  try {
    await body()
    const warning = await rig.server.waitFor(
      'that the address is in use',
      ({ level, msg, mac }) => level === 'warn' && msg.startsWith('address declined') && mac === clientMac,
      { since },
    )
    const { stdout } = await rig.run('server', ['curl', '-s', `http://${addresses.server}/health`])
    const { declined } = JSON.parse(stdout) as { declined: { mac: string; address: string }[] }
    expectEqual(declined[0]?.address, client.address, 'declined of /health')
    return warning.msg
  } finally {
    await rig.run('machines', ['ip', 'addr', 'del', `${client.address}/24`, 'dev', 'mach0'])
    await flushClientAddresses(rig)
  }
}

async function udhcpc(rig: Rig, ...options: string[]) {
  return rig.run(
    'client',
    await udhcpcOn(clientInterface, rig, '-f', '-q', '-n', '-t', '3', '-T', '2', ...options),
  )
}
