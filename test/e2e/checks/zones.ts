/** Zone transfers: BIND and Knot as secondary name servers. */
import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import type { Rig } from '../rig.ts'
import { waitForLogFlush } from '../server.ts'
import type { Check } from '../runner.ts'
import { parentAddress, parentKinds, startParent, type ParentKind } from '../peers/parent.ts'
import { startBind, startKnot } from '../peers/secondaries.ts'
import { client, domain, nodes, twins } from '../site.ts'
import { addClientAddress, waitUntil } from './client.ts'
import { reload } from './reload.ts'

const zones = ['example.localdomain', '0.16.172.in-addr.arpa', twins.ipv6Zone] as const
const secondaries = { BIND: addresses.bind, Knot: addresses.knot } as const

/** Returns the reply of a name server. */
async function digAt(rig: Rig, server: string, ...question: string[]): Promise<string> {
  const { stdout } = await rig.run('office', ['dig', '+time=2', '+tries=1', `@${server}`, ...question])
  return stdout
}

/** Returns a zone, sorted and without comments, which contain times. */
async function transfer(rig: Rig, server: string, zone: string): Promise<string> {
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

async function untilCopied(rig: Rig): Promise<void> {
  for (const [name, address] of Object.entries(secondaries)) {
    for (const zone of zones) {
      await waitUntil(`${name} to have ${zone}`, async () => {
        const serial = await serialAt(rig, addresses.server, zone)
        return serial !== '' && serial === (await serialAt(rig, address, zone))
      })
      const [ours, copy] = [await transfer(rig, addresses.server, zone), await transfer(rig, address, zone)]
      expect(ours.split('\n').length > 2, `${zone}: the transfer is empty: ${ours}`)
      expectEqual(copy, ours, `${zone} at ${name}`)
    }
  }
}

export const zoneChecks: readonly Check[] = [
  {
    name: 'zones: BIND and Knot transfer every zone with all records',
    async run(rig) {
      await startBind(rig, zones)
      await startKnot(rig, zones)
      await untilCopied(rig)
      return `serial ${await serialAt(rig, addresses.server, zones[0])}`
    },
  },
  {
    name: 'zones: BIND and Knot get a NOTIFY after a reload and transfer the zones immediately',
    async run(rig) {
      const before = Number(await serialAt(rig, addresses.server, zones[0]))
      const since = rig.server.lines.length
      const name = 'registry.example.localdomain'
      try {
        await reload(rig, { extraHosts: [`{ name: ${name}, address: 172.16.0.90 }`] })
        await untilCopied(rig)
        for (const [who, address] of Object.entries(secondaries)) {
          expectEqual(await digAt(rig, address, '+short', name), '172.16.0.90\n', `${name} at ${who}`)
          expectEqual(await digAt(rig, address, '+short', '-x', '172.16.0.90'), `${name}.\n`, `PTR at ${who}`)
        }
        expect(
          Number(await serialAt(rig, addresses.server, zones[0])) > before,
          'the serial did not increase',
        )
        await waitForLogFlush()
        const notified = rig.server.lines.slice(since).filter(({ msg }) => msg === 'secondary notified')
        expectEqual(notified.length, zones.length * 2, 'replies to NOTIFY')
      } finally {
        await reload(rig)
      }
      await untilCopied(rig)
      expectEqual(await digAt(rig, addresses.knot, '+short', name), '', `${name} after its removal`)
      return undefined
    },
  },
  {
    name: 'zones: a parent on BIND that delegates or forwards the zone of a cluster gets valid negative answers',
    limitMs: 120_000,
    async run(rig) {
      try {
        await reload(rig, { zones: ['example.localdomain', domain] })
        const kinds = Object.keys(parentKinds) as ParentKind[]
        const parents = [
          ...kinds.map((kind) => ({ kind, isSigned: true })),
          { kind: kinds[0]!, isSigned: false },
        ]
        for (const { kind, isSigned } of parents) {
          const parent = await startParent(rig, kind, isSigned)
          try {
            await waitUntil('the parent', async () => {
              return (await digAt(rig, parentAddress, '+short', 'wiki.example.localdomain')).includes(
                '192.168.124.80',
              )
            })
            const negative = [
              ['SRV', `api.${domain}`, 'NOERROR'],
              ['TXT', `m1.${domain}`, 'NOERROR'],
              ['AAAA', `x.apps.${domain}`, 'NOERROR'],
              ['A', `apps.${domain}`, 'NOERROR'],
              ['TXT', domain, 'NOERROR'],
              ['A', `m9.${domain}`, 'NXDOMAIN'],
            ] as const
            for (const [type, name, status] of negative) {
              for (const transport of ['+notcp', '+tcp']) {
                const text = await digAt(rig, parentAddress, transport, type, name)
                expectMatch(text, new RegExp(`status: ${status}`), `${kind}: ${type} ${name}`)
                expectMatch(text, new RegExp(`^${domain}\\..*\\sSOA\\s`, 'm'), `${kind}: SOA of ${name}`)
              }
            }
            const address = await digAt(rig, parentAddress, '+short', `m1.${domain}`)
            expectEqual(address, `${nodes.m1.address}\n`, `${kind}: m1`)
            const server = await digAt(rig, parentAddress, '+short', 'NS', domain)
            expectMatch(server, /./, `${kind}: NS`)
          } finally {
            await parent.stop()
          }
        }
      } finally {
        await reload(rig)
      }
      return undefined
    },
  },
  {
    name: 'zones: slipway serves the zone of a cluster, and its parent has the other names of the base domain',
    async run(rig) {
      const parent = await startParent(rig, 'delegation')
      try {
        await reload(rig, { baseDomainAt: parentAddress })
        const short = (...question: string[]) => digAt(rig, addresses.server, '+short', ...question)
        await waitUntil('the parent', async () =>
          (await short('wiki.example.localdomain')).includes('192.168.124.80'),
        )
        expectEqual(await short('wiki.example.localdomain'), '192.168.124.80\n', 'a name of the parent')
        expectEqual(await short(`m1.${domain}`), `${nodes.m1.address}\n`, 'a node')
        expectEqual(await short('bastion.example.localdomain'), `${addresses.server}\n`, 'a host')
        const missing = await digAt(rig, addresses.server, 'missing.example.localdomain')
        expectMatch(missing, /status: NXDOMAIN[\s\S]*^example\.localdomain\.\s.*\sSOA\s/m, 'of the parent')
        const own = await digAt(rig, addresses.server, `missing.${domain}`)
        expectMatch(own, /status: NXDOMAIN[\s\S]*^ocp45\.example\.localdomain\.\s.*\sSOA\s/m, 'of slipway')
        const ds = await digAt(rig, addresses.server, '+dnssec', 'DS', domain)
        expectMatch(ds, /status: NOERROR[\s\S]*^example\.localdomain\.\s.*\sSOA\s/m, 'DS of the parent')
      } finally {
        await reload(rig)
        await parent.stop()
      }
      return undefined
    },
  },
  {
    name: 'zones: a validating resolver behind slipway accepts the zone of a cluster below a signed parent',
    async run(rig) {
      const parent = await startParent(rig, 'delegation')
      try {
        await reload(rig, { baseDomainAt: parentAddress })
        let key = ''
        await waitUntil('the key of the parent', async () => {
          const text = await digAt(rig, parentAddress, '+short', 'DNSKEY', 'example.localdomain')
          key = /^257 3 13 (.+)$/m.exec(text)?.[1]?.replaceAll(' ', '') ?? ''
          return key !== ''
        })
        const anchors = join(rig.dir, 'anchors')
        await writeFile(anchors, `trust-anchors { example.localdomain static-key 257 3 13 "${key}"; };\n`)
        const validate = async (name: string): Promise<string> => {
          const command = [
            'delv',
            `@${addresses.server}`,
            '-a',
            anchors,
            '+root=example.localdomain',
            name,
            'A',
          ]
          const { stdout, stderr } = await rig.run('office', command)
          return stdout + stderr
        }
        const parentName = await validate('wiki.example.localdomain')
        expectMatch(parentName, /fully validated[\s\S]*192\.168\.124\.80/, 'a name of the signed parent')
        const node = await validate(`m1.${domain}`)
        expectMatch(node, new RegExp(`unsigned answer[\\s\\S]*${nodes.m1.address}`), 'a node')
      } finally {
        await reload(rig)
        await parent.stop()
      }
      return undefined
    },
  },
  {
    name: 'zones: IXFR transfers the complete zone; other zones and other clients are refused',
    async run(rig) {
      await addClientAddress(rig)
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
        'AXFR of a zone that is not served',
      )
      const node = await rig.run('client', ['dig', `@${addresses.server}`, 'AXFR', zone])
      expectMatch(node.stdout, /Transfer failed/, 'AXFR for a node')
      const kdig = await rig.run('client', ['kdig', `@${addresses.server}`, '+tcp', 'IXFR=1', zone])
      expectMatch(kdig.stdout + kdig.stderr, /REFUSED/, 'IXFR for a node')
      return undefined
    },
  },
  {
    name: 'dns: kdig, host, and getent get records, aliases, services, and referrals',
    async run(rig) {
      await addClientAddress(rig)
      const runClient = async (...command: string[]): Promise<string> =>
        (await rig.run('client', command)).stdout
      const at = `@${addresses.server}`
      expectMatch(await runClient('kdig', at, `api.${domain}`), /status: NOERROR/, 'kdig')
      expectMatch(
        await runClient('kdig', at, 'SRV', '_etcd._tcp.example.localdomain'),
        /SRV\s+0 10 2380 m1\.ocp45[\s\S]*m1\.ocp45\S+\s+3600\s+IN\s+A\s+172\.16\.0\.21/,
        'kdig SRV',
      )
      expectMatch(
        await runClient('kdig', at, '+short', 'TXT', 'example.localdomain'),
        /^"rack 7"$/m,
        'kdig TXT',
      )
      expectMatch(
        await runClient('kdig', at, '+nordflag', 'x.lab2.example.localdomain'),
        /NS\s+ns\.lab2/,
        'kdig, referral',
      )
      expectMatch(await runClient('kdig', at, '+edns=1', `api.${domain}`), /BADVERS/, 'kdig, EDNS version 1')
      const named = await runClient('kdig', at, '+nsid', '+bufsize=512', `api.${domain}`)
      expectMatch(named, new RegExp(`NSID: .*"${hostname()}"`), 'kdig, NSID')
      expectMatch(await runClient('kdig', at, 'CH', 'TXT', 'version.bind'), /REFUSED/, 'kdig, version.bind')
      expectMatch(
        await runClient('host', 'git.example.localdomain', addresses.server),
        new RegExp(`is an alias for bastion\\.example\\.localdomain[\\s\\S]*has address ${addresses.server}`),
        'host',
      )
      expectMatch(
        await runClient('host', client.address, addresses.server),
        /domain name pointer cli\.ocp45/,
        'host, reverse',
      )
      const [, , ipv6] = twins.addresses
      expectMatch(
        await runClient('host', twins.name, addresses.server),
        /IPv6 address 2001:db8::91/,
        'host, IPv6',
      )
      expectMatch(
        await runClient('host', ipv6, addresses.server),
        /domain name pointer twins\./,
        'host, ip6.arpa',
      )
      const firsts = new Set<string | undefined>()
      for (let count = 0; count < 20; count++) {
        firsts.add((await runClient('kdig', at, '+short', twins.name)).split('\n')[0])
      }
      expectEqual(firsts.size, 2, 'different first addresses')
      const resolv = join(rig.dir, 'resolv.conf')
      await writeFile(resolv, `nameserver ${addresses.server}\nsearch example.localdomain\n`)
      const getent = (...args: string[]): Promise<string> => {
        const script = 'mount --bind "$0" /etc/resolv.conf && exec getent "$@"'
        return runClient('unshare', '--mount', 'sh', '-c', script, resolv, ...args)
      }
      expectMatch(await getent('ahostsv4', 'git'), new RegExp(`^${addresses.server}\\s`), 'getent')
      expectMatch(await getent('hosts', client.address), /cli\.ocp45/, 'getent, reverse')
      return undefined
    },
  },
]
