import t from 'tap'
import { formatUuid } from '../../../../src/proto/dhcp/values/text.ts'

const wire = Buffer.from('0044454c4c000000408000525400000011', 'hex') // captures of OVMF and of iPXE

t.test("a UUID is formatted as on the machine's label (RFC 4578 §2.3)", (t) => {
  t.equal(formatUuid(wire), '4c4c4544-0000-4000-8000-525400000011')
  t.end()
})

const none = [
  { name: 'another type', value: [1, ...wire.subarray(1)] },
  { name: 'another length', value: [...wire, 0] },
  { name: 'nothing', value: [] },
  { name: 'not set: zeros', value: Array<number>(17).fill(0) },
  { name: 'not set: ones', value: [0, ...Array<number>(16).fill(255)] },
]
for (const { name, value } of none) {
  t.test(`not a UUID: ${name}`, (t) => {
    t.equal(formatUuid(Uint8Array.from(value)), undefined)
    t.end()
  })
}

t.test('sixteen equal octets, neither zeros nor ones, are a UUID', (t) => {
  t.equal(
    formatUuid(Uint8Array.from([0, ...Array<number>(16).fill(17)])),
    '11111111-1111-1111-1111-111111111111',
  )
  t.end()
})
