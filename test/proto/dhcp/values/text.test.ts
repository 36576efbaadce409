import t from 'tap'
import { formatUuid } from '../../../../src/proto/dhcp/values/text.ts'

const wire = Buffer.from('0044454c4c000000408000525400000011', 'hex') // captured of OVMF and of iPXE

t.test("a UUID is shown as the machine's label shows it (RFC 4578 §2.3)", (t) => {
  t.equal(formatUuid(wire), '4c4c4544-0000-4000-8000-525400000011')
  t.end()
})

const none = [
  { name: 'another type', value: [1, ...wire.subarray(1)] },
  { name: 'another length', value: [...wire, 0] },
  { name: 'nothing', value: [] },
  { name: 'a board without one: zeros', value: Array<number>(17).fill(0) },
  { name: 'a board without one: ones', value: [0, ...Array<number>(16).fill(255)] },
]
for (const { name, value } of none) {
  t.test(`no UUID: ${name}`, (t) => {
    t.equal(formatUuid(Uint8Array.from(value)), undefined)
    t.end()
  })
}

t.test('the same octet throughout, but neither zeros nor ones, is a UUID', (t) => {
  t.equal(
    formatUuid(Uint8Array.from([0, ...Array<number>(16).fill(17)])),
    '11111111-1111-1111-1111-111111111111',
  )
  t.end()
})
