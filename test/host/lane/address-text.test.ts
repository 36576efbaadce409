import t from 'tap'
import { createAddressTexts } from '../../../src/host/lane/address-text.ts'

t.test('an address is formatted, also when many others were formatted', (t) => {
  const textOf = createAddressTexts()
  for (let time = 0; time < 2; time++) t.equal(textOf(0xac100065), '172.16.0.101')
  for (let index = 0; index < 5000; index++) textOf(index)
  t.equal(textOf(0xffffffff), '255.255.255.255')
  t.equal(textOf(0), '0.0.0.0')
  t.end()
})
