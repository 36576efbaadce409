/** `dig` against the server: the cluster's names and addresses, negative answers, transports, forwarding. */
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { addresses, type Place } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { client, domain, nodes } from '../site.ts'
import { settleClient } from './client.ts'

/** What the office's resolver answers. */
const outside = '203.0.113.80'

export const dnsChecks: readonly Check[] = [
  {
    name: 'dns: every node, the load balancer, the wildcard and hosts, forward',
    async run(rig) {
      await settleClient(rig)
      const wanted = [
        ...Object.values(nodes).map(({ name, address }) => [`${name}.${domain}`, address] as const),
        [`api.${domain}`, addresses.api],
        [`api-int.${domain}`, addresses.apiInternal],
        [`console-openshift-console.apps.${domain}`, addresses.api],
        [`a.b.apps.${domain}`, addresses.api],
        [client.name, client.address],
        ['bastion.example.localdomain', addresses.server],
      ] as const
      for (const [name, address] of wanted) {
        const { records, flags } = await dig(rig, name)
        expectEqual(records.join(' '), `${name}. A ${address}`, name)
        expect(flags.includes('aa'), `${name}: the answer is not authoritative`)
      }
      return `${wanted.length} names`
    },
  },
  {
    name: 'dns: every address, reverse; a node has one name, api-int has its own',
    async run(rig) {
      for (const { name, address } of Object.values(nodes)) {
        const { records } = await dig(rig, '-x', address)
        expectEqual(
          records.map((record) => record.split(' PTR ')[1]).join(' '),
          `${name}.${domain}.`,
          address,
        )
      }
      const { records } = await dig(rig, '-x', addresses.apiInternal)
      expectMatch(records.join(' '), new RegExp(`PTR api-int\\.${domain}\\.`), addresses.apiInternal)
      return undefined
    },
  },
  {
    name: 'dns: a name without an AAAA is NODATA, a name that is not there NXDOMAIN, both with the SOA',
    async run(rig) {
      const nodata = await dig(rig, `m1.${domain}`, 'AAAA')
      expectEqual(`${nodata.status} ${nodata.records.length}`, 'NOERROR 0', 'AAAA of m1')
      expectMatch(nodata.text, / SOA /, 'authority section of NODATA')
      for (const name of [`nobody.${domain}`, `x.api.${domain}`]) {
        const missing = await dig(rig, name)
        expectEqual(`${missing.status} ${missing.records.length}`, 'NXDOMAIN 0', name)
        expectMatch(missing.text, / SOA /, 'authority section of NXDOMAIN')
      }
      const reverse = await dig(rig, '-x', '172.16.0.200')
      expectEqual(reverse.status, 'NXDOMAIN', '172.16.0.200')
      expectEqual((await dig(rig, `apps.${domain}`)).status, 'NOERROR', 'apps itself')
      return undefined
    },
  },
  {
    name: 'dns: SOA and NS of the zones',
    async run(rig) {
      for (const zone of ['0.16.172.in-addr.arpa']) {
        expectMatch(
          (await dig(rig, zone, 'SOA')).records.join(' '),
          / SOA .+ \d+ 3600 900 /,
          `SOA of ${zone}`,
        )
        expectMatch((await dig(rig, zone, 'NS')).records.join(' '), / NS /, `NS of ${zone}`)
      }
      return undefined
    },
  },
  {
    name: 'dns: TCP, EDNS(0) and a question in mixed case',
    async run(rig) {
      const name = `m1.${domain}`
      const overTcp = await dig(rig, '+tcp', name)
      expectEqual(overTcp.records.join(' '), `${name}. A ${nodes.m1.address}`, 'over TCP')
      const plain = await dig(rig, '+noedns', name)
      expectEqual(plain.records.join(' '), `${name}. A ${nodes.m1.address}`, 'without EDNS')
      expect(!plain.text.includes('EDNS:'), 'an OPT record answers a question without one')
      expectMatch((await dig(rig, '+bufsize=1232', name)).text, /EDNS: version: 0/, 'with EDNS')
      expectMatch((await dig(rig, '+edns=1', '+noednsneg', name)).text, /status: BADVERS/, 'EDNS version 1')
      const mixed = `M1.oCp45.ExAmPlE.LocalDomain`
      expectMatch((await dig(rig, mixed)).text, new RegExp(`^;${mixed}\\.`, 'm'), 'the question, echoed')
      return undefined
    },
  },
  {
    name: 'dns: other names are forwarded for the subnet and the office, over TCP where the answer is long',
    async run(rig) {
      for (const place of ['client', 'office'] as const) {
        const { records } = await digFrom(rig, place, 'quay.io')
        expectEqual(records.join(' '), `quay.io. A ${outside}`, `quay.io from the ${place}`)
      }
      expectEqual((await dig(rig, '+tcp', 'quay.io')).records.join(' '), `quay.io. A ${outside}`, 'over TCP')
      const large = await dig(rig, 'large.example.net')
      expectEqual(large.records.join(' '), `large.example.net. A ${outside}`, 'after truncation')
      expectEqual((await dig(rig, 'missing.example.net')).status, 'NXDOMAIN', 'missing.example.net')
      return undefined
    },
  },
  {
    name: "dns: other names are refused to foreigners, the cluster's own are not",
    async run(rig) {
      const foreign = ['-b', addresses.foreigner]
      expectEqual((await digFrom(rig, 'office', ...foreign, 'quay.io')).status, 'REFUSED', 'quay.io')
      const own = await digFrom(rig, 'office', ...foreign, `api.${domain}`)
      expectEqual(own.records.join(' '), `api.${domain}. A ${addresses.api}`, 'api')
      return undefined
    },
  },
]

type Reply = {
  /** `NOERROR`, `NXDOMAIN`, … */
  readonly status: string
  readonly flags: readonly string[]
  /** The answer section, a record each: `m1.example. A 192.0.2.1` (without TTL and class). */
  readonly records: readonly string[]
  readonly text: string
}

function dig(rig: Rig, ...question: string[]): Promise<Reply> {
  return digFrom(rig, 'client', ...question)
}

async function digFrom(rig: Rig, place: Place, ...question: string[]): Promise<Reply> {
  const command = ['dig', '+time=3', '+tries=2', `@${addresses.server}`, ...question]
  const { stdout } = await rig.at(place, command)
  // dig separates by tabs and blanks, as it finds handsome.
  const text = stdout.replace(/[ \t]+/g, ' ')
  const answer = /;; ANSWER SECTION:\n([^;]*)\n\n/.exec(text)?.[1] ?? ''
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? `no answer: ${text.trim().slice(-300)}`,
    flags: /;; flags: ([\w ]*)/.exec(text)?.[1]?.split(' ') ?? [],
    records: answer
      .split('\n')
      .filter(Boolean)
      .map((line) => line.replace(/ \d+ IN /, ' ')),
    text,
  }
}
