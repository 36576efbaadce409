/** Sends the same questions to BIND with the guide's zones and to slipway, and compares every answer. */
import { addClientAddress, waitUntil } from './client.ts'
import { addresses } from '../network.ts'
import { startBind } from '../peers/bind.ts'
import { compareAnswers, type Fields, type Intended } from '../peers/differences.ts'
import { peerAddress } from '../peers/address.ts'
import { output } from '../process.ts'
import { stub, type Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { client, domain, nodes, twins } from '../site.ts'
import { dnsPacket, type DecodedMessage, type DecodedRecord } from '../../support/dns-packet.ts'

const apex = 'example.localdomain'
const names = [
  ...Object.values(nodes).map(({ name }) => `${name}.${domain}`),
  ...[client.name, `bastion.${apex}`, apex, domain, `api.${domain}`, `api-int.${domain}`],
  ...[
    `apps.${domain}`,
    `*.apps.${domain}`,
    `console.apps.${domain}`,
    `a.b.c.apps.${domain}`,
    `x.*.apps.${domain}`,
  ],
  ...[
    `missing.${domain}`,
    `missing.${apex}`,
    `x.api.${domain}`,
    `x.m1.${domain}`,
    `${'a'.repeat(63)}.${domain}`,
  ],
  ...[`M1.oCp45.ExAmPlE.LocalDomain`, `TEST.aPPs.${domain}`, `${'long.'.repeat(35)}${domain}`],
  ...[`git.${apex}`, `dev.${apex}`, `x.dev.${apex}`, `x.git.${apex}`, twins.name],
  ...[`web.${apex}`, `_443._tcp.web.${apex}`, `_tcp.web.${apex}`, '201.0.16.172.in-addr.arpa'],
  ...[`_etcd._tcp.${apex}`, `_tcp.${apex}`, `_other._tcp.${apex}`],
  ...[
    '0.16.172.in-addr.arpa',
    '21.0.16.172.in-addr.arpa',
    '200.0.16.172.in-addr.arpa',
    'x.21.0.16.172.in-addr.arpa',
  ],
  ...['', '1.9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.', '0.0.0.0.', '1.0.0.0.'].map((name) => name + twins.ipv6Zone),
]
const types = [
  ...['A', 'AAAA', 'NS', 'SOA', 'PTR', 'CNAME', 'TXT', 'MX', 'SRV', 'DS', 'ANY'],
  // dns-packet does not know HTTPS, LOC, and private types by name.
  ...['NAPTR', 'TLSA', 'UNKNOWN_65', 'UNKNOWN_29', 'UNKNOWN_65280'],
]

type Question = { readonly name: string; readonly octets: Uint8Array; readonly transport?: 'tcp' }

function query(name: string, type: string, more: Record<string, unknown> = {}): Uint8Array {
  const questions = [{ name, type, class: 'IN' }]
  return Uint8Array.from(
    dnsPacket.encode({ type: 'query', id: 4711, flags: dnsPacket.RECURSION_DESIRED, questions, ...more }),
  )
}

function edns(fields: Record<string, unknown>): Record<string, unknown> {
  return { additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [], ...fields }] }
}

/** Returns a copy of a query with some octets changed. */
function patched(octets: Uint8Array, ...patches: (readonly [at: number, octet: number])[]): Uint8Array {
  const copy = Uint8Array.from(octets)
  for (const [at, octet] of patches) copy[at] = octet
  return copy
}

const m1 = query(`m1.${domain}`, 'A')

const odd: readonly Question[] = [
  { name: 'odd: no recursion desired', octets: query(`m1.${domain}`, 'A', { flags: 0 }) },
  { name: 'odd: CD', octets: query(`m1.${domain}`, 'A', { flags: dnsPacket.CHECKING_DISABLED }) },
  { name: 'odd: AD', octets: query(`m1.${domain}`, 'A', { flags: dnsPacket.AUTHENTIC_DATA }) },
  { name: 'odd: AA, TC and Z in a query', octets: patched(m1, [2, 0x07], [3, 0x40]) },
  { name: 'odd: a response', octets: patched(m1, [2, 0x81]) },
  { name: 'odd: opcode STATUS', octets: patched(m1, [2, 0x11]) },
  { name: 'odd: opcode NOTIFY', octets: patched(m1, [2, 0x21]) },
  { name: 'odd: opcode UPDATE', octets: patched(m1, [2, 0x29]) },
  { name: 'odd: opcode 15', octets: patched(m1, [2, 0x79]) },
  { name: 'odd: class CH', octets: patched(m1, [m1.length - 1, 3]) },
  { name: 'odd: class ANY', octets: patched(m1, [m1.length - 1, 255]) },
  { name: 'odd: an unknown type', octets: patched(m1, [m1.length - 4, 0xff], [m1.length - 3, 0x01]) },
  { name: 'odd: AXFR', octets: query(apex, 'AXFR') },
  { name: 'odd: AXFR over TCP', octets: query(apex, 'AXFR'), transport: 'tcp' },
  {
    name: 'odd: version.bind',
    octets: dnsPacket.encode({
      type: 'query',
      id: 4711,
      questions: [{ name: 'version.bind', type: 'TXT', class: 'CH' }],
    }),
  },
  { name: 'odd: no question', octets: m1.slice(0, 12).fill(0, 4, 6) },
  { name: 'odd: a missing question', octets: m1.slice(0, 12) },
  { name: 'odd: two questions', octets: patched(Uint8Array.of(...m1, ...m1.subarray(12)), [5, 2]) },
  { name: 'odd: a truncated name', octets: m1.slice(0, 20) },
  { name: 'odd: a compressed question', octets: Uint8Array.of(...m1.subarray(0, 12), 0xc0, 12, 0, 1, 0, 1) },
  { name: 'odd: a reserved label', octets: patched(m1, [12, 0x82]) },
  { name: 'odd: eleven octets', octets: m1.slice(0, 11) },
  { name: 'odd: octets after the end', octets: Uint8Array.of(...m1, 1, 2, 3) },
  { name: 'edns: plain', octets: query(`m1.${domain}`, 'A', edns({})) },
  { name: 'edns: DO', octets: query(`m1.${domain}`, 'A', edns({ flags: dnsPacket.DNSSEC_OK })) },
  { name: 'edns: version 1', octets: query(`m1.${domain}`, 'A', edns({ ednsVersion: 1 })) },
  { name: 'edns: unknown flags', octets: query(`m1.${domain}`, 'A', edns({ flags: 0x40 })) },
  {
    name: 'edns: an unknown option',
    octets: query(`m1.${domain}`, 'A', edns({ options: [{ code: 65_001, data: Buffer.from('x') }] })),
  },
  { name: 'edns: 0 octets', octets: query(`m1.${domain}`, 'A', edns({ udpPayloadSize: 0 })) },
  { name: 'edns: NXDOMAIN', octets: query(`missing.${domain}`, 'A', edns({})) },
  { name: 'edns: texts longer than 512 octets', octets: query(apex, 'TXT', edns({})) },
  { name: 'tcp: texts longer than 512 octets', octets: query(apex, 'TXT'), transport: 'tcp' },
  { name: 'tcp: an answer', octets: m1, transport: 'tcp' },
  { name: 'tcp: NXDOMAIN', octets: query(`missing.${domain}`, 'A', edns({})), transport: 'tcp' },
]

/** With recursion desired these names are forwarded; without it they get a referral. */
const delegated: readonly Question[] = [`lab2.${apex}`, `x.lab2.${apex}`, `ns.lab2.${apex}`].flatMap((name) =>
  types.map((type) => ({ name: `delegated: ${name} ${type}`, octets: query(name, type, { flags: 0 }) })),
)

const questions: readonly Question[] = [
  ...names.flatMap((name) => types.map((type) => ({ name: `${name} ${type}`, octets: query(name, type) }))),
  ...delegated,
  // Names that no other check uses: the TTL of a cached answer would be lower.
  { name: 'forwarded: once.example.net A', octets: query('once.example.net', 'A') },
  { name: 'forwarded: missing.example.net A', octets: query('missing.example.net', 'A') },
  ...odd,
]

/** The intended differences and their reasons. An unlisted difference fails the check, and so does a row without one. */
const intended: readonly Intended[] = [
  {
    field: /^soa serial$/,
    question: /./,
    reason: 'slipway uses the time of the site file; the zone of BIND has a fixed serial',
  },
  {
    field: /^soa ttl$/,
    question: / SOA$/,
    reason:
      'BIND sets 0 in negative answers to SOA (zero-no-soa-ttl), for updates, which slipway does not support; RFC 2308 §3 has no exception',
  },
  {
    field: /^(?:answer|soa owner|soa mname|soa rname)$/,
    question: /M1\.oCp45|TEST\.aPPs/,
    reason:
      'names keep the spelling of the question, which resolvers compare (RFC 4343 §4.1); BIND uses the spelling of the zone',
  },
  {
    field: /^(?:rcode|answer)$/,
    question: /^(?:example\.localdomain|0\.16\.172\.in-addr\.arpa|(?:0\.){8}8\S+) DS$/,
    reason:
      'both query the resolvers for DS (RFC 4035 §3.1.4.1); the one of this test answers each question with an A record, which BIND rejects',
  },
  {
    field: /^(?:answer|flags|soa \w+)$/,
    question: /^(?:(?:(?:twins|web)\.)?example\.localdomain|0\.16\.172\.in-addr\.arpa|(?:0\.){8}8\S+) ANY$/,
    reason: 'ANY gets one RRset (RFC 8482 §4.1); BIND sends all, and truncates at 512 octets',
  },
  {
    field: /^additional$/,
    question: /^(?:(?:0\.16\.172\.in-addr|(?:0\.){8}8\S+)\.arpa NS|_etcd\._tcp\.example\.localdomain ANY)$/,
    reason: 'the address of the named server saves a query, also in another zone of the site and after ANY',
  },
  {
    field: /^(?:authority|additional)$/,
    question: /^odd: (?:no recursion|CD|AD)/,
    reason:
      'BIND adds NS to answers when recursion is not desired (minimal-responses); slipway sends minimal answers to all clients',
  },
  {
    field: /^flags$/,
    question:
      /^(?:odd: (?:opcode|class|version|no question|a missing|two|a truncated|a compressed|a reserved)|edns: version 1)/,
    reason:
      'RA shows that recursion is available to this client, also in errors; BIND omits it from some, and RD from others',
  },
  {
    field: /^(?:rcode|question)$/,
    question: /^odd: opcode (?:NOTIFY|UPDATE)$/,
    reason: 'neither is supported, so only the header is read; BIND reports a malformed message',
  },
  {
    field: /^rcode$/,
    question: /^odd: class ANY$/,
    reason: 'only class IN is served; all others are refused',
  },
  {
    field: /^(?:rcode|answer|authority)$/,
    question: /^odd: version\.bind$/,
    reason: 'slipway does not disclose its program name',
  },
]

export const differentialDnsChecks: readonly Check[] = [
  {
    name: 'differential: slipway answers like BIND with the guide’s zones, except for listed differences',
    limitMs: 240_000,
    async run(rig) {
      await addClientAddress(rig)
      const bind = await startBind(rig)
      try {
        const first = { name: '', octets: m1 }
        await waitUntil('BIND', async () => (await sendQueries(rig, peerAddress, [first]))[0] !== undefined)
        const [ours, theirs] = [
          await sendQueries(rig, addresses.server, questions),
          await sendQueries(rig, peerAddress, questions),
        ]
        return compareAnswers(
          questions.map(({ name }, index) => ({
            question: name,
            ours: fieldsOf(ours[index]),
            theirs: fieldsOf(theirs[index]),
          })),
          intended,
        )
      } finally {
        await bind.stop()
      }
    },
  },
]

async function sendQueries(
  rig: Rig,
  to: string,
  queries: readonly Question[],
): Promise<(DecodedMessage | undefined)[]> {
  const input = JSON.stringify(
    queries.map(({ octets, transport = 'udp' }) => ({
      to,
      port: 53,
      transport,
      hex: Buffer.from(octets).toString('hex'),
    })),
  )
  const command = rig.network.inside('client', process.execPath, stub('send-queries'))
  const replies = JSON.parse(await output(command, { input, limitMs: 120_000 })) as (string | null)[]
  return replies.map((hex) => (hex === null ? undefined : dnsPacket.decode(Buffer.from(hex, 'hex'))))
}

function fieldsOf(reply: DecodedMessage | undefined): Fields {
  if (reply === undefined) return { reply: 'none' }
  const fields: Record<string, string> = {
    id: String(reply.id),
    opcode: reply.opcode,
    rcode: reply.rcode,
    flags: (['aa', 'tc', 'rd', 'ra', 'ad', 'cd'] as const).filter((flag) => reply[`flag_${flag}`]).join(' '),
    question: reply.questions.map(({ name, type, class: qclass }) => `${name} ${qclass} ${type}`).join(', '),
    answer: text(reply.answers),
    authority: text(reply.authorities.filter(({ type }) => type !== 'SOA')),
    additional: text(reply.additionals.filter(({ type }) => type !== 'OPT')),
  }
  for (const soa of [...reply.authorities, ...reply.answers].filter(({ type }) => type === 'SOA')) {
    fields['soa owner'] = soa.name
    fields['soa ttl'] = String(soa.ttl)
    for (const [key, value] of Object.entries(soa.data as Record<string, unknown>))
      fields[`soa ${key}`] = String(value)
  }
  const opt = reply.additionals.find(({ type }) => type === 'OPT')
  if (opt !== undefined) {
    fields['edns size'] = String(opt.udpPayloadSize)
    fields['edns rcode'] = String(opt.extendedRcode)
    fields['edns do'] = String(opt.flag_do)
    fields['edns options'] = JSON.stringify(opt.options)
  }
  return fields
}

/** Sorted, because servers rotate records. */
function text(records: readonly DecodedRecord[]): string {
  const lines = records
    .filter(({ type }) => type !== 'SOA')
    .map(({ name, type, ttl, data }) => `${name} ${ttl ?? 0} ${type} ${JSON.stringify(data)}`)
  return lines.sort().join(', ')
}
