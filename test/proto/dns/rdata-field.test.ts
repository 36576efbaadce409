import t from 'tap'
import { Reader } from '../../../src/proto/bytes.ts'
import {
  base64Field,
  hexField,
  nameField,
  numberField,
  stringField,
  textField,
} from '../../../src/proto/dns/rdata-field.ts'
import { presentationWords } from '../../../src/proto/dns/words.ts'

t.test('a field takes its words, and its octets have the same text', (t) => {
  const cases = [
    [numberField(8), '255 x', '255'],
    [numberField(16), '65535 x', '65535'],
    [stringField, '"a b" x', '"a b"'],
    [nameField, 'a.b x', 'a.b.'],
    [nameField, '. x', '.'],
    [textField, '"a b" x', '"a b"'],
  ] as const
  for (const [field, text, formatted] of cases) {
    const words = presentationWords(text)
    t.equal(field.format(new Reader(field.parse(words))), formatted)
    t.equal(words.length, 1)
  }
  for (const [field, text, formatted] of [
    [hexField, '0A ff', '0aff'],
    [base64Field, 'AQ ID', 'AQID'],
  ] as const) {
    const words = presentationWords(text)
    t.equal(field.format(new Reader(field.parse(words))), formatted)
    t.equal(words.length, 0, 'all words that are left')
  }
  t.end()
})
