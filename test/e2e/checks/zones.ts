/** Zones copied: BIND and Knot as secondaries, each with a configuration of its own, started by hand. */
import { mkdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import type { Rig } from '../rig.ts'
import { settleLog } from '../server.ts'
import type { Check } from '../runner.ts'
import { client, domain, twins } from '../site.ts'
import { settleClient, waitUntil } from './client.ts'

const zones = ['example.localdomain', '0.16.172.in-addr.arpa', twins.ipv6Zone] as const
const secondaries = { BIND: addresses.bind, Knot: addresses.knot } as const

/** What each name server of others says about a question. */
async function digAt(rig: Rig, server: string, ...question: string[]): Promise<string> {
  const { stdout } = await rig.at('office', ['dig', '+time=2', '+tries=1', `@${server}`, ...question])
  return stdout
}

/** A whole zone, sorted; without comments, which say how long it took. */
async function copyOf(rig: Rig, server: string, zone: string): Promise<string> {
  const text = await digAt(rig, server, '-b', addresses.bind, 'AXFR', zone, '+onesoa')
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith(';'))
  return lines
    .map((line) => line.replace(/\s+/g, ' '))
    .sort()
    .join('\n')
}

async function serialAt(rig: Rig, server: string, zone: string): Promise<string> {
  return (await digAt(rig, server, '+short', 'SOA', zone)).split(' ')[2] ?? ''
}

async function followed(rig: Rig): Promise<void> {
  for (const [name, address] of Object.entries(secondaries)) {
    for (const zone of zones) {
      await waitUntil(`${name} to have ${zone}`, async () => {
        const serial = await serialAt(rig, addresses.server, zone)
        return serial !== '' && serial === (await serialAt(rig, address, zone))
      })
      const [ours, theirs] = [await copyOf(rig, addresses.server, zone), await copyOf(rig, address, zone)]
      expect(ours.split('\n').length > 2, `${zone}: the transfer is empty: ${ours}`)
      expectEqual(theirs, ours, `${zone} at ${name}`)
    }
  }
}

async function reload(rig: Rig): Promise<void> {
  const since = rig.server.lines.length
  rig.server.process.signal('SIGHUP')
  await rig.server.waitFor('"site reloaded"', ({ msg }) => msg === 'site reloaded', { since })
}

export const zoneChecks: readonly Check[] = [
  {
    name: 'zones: BIND and Knot copy every zone, record for record',
    async run(rig) {
      await startBind(rig)
      await startKnot(rig)
      await followed(rig)
      return `serial ${await serialAt(rig, addresses.server, zones[0])}`
    },
  },
  {
    name: 'zones: BIND and Knot follow a reload at once, because they are told',
    async run(rig) {
      const before = Number(await serialAt(rig, addresses.server, zones[0]))
      const since = rig.server.lines.length
      const name = 'registry.example.localdomain'
      try {
        await rig.site.write({ extraHosts: [`{ name: ${name}, address: 172.16.0.90 }`] })
        await reload(rig)
        await followed(rig)
        for (const [who, address] of Object.entries(secondaries)) {
          expectEqual(await digAt(rig, address, '+short', name), '172.16.0.90\n', `${name} at ${who}`)
          expectEqual(await digAt(rig, address, '+short', '-x', '172.16.0.90'), `${name}.\n`, `PTR at ${who}`)
        }
        expect(Number(await serialAt(rig, addresses.server, zones[0])) > before, 'the serial did not rise')
        await settleLog()
        const told = rig.server.lines.slice(since).filter(({ msg }) => msg === 'secondary notified')
        expectEqual(told.length, zones.length * 2, 'answers to NOTIFY')
      } finally {
        await rig.site.write()
        await reload(rig)
      }
      await followed(rig)
      expectEqual(await digAt(rig, addresses.knot, '+short', name), '', `${name} when it is gone again`)
      return undefined
    },
  },
  {
    name: 'zones: IXFR gives the whole zone; AXFR over UDP, other zones and other clients are refused',
    async run(rig) {
      await settleClient(rig)
      const from = ['-b', addresses.bind]
      const zone = zones[0]
      const serial = await serialAt(rig, addresses.server, zone)
      const older = await digAt(rig, addresses.server, ...from, 'IXFR=1', zone, '+tcp')
      expectMatch(
        older,
        new RegExp(`^bs\\.${domain.replaceAll('.', '\\.')}\\.`, 'm'),
        'IXFR of an old version',
      )
      const same = await digAt(rig, addresses.server, ...from, `IXFR=${serial}`, zone, '+tcp')
      expectMatch(same, /XFR size: 1 records/, 'IXFR of this version')
      expectMatch(
        await digAt(rig, addresses.server, ...from, 'AXFR', 'example.net'),
        /Transfer failed/,
        'a foreign zone',
      )
      const stranger = await rig.at('client', ['dig', `@${addresses.server}`, 'AXFR', zone])
      expectMatch(stranger.stdout, /Transfer failed/, 'AXFR for a node')
      const kdig = await rig.at('client', ['kdig', `@${addresses.server}`, '+tcp', 'IXFR=1', zone])
      expectMatch(kdig.stdout + kdig.stderr, /REFUSED/, 'IXFR for a node')
      return undefined
    },
  },
  {
    name: 'dns: kdig, host and getent get records, aliases, services and referrals',
    async run(rig) {
      await settleClient(rig)
      const ask = async (...command: string[]): Promise<string> => (await rig.at('client', command)).stdout
      const at = `@${addresses.server}`
      expectMatch(await ask('kdig', at, `api.${domain}`), /status: NOERROR/, 'kdig')
      expectMatch(
        await ask('kdig', at, 'SRV', '_etcd._tcp.example.localdomain'),
        /SRV\s+0 10 2380 m1\.ocp45[\s\S]*m1\.ocp45\S+\s+3600\s+IN\s+A\s+172\.16\.0\.21/,
        'kdig SRV',
      )
      expectMatch(await ask('kdig', at, '+short', 'TXT', 'example.localdomain'), /^"rack 7"$/m, 'kdig TXT')
      expectMatch(
        await ask('kdig', at, '+nordflag', 'x.lab2.example.localdomain'),
        /NS\s+ns\.lab2/,
        'kdig, referral',
      )
      expectMatch(await ask('kdig', at, '+edns=1', `api.${domain}`), /BADVERS/, 'kdig, EDNS version 1')
      const named = await ask('kdig', at, '+nsid', '+bufsize=512', `api.${domain}`)
      expectMatch(named, new RegExp(`NSID: .*"${hostname()}"`), 'kdig, NSID')
      expectMatch(await ask('kdig', at, 'CH', 'TXT', 'version.bind'), /REFUSED/, 'kdig, version.bind')
      expectMatch(
        await ask('host', 'git.example.localdomain', addresses.server),
        new RegExp(`is an alias for bastion\\.example\\.localdomain[\\s\\S]*has address ${addresses.server}`),
        'host',
      )
      expectMatch(
        await ask('host', client.address, addresses.server),
        /domain name pointer cli\.ocp45/,
        'host, reverse',
      )
      const [, , ipv6] = twins.addresses
      expectMatch(await ask('host', twins.name, addresses.server), /IPv6 address 2001:db8::91/, 'host, IPv6')
      expectMatch(await ask('host', ipv6, addresses.server), /domain name pointer twins\./, 'host, ip6.arpa')
      const firsts = new Set<string | undefined>()
      for (let asked = 0; asked < 20; asked++) {
        firsts.add((await ask('kdig', at, '+short', twins.name)).split('\n')[0])
      }
      expectEqual(firsts.size, 2, 'addresses that come first')
      const resolv = join(rig.dir, 'resolv.conf')
      await writeFile(resolv, `nameserver ${addresses.server}\nsearch example.localdomain\n`)
      const getent = (...words: string[]): Promise<string> => {
        const script = 'mount --bind "$0" /etc/resolv.conf && exec getent "$@"'
        return ask('unshare', '--mount', 'sh', '-c', script, resolv, ...words)
      }
      expectMatch(await getent('ahostsv4', 'git'), new RegExp(`^${addresses.server}\\s`), 'getent')
      expectMatch(await getent('hosts', client.address), /cli\.ocp45/, 'getent, reverse')
      return undefined
    },
  },
]

async function startBind(rig: Rig): Promise<void> {
  const dir = await secondaryDir(rig, 'bind', addresses.bind)
  const options = [
    `directory "${dir}"; pid-file none; session-keyfile none; lock-file none;`,
    `listen-on { ${addresses.bind}; }; listen-on-v6 { none; };`,
    `transfer-source ${addresses.bind}; notify no; recursion no; dnssec-validation no;`,
    'allow-transfer { any; };',
  ]
  const text = [
    `options { ${options.join('\n')} };`,
    'controls { };',
    ...zones.map(
      (zone) => `zone "${zone}" { type secondary; primaries { ${addresses.server}; }; file "${zone}"; };`,
    ),
  ]
  await writeFile(join(dir, 'named.conf'), text.join('\n'))
  rig.beside('office', 'bind', ['named', '-g', '-c', join(dir, 'named.conf')])
}

async function startKnot(rig: Rig): Promise<void> {
  const dir = await secondaryDir(rig, 'knot', addresses.knot)
  // Knot reads YAML in its long form only.
  const text = `\
server:
    rundir: "${dir}"
    listen: ${addresses.knot}@53
log:
  - target: stderr
    any: info
database:
    storage: "${dir}"
remote:
  - id: slipway
    address: ${addresses.server}@53
    via: ${addresses.knot}
acl:
  - id: told
    address: ${addresses.server}
    action: notify
  - id: read
    action: transfer
template:
  - id: default
    storage: "${dir}"
    master: slipway
    acl: [told, read]
zone:
${zones.map((zone) => `  - domain: ${zone}`).join('\n')}
`
  await writeFile(join(dir, 'knot.conf'), text)
  rig.beside('office', 'knot', ['knotd', '-c', join(dir, 'knot.conf')])
}

async function secondaryDir(rig: Rig, name: string, address: string): Promise<string> {
  await rig.at('office', ['ip', 'addr', 'replace', `${address}/24`, 'dev', 'off0'])
  const dir = join(rig.dir, name)
  await mkdir(dir, { recursive: true })
  return dir
}
