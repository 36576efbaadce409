import t from 'tap'
import { OptionCode, optionRowByCode, optionTable } from '../../../src/proto/dhcp/option-table.ts'

t.test('no code stands twice in the table', (t) => {
  t.equal(optionRowByCode.size, Object.keys(optionTable).length)
  t.end()
})

t.test('each option says where it is defined', (t) => {
  const without = Object.values(optionTable).filter(
    ({ code, rfc }) => code !== 175 && !/^RFC \d{4}/.test(rfc),
  )
  t.same(without, [])
  t.end()
})

t.test('codes are found by name and rows by code', (t) => {
  t.equal(OptionCode.serverIdentifier, 54)
  t.match(optionRowByCode.get(119), { name: 'Domain Search', rfc: 'RFC 3397' })
  t.end()
})
