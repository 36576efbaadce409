import { createRequire } from 'node:module'
import t from 'tap'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import type { DhcpPlan } from '../../../src/plan/dhcp/plan.ts'
import { replyFrom } from '../../support/dhcp-ask.ts'
import { clientPacket, octetsOf } from '../../support/dhcp-message.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

type Fields = Parameters<typeof clientPacket>[0]
type Options = NonNullable<Fields['options']>

const full = {
  cidr: '192.0.2.0/24',
  gateway: '192.0.2.1',
  ntp: ['192.0.2.7', '192.0.2.8'],
  search: ['ocp45.example.net', 'example.net'],
}

function planOf(subnet: object = full, clusterName = 'ocp45'): DhcpPlan {
  const site = exampleSite()
  site.subnets = [subnet as (typeof site.subnets)[0]]
  site.clusters[0]!.name = clusterName
  return compileDhcp(exampleModel(site)).plan
}

function replyTo(fields: Fields, plan = planOf()) {
  return replyFrom(plan, clientPacket(fields))
}

/** Returns the length of the message without padding. */
const used = (octets: Uint8Array) => octets.findLastIndex((octet) => octet === 255) + 1

const discover = (...options: Options): Fields => ({ type: 'discover', options })
const firmware: Options = [
  [93, [0, 7]],
  [60, 'PXEClient:Arch:00007:UNDI:003000'],
]
const ipxe: Options = [...firmware, [77, 'iPXE']]

const lists = [
  {
    name: 'RFC 2131 §3.5: no list means all parameters',
    options: [],
    codes: [53, 54, 51, 1, 3, 6, 12, 15, 42, 119, 28, 58, 59],
  },
  {
    name: 'an empty list means all parameters',
    options: [[55, []]],
    codes: [53, 54, 51, 1, 3, 6, 12, 15, 42, 119, 28, 58, 59],
  },
  {
    name: 'RFC 2132 §9.8: the requested options in the requested order, and the mask',
    options: [[55, [15, 42, 12]]],
    codes: [53, 54, 51, 1, 15, 42, 12],
  },
  {
    name: 'RFC 2132 §3.3: the mask precedes the router',
    options: [[55, [3, 6, 1]]],
    codes: [53, 54, 51, 1, 3, 6],
  },
  {
    name: 'RFC 2132 §3.3: the mask is sent even if not requested, before the router',
    options: [[55, [6, 3]]],
    codes: [53, 54, 51, 1, 6, 3],
  },
  {
    name: 'a code requested twice is sent once, an unknown one not at all',
    options: [[55, [3, 3, 43, 60, 121, 3, 255, 0]]],
    codes: [53, 54, 51, 1, 3],
  },
  {
    name: 'RFC 2131 table 3: lease time and server are sent, requested or not',
    options: [[55, [51, 53, 54]]],
    codes: [53, 54, 51, 1],
  },
  {
    name: 'boot options are sent even if not requested',
    options: [...firmware, [55, [6]]],
    codes: [53, 54, 51, 1, 67, 66, 6],
  },
  {
    name: 'iPXE gets option 175 even if not requested',
    options: [...ipxe, [55, [6]]],
    codes: [53, 54, 51, 1, 67, 175, 6],
  },
  {
    name: 'RFC 4578 §2.3: option 97 is echoed to firmware',
    options: [...firmware, [97, [0, ...new Array<number>(16).fill(7)]], [55, [6]]],
    codes: [53, 54, 51, 1, 67, 66, 97, 6],
  },
  {
    name: 'option 97 of other clients is not echoed',
    options: [
      [97, [0, 1]],
      [55, [6]],
    ],
    codes: [53, 54, 51, 1, 6],
  },
] as const satisfies readonly { name: string; options: Options; codes: readonly number[] }[]
for (const { name, options, codes } of lists) {
  t.test(name, (t) => {
    t.same(replyTo(discover(...options)).codes, codes)
    t.end()
  })
}

t.test(
  'neither option 60 nor 43 is ever sent: OVMF stops with PXE-E16 at 60 alone (capture variant-ovmf-opt60)',
  (t) => {
    const { codes } = replyTo(discover(...firmware))
    t.same(
      codes.filter((code) => code === 60 || code === 43),
      [],
    )
    t.end()
  },
)

t.test('firmware gets its loader by TFTP: siaddr, file, options 66 and 67', (t) => {
  const reply = replyTo(discover(...firmware))
  t.equal(reply.siaddr, 0xc0000202)
  t.equal(reply.file, 'efi/snponly.efi')
  t.equal(Buffer.from(reply.value(67) ?? []).toString(), 'efi/snponly.efi\0')
  t.equal(Buffer.from(reply.value(66) ?? []).toString(), '192.0.2.2')
  t.end()
})

t.test("iPXE gets the URL of its node's script, and does not wait for a ProxyDHCP server", (t) => {
  const reply = replyTo(discover(...ipxe))
  t.equal(reply.file, 'http://192.0.2.2/boot/ocp45/m1/boot.ipxe')
  t.equal(reply.siaddr, 0xc0000202)
  t.same([...(reply.value(175) ?? [])], [0xb0, 0x01, 0x01])
  t.end()
})

for (const { text, file } of [
  { text: 'PXEClient:Arch:00000:UNDI:002001', file: 'bios/undionly.kpxe' },
  { text: 'PXEClient:Arch:00007:UNDI:003000', file: 'efi/snponly.efi' },
  { text: 'PXEClient', file: 'bios/undionly.kpxe' },
  { text: 'HTTPClient', file: '' },
]) {
  t.test(`RFC 4578 §3: without option 93, "${text}" leads to ${file === '' ? 'nothing' : file}`, (t) => {
    t.equal(replyTo(discover([60, text])).file, file)
    t.end()
  })
}

t.test('option 93 takes precedence over the text of option 60', (t) => {
  const options: Options = [
    [60, 'PXEClient:Arch:00000:UNDI:002001'],
    [93, [0, 11]],
  ]
  t.equal(replyTo(discover(...options)).file, 'arm64/ipxe.efi')
  t.end()
})

t.test('a system that does not boot gets neither file nor next server', (t) => {
  t.match(replyTo(discover()), { file: '', siaddr: 0 })
  t.end()
})

const identifiers: { name: string; fields: Fields; where: string }[] = [
  { name: 'OFFER', fields: { type: 'discover' }, where: '53,54,51,61' },
  { name: 'ACK', fields: { type: 'request', ciaddr: '192.0.2.11' }, where: '53,54,51,61' },
  { name: 'NAK', fields: { type: 'request', ciaddr: '192.0.2.99' }, where: '53,54,61,56' },
]
for (const { name, fields, where } of identifiers) {
  t.test(`RFC 6842 §3: ${name} echoes the client identifier unchanged`, (t) => {
    const value = [255, 1, 2, 3, 4, 0, 2, 0, 0] // RFC 4361 §6.1: type 255, IAID, DUID
    const reply = replyTo({ ...fields, options: [[61, value]] })
    t.same([...(reply.value(61) ?? [])], value)
    t.equal(reply.codes.slice(0, 4).join(), where)
    t.end()
  })
}

t.test('a client identifier in several parts (RFC 3396) is echoed completely', (t) => {
  const value = Array.from({ length: 300 }, (_, index) => index & 255)
  const reply = replyTo(
    discover([61, value], [57, [0x05, 0xdc]]), // 1500
  )
  t.same([...(reply.value(61) ?? [])], value)
  t.end()
})

t.test('a client identifier that does not fit is not echoed, but the other options are sent', (t) => {
  const reply = replyTo(discover([61, new Array<number>(320).fill(7)], [55, [3]]))
  t.same(reply.codes, [53, 54, 51, 1, 3])
  t.end()
})

const sizes = [
  { name: 'none: 576 minus 28 for IPv4 and UDP', option: undefined, most: 548 },
  { name: '576', option: 576, most: 548 },
  { name: 'less than 576, which RFC 2132 §9.10 does not allow', option: 68, most: 548 },
  { name: '1000', option: 1000, most: 972 },
  { name: "1472 (OVMF's DISCOVER)", option: 1472, most: 1444 },
  { name: '1500', option: 1500, most: 1472 },
  { name: "65280 (OVMF's REQUEST): at most an Ethernet frame", option: 65280, most: 1472 },
]
for (const { name, option, most } of sizes) {
  t.test(`RFC 2132 §9.10: a maximum message size of ${name}`, (t) => {
    const plan = planOf({
      ...full,
      dns: Array.from({ length: 400 }, (_, index) => `192.0.2.${(index % 200) + 20}`),
    })
    const size: Options = option === undefined ? [] : [[57, [option >>> 8, option & 255]]]
    const reply = replyTo(discover(...size, [55, [1, 12, 6]]), plan)
    // 240 before the options; mask, type, server, lease; the list fills the rest in whole addresses.
    t.equal(used(reply.octets) <= most, true, `${used(reply.octets)} of ${most}`)
    t.equal(used(reply.octets) > most - 12, true, `${used(reply.octets)} of ${most}`)
    t.equal((reply.value(6) ?? []).length % 4, 0)
    t.end()
  })
}

t.test('the longest reply exactly fills an Ethernet frame', (t) => {
  const long = planOf({ ...full, search: Array.from({ length: 200 }, (_, index) => `d${index}.example.net`) })
  const reply = replyTo(discover([57, [0xff, 0x00]], [82, new Array<number>(200).fill(1)]), long)
  t.equal(reply.octets.length <= 1472, true)
  t.end()
})

/** Firmware gets no options in `file` and `sname`, so its replies have less space. */
t.test('RFC 3397 §2: a search list is shortened between names', (t) => {
  const search = Array.from({ length: 40 }, (_, index) => `zone-${index + 10}.example.net`)
  const reply = replyTo(
    discover([61, [0, 1, 2, 3, 4, 5, 6, 7]], ...firmware, [55, [119, 12, 28]]),
    planOf({ ...full, search }),
  )
  // 21 octets for the first name, 10 for each name with a pointer to its suffix.
  t.equal((reply.value(119)?.length ?? 0) % 10, 1)
  t.same(
    reply.codes,
    [53, 54, 51, 61, 1, 67, 66, 119],
    'which leaves no space for options requested after it',
  )
  t.end()
})

t.test('text is never shortened', (t) => {
  const reply = replyTo(
    discover([61, new Array<number>(215).fill(7)], ...firmware, [55, [12, 15]]),
    planOf(full, 'a-long-name-for-a-cluster'),
  )
  t.same(reply.codes, [53, 54, 51, 61, 1, 67, 66, 15], 'the full name does not fit, the domain does')
  t.end()
})

t.test('RFC 3046 §2.2: relay agent information is echoed last, unchanged', (t) => {
  const value = [1, 4, 0, 1, 2, 3, 2, 2, 9, 9]
  const fields: Fields = { type: 'discover', giaddr: '192.0.2.1', options: [[82, value]] }
  const reply = replyTo(fields)
  t.equal(reply.codes.at(-1), 82)
  t.same([...(reply.value(82) ?? [])], value)
  const nak = replyTo({ ...fields, type: 'request', ciaddr: '192.0.2.99' })
  t.equal(nak.codes.at(-1), 82)
  t.end()
})

t.test('RFC 3046 §2.2: it is echoed without a relay agent too, whatever its content', (t) => {
  t.same([...(replyTo(discover([82, [5, 9]])).value(82) ?? [])], [5, 9])
  t.end()
})

t.test('RFC 3046 §2.2: its space is reserved, and it is left out completely if it does not fit', (t) => {
  const room = (octets: number) =>
    replyTo(discover([82, new Array<number>(octets).fill(1)], [61, [1, 2]], ...firmware)).codes
  t.equal(room(250).at(-1), 82)
  t.equal(room(400).includes(82), false)
  t.end()
})

t.test('RFC 3527: the link selection names the network if giaddr is a loopback of the fabric', (t) => {
  const giaddr = '203.0.113.9'
  const link = (text: string): Options => [[82, [5, 4, ...octetsOf(text)]]]
  const fabric = planOf({ ...full, relays: [giaddr] })
  t.equal(replyTo({ type: 'discover', giaddr, options: link('192.0.2.1') }, fabric).yiaddr, 0xc000020b)
  t.throws(() => replyTo({ type: 'discover', giaddr, options: link('198.51.100.1') }, fabric), {
    message: /dhcp\.unknown-relay.*203\.0\.113\.9 is not a relay agent of the network of 198\.51\.100\.1/,
  })
  t.end()
})

t.test('option 82 gives a relay agent nothing that the site file does not', (t) => {
  const agent = '203.0.113.9'
  const options: Options = [[82, [5, 4, ...octetsOf('192.0.2.1'), 11, 4, ...octetsOf(agent)]]]
  const unknown = { message: /dhcp\.unknown-relay/ }
  t.throws(() => replyTo({ type: 'discover', giaddr: agent, options }), unknown, 'not in the subnet')
  t.throws(() => replyTo({ type: 'inform', giaddr: agent, ciaddr: '192.0.2.11' }), unknown)
  const listed = planOf({ ...full, relays: ['192.0.2.1'] })
  t.equal(replyTo({ type: 'discover', giaddr: '192.0.2.1' }, listed).yiaddr, 0xc000020b)
  t.throws(() => replyTo({ type: 'discover', giaddr: '192.0.2.3' }, listed), unknown, 'not in the list')
  t.end()
})

t.test('RFC 5107: a relay agent can replace the server identifier', (t) => {
  const giaddr = '192.0.2.1'
  const override: Options[number] = [82, [11, 4, ...octetsOf('192.0.2.1')]]
  const offer = replyTo({ type: 'discover', giaddr, options: [override] })
  t.same([...(offer.value(54) ?? [])], octetsOf('192.0.2.1'))
  const chosen: Options = [
    [54, octetsOf('192.0.2.1')],
    [50, octetsOf('192.0.2.11')],
  ]
  t.same([...(replyTo({ type: 'request', giaddr, options: [...chosen, override] }).value(53) ?? [])], [5])
  t.throws(() => replyTo({ type: 'request', giaddr, options: chosen }), {
    message: /the client chose server 192\.0\.2\.1/,
  })
  t.end()
})

type Read = { yiaddr: string; file: string; options: Record<number, unknown> }
const protocol = createRequire(import.meta.url)('dhcp/lib/protocol.js') as {
  parse(octets: Uint8Array): Read
}

t.test('an independent decoder reads the same reply (package dhcp)', (t) => {
  // It stops at options that it does not know, such as 119: request only those that it knows.
  const { octets } = replyTo(discover([55, [1, 3, 6, 12, 15, 28, 42, 58, 59]], ...firmware))
  const read = protocol.parse(Buffer.from(octets))
  t.equal(read.yiaddr, '192.0.2.11')
  t.equal(read.file, 'efi/snponly.efi')
  t.match(read.options, {
    53: 2,
    54: '192.0.2.2',
    51: 86_400,
    1: '255.255.255.0',
    3: ['192.0.2.1'],
    6: ['192.0.2.2'],
    12: 'm1.ocp45.example.net',
    15: 'ocp45.example.net',
    28: '192.0.2.255',
    42: ['192.0.2.7', '192.0.2.8'],
    58: 43_200,
    59: 75_600,
    66: '192.0.2.2',
    67: /^efi\/snponly\.efi/,
  })
  t.end()
})
