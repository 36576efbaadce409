import fc from 'fast-check'
import t from 'tap'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import { replyFrom } from '../../support/dhcp-ask.ts'
import { clientPacket } from '../../support/dhcp-message.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

type Options = NonNullable<Parameters<typeof clientPacket>[0]['options']>

/** Returns text options by code with the given lengths. */
type Lengths = Readonly<Record<number, number>>

function replyTo(lengths: Lengths, ...options: Options) {
  const site = exampleSite()
  const dhcpOptions = Object.entries(lengths).map(([code, octets]) => ({
    code: Number(code),
    text: String.fromCharCode(65 + (Number(code) % 26)).repeat(octets),
  }))
  Object.assign(site.subnets[0] as object, { dhcpOptions })
  return replyFrom(
    compileDhcp(exampleModel(site)).plan,
    clientPacket({ type: 'discover', options: [[55, Object.keys(lengths).map(Number)], ...options] }),
  )
}

const most = 576 - 28
/** Header and magic cookie; then options 53, 54, 51, and 1. */
const before = 240 + 3 + 6 + 6 + 6

/** Returns the value of option 52 in the options field; undefined when it is absent. */
function overloadOf(octets: Uint8Array): number | undefined {
  for (let at = 240; octets[at] !== 255; at += 2 + (octets[at + 1] as number)) {
    if (octets[at] === 52) return octets[at + 2]
  }
  return undefined
}

t.test('RFC 2131 §4.1: a reply that fits does not use file or sname', (t) => {
  const { octets } = replyTo({ 150: 200 })
  t.equal(overloadOf(octets), undefined)
  t.equal(
    octets.subarray(44, 236).every((octet) => octet === 0),
    true,
  )
  t.end()
})

const overloads = [
  { name: 'one in file', lengths: { 150: 255, 151: 100 }, overload: 1, codes: [150, 151] },
  { name: 'one that fills file to its END', lengths: { 150: 255, 151: 125 }, overload: 1, codes: [150, 151] },
  { name: 'one too long for file', lengths: { 150: 255, 151: 126 }, overload: undefined, codes: [150] },
  {
    name: 'one in file, one in sname',
    lengths: { 150: 255, 151: 125, 152: 61 },
    overload: 3,
    codes: [150, 151, 152],
  },
  {
    name: 'one too long for sname',
    lengths: { 150: 255, 151: 125, 152: 62 },
    overload: 1,
    codes: [150, 151],
  },
  {
    name: 'small options still go into the options field',
    lengths: { 150: 255, 151: 125, 152: 4 },
    overload: 1,
    codes: [150, 152, 151],
  },
] as const
for (const { name, lengths, overload, codes } of overloads) {
  t.test(`RFC 2132 §9.3, option 52: ${name}`, (t) => {
    const reply = replyTo(lengths)
    t.equal(overloadOf(reply.octets), overload)
    t.same(reply.codes, [53, 54, 51, 1, ...codes])
    for (const code of codes) {
      t.equal(reply.value(code)?.length, (lengths as Lengths)[code], `option ${code} is whole`)
    }
    t.equal(reply.octets.length <= most, true)
    t.end()
  })
}

t.test('RFC 2131 §4.1: each field with options ends with END, followed by PAD', (t) => {
  const { octets } = replyTo({ 150: 255, 151: 100, 152: 50 })
  t.equal(octets[108], 151)
  t.same([...octets.subarray(108 + 102, 236)], [255, ...new Array<number>(25).fill(0)])
  t.equal(octets[44], 152)
  t.same([...octets.subarray(44 + 52, 108)], [255, ...new Array<number>(11).fill(0)])
  t.end()
})

t.test('RFC 3046 §2.2: relay agent information stays the last option of the options field', (t) => {
  const { octets } = replyTo({ 150: 230, 151: 100 }, [82, [1, 2, 9, 9]])
  const end = octets.findLastIndex((octet) => octet === 255)
  t.same([...octets.subarray(end - 6 - 3, end)], [52, 1, 1, 82, 4, 1, 2, 9, 9])
  t.end()
})

for (const { name, options } of [
  { name: 'PXE firmware', options: [[60, 'PXEClient:Arch:00000:UNDI:002001']] },
  { name: 'firmware without option 60', options: [[93, [0, 0]]] },
  { name: 'iPXE', options: [[77, 'iPXE']] },
] as const satisfies readonly { name: string; options: Options }[]) {
  t.test(`${name} gets names in file and sname, never options`, (t) => {
    const reply = replyTo({ 150: 255, 151: 100 }, ...options)
    t.equal(overloadOf(reply.octets), undefined)
    t.equal([150, 151].filter((code) => reply.value(code) !== undefined).length, 1, 'one has no room')
    t.end()
  })
}

t.test('a reply without space for option 52 omits the options that do not fit', (t) => {
  const identifier = most - (before - 6) - 1 - 2 * 2 // all but END, and no mask
  const reply = replyTo({ 150: 10 }, [61, new Array<number>(identifier).fill(7)])
  t.same(reply.codes, [53, 54, 51, 61])
  t.equal(overloadOf(reply.octets), undefined)
  t.equal(reply.octets.length, most)
  t.end()
})

t.test('RFC 3396 §5: a value of more than 255 octets is split, and read whole', (t) => {
  const { octets, value } = replyTo({ 150: 600 }, [57, [0x05, 0xdc]])
  t.same([octets[before], octets[before + 1]], [150, 255])
  t.same([octets[before + 257], octets[before + 258]], [150, 255])
  t.same([octets[before + 514], octets[before + 515]], [150, 90])
  t.equal(Buffer.from(value(150) ?? []).toString(), 'U'.repeat(600))
  t.end()
})

t.test(
  'RFC 2132 §9.10: no reply is longer than the client accepts, for any declared and requested options',
  (t) => {
    const lengths = fc.dictionary(
      fc.integer({ min: 128, max: 174 }).map(String),
      fc.integer({ min: 1, max: 1024 }),
      {
        maxKeys: 12,
      },
    )
    fc.assert(
      fc.property(lengths, fc.integer({ min: 576, max: 1500 }), fc.nat(300), (some, size, relay) => {
        const reply = replyTo(some, [57, [size >>> 8, size & 255]], [82, new Array<number>(relay).fill(1)])
        if (reply.octets.length > size - 28) throw new Error(`${reply.octets.length} of ${size - 28}`)
        for (const [code, octets] of Object.entries(some)) {
          const value = reply.value(Number(code))
          if (value !== undefined && value.length !== octets) throw new Error(`${code}: ${value.length}`)
        }
      }),
      { numRuns: 100 },
    )
    t.end()
  },
)

t.test('an option that is always sent follows the requested ones, once', (t) => {
  const site = exampleSite()
  const dhcpOptions = [150, 151].map((code) => ({ code, text: 'x', always: true }))
  Object.assign(site.subnets[0] as object, { dhcpOptions })
  const { plan } = compileDhcp(exampleModel(site))
  const codes = (...list: number[]) =>
    replyFrom(plan, clientPacket({ type: 'discover', options: [[55, list]] })).codes
  t.same(codes(151, 3), [53, 54, 51, 1, 151, 3, 150])
  t.end()
})
