/** Queries with `dig`: names and addresses of the cluster, negative answers, transports, forwarding. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, expectEqual, expectMatch } from '../expect.ts'
import { addresses, type Namespace } from '../network.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { client, domain, nodes } from '../site.ts'
import { addClientAddress } from './client.ts'

/** The address in all answers of the office's resolver. */
const outside = '203.0.113.80'

export const dnsChecks: readonly Check[] = [
  {
    name: 'dns: forward names of all nodes, the load balancer, the wildcard, and hosts',
    async run(rig) {
      await addClientAddress(rig)
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
    name: 'dns: reverse names of all addresses; a node has one name, and api-int has its own',
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
    name: 'dns: a name without an AAAA gets NODATA, a missing name NXDOMAIN, both with the SOA',
    async run(rig) {
      const nodata = await dig(rig, `m1.${domain}`, 'AAAA')
      expectEqual(`${nodata.status} ${nodata.records.length}`, 'NOERROR 0', 'AAAA of m1')
      expectMatch(nodata.text, / SOA /, 'authority section of NODATA')
      for (const name of [`missing.${domain}`, `x.api.${domain}`]) {
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
    name: 'dns: TCP, EDNS(0), and a question in mixed case',
    async run(rig) {
      const name = `m1.${domain}`
      const overTcp = await dig(rig, '+tcp', name)
      expectEqual(overTcp.records.join(' '), `${name}. A ${nodes.m1.address}`, 'over TCP')
      const plain = await dig(rig, '+noedns', name)
      expectEqual(plain.records.join(' '), `${name}. A ${nodes.m1.address}`, 'without EDNS')
      expect(!plain.text.includes('EDNS:'), 'the reply to a query without EDNS has an OPT record')
      expectMatch((await dig(rig, '+bufsize=1232', name)).text, /EDNS: version: 0/, 'with EDNS')
      expectMatch((await dig(rig, '+edns=1', '+noednsneg', name)).text, /status: BADVERS/, 'EDNS version 1')
      const mixed = `M1.oCp45.ExAmPlE.LocalDomain`
      expectMatch((await dig(rig, mixed)).text, new RegExp(`^;${mixed}\\.`, 'm'), 'the question, echoed')
      return undefined
    },
  },
  {
    name: 'dns: other names are forwarded for the subnet and the office, over TCP for long answers',
    async run(rig) {
      for (const namespace of ['client', 'office'] as const) {
        const { records } = await digFrom(rig, namespace, 'quay.io')
        expectEqual(records.join(' '), `quay.io. A ${outside}`, `quay.io from the ${namespace}`)
      }
      expectEqual((await dig(rig, '+tcp', 'quay.io')).records.join(' '), `quay.io. A ${outside}`, 'over TCP')
      const large = await dig(rig, 'large.example.net')
      expectEqual(large.records.join(' '), `large.example.net. A ${outside}`, 'after truncation')
      expectEqual((await dig(rig, 'missing.example.net')).status, 'NXDOMAIN', 'missing.example.net')
      return undefined
    },
  },
  {
    name: 'dns: forwarded answers are cached, and their TTL counts down',
    async run(rig) {
      await dig(rig, 'cached.example.net')
      await sleep(1100)
      const { ttls } = await dig(rig, 'CACHED.example.net')
      expect((ttls[0] ?? 60) < 60, `TTL ${ttls.join()} after a second`)
      return `TTL ${ttls.join()}`
    },
  },
  {
    name: 'dns: answers continue when one resolver stops responding, and are stale when all have stopped',
    async run(rig) {
      const [first, second] = rig.resolvers
      await dig(rig, 'brief.example.net')
      first?.signal('SIGSTOP')
      try {
        const waits: number[] = []
        for (let index = 0; index < 8; index++) {
          const { records, milliseconds } = await dig(rig, `n${index}.example.net`)
          expectEqual(
            records.join(' '),
            `n${index}.example.net. A ${outside}`,
            'while one resolver does not respond',
          )
          waits.push(milliseconds)
          await sleep(500)
        }
        expect(
          Math.max(...waits) < 1500,
          `an answer took ${Math.max(...waits)} ms, expected less than 1500 ms`,
        )
        expect(
          (waits.at(-1) ?? 1500) < 150,
          `the last answer took ${waits.at(-1)} ms, expected less than 150 ms`,
        )
        second?.signal('SIGSTOP')
        const stale = await dig(rig, 'brief.example.net')
        expectEqual(stale.records.join(' '), `brief.example.net. A ${outside}`, 'while no resolver responds')
        expectEqual(stale.ttls.join(), '30', 'TTL of the stale answer')
        return `answers after ${waits.join()} ms; stale answer after ${stale.milliseconds} ms`
      } finally {
        for (const resolver of rig.resolvers) resolver.signal('SIGCONT')
      }
    },
  },
  {
    name: 'dns: a flood from another network is rate-limited; a cookie or TCP is not',
    async run(rig) {
      const source = ['-b', addresses.disallowedClient]
      const options = ['+tries=1', '+time=1', '+ignore', '+nocookie']
      const names = Array.from({ length: 60 }, () => `api.${domain}`)
      // Several at once, because a client that waits for a dropped reply sends nothing for 1 s.
      const flood = Array.from({ length: 4 }, () => digFrom(rig, 'office', ...source, ...options, ...names))
      const replies = (await Promise.all(flood)).map(({ text }) => text).join('\n')
      const truncated = replies.match(/flags: qr aa tc/g)?.length ?? 0
      expect(truncated > 0, 'no reply to the flood was truncated')
      const overTcp = await digFrom(rig, 'office', ...source, '+tcp', `api.${domain}`)
      expectEqual(overTcp.records.join(' '), `api.${domain}. A ${addresses.api}`, 'over TCP')
      expectMatch(overTcp.text, /COOKIE: [0-9a-f]{16}01000000[0-9a-f]{24} \(good\)/, 'cookie')
      return `${truncated} of ${flood.length * names.length} truncated`
    },
  },
  {
    name: "dns: clients outside dns.clients get the cluster's names, and REFUSED for others",
    async run(rig) {
      const source = ['-b', addresses.disallowedClient]
      expectEqual((await digFrom(rig, 'office', ...source, 'quay.io')).status, 'REFUSED', 'quay.io')
      const own = await digFrom(rig, 'office', ...source, `api.${domain}`)
      expectEqual(own.records.join(' '), `api.${domain}. A ${addresses.api}`, 'api')
      return undefined
    },
  },
]

type Reply = {
  /** `NOERROR`, `NXDOMAIN`, … */
  readonly status: string
  readonly flags: readonly string[]
  /** The records of the answer section, without TTL and class: `m1.example. A 192.0.2.1`. */
  readonly records: readonly string[]
  readonly ttls: readonly number[]
  /** How long dig waited for the last reply. */
  readonly milliseconds: number
  readonly text: string
}

function dig(rig: Rig, ...question: string[]): Promise<Reply> {
  return digFrom(rig, 'client', ...question)
}

async function digFrom(rig: Rig, namespace: Namespace, ...question: string[]): Promise<Reply> {
  const command = ['dig', '+time=3', '+tries=2', `@${addresses.server}`, ...question]
  const { stdout } = await rig.run(namespace, command)
  // dig separates fields by a varying number of tabs and spaces.
  const text = stdout.replace(/[ \t]+/g, ' ')
  const answer = /;; ANSWER SECTION:\n([^;]*)\n\n/.exec(text)?.[1] ?? ''
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? `no answer: ${text.trim().slice(-300)}`,
    flags: /;; flags: ([\w ]*)/.exec(text)?.[1]?.split(' ') ?? [],
    records: answer
      .split('\n')
      .filter(Boolean)
      .map((line) => line.replace(/ \d+ IN /, ' ')),
    ttls: [...answer.matchAll(/ (\d+) IN /g)].map(([, ttl]) => Number(ttl)),
    milliseconds: Number(/Query time: (\d+) msec/.exec(text)?.[1] ?? NaN),
    text,
  }
}
