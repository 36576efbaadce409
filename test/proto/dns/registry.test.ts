import t from 'tap'
import { formatType } from '../../../src/proto/dns/registry.ts'

t.test('known types have a mnemonic, unknown types a number (RFC 3597 §5)', (t) => {
  t.equal(formatType(28), 'AAAA')
  t.equal(formatType(65), 'TYPE65')
  t.end()
})
