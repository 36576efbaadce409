import t from 'tap'
import { OptionCode, optionRowByCode, optionTable } from '../../../src/proto/dhcp/option-table.ts'

t.test('every code is in the table once', (t) => {
  t.equal(optionRowByCode.size, Object.keys(optionTable).length)
  t.end()
})

t.test('each option names its definition', (t) => {
  const without = Object.values(optionTable).filter(
    ({ code, rfc }) => code !== OptionCode.ipxe && !/^RFC \d{4}/.test(rfc),
  )
  t.same(without, [])
  t.end()
})

t.test('codes are available by name and rows by code', (t) => {
  t.equal(OptionCode.serverIdentifier, 54)
  t.match(optionRowByCode.get(119), { name: 'Domain Search', rfc: 'RFC 3397' })
  t.end()
})
