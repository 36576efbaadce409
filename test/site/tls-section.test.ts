import t from 'tap'
import { tlsSection } from '../../src/site/tls-section.ts'

const messages = (keys: object) =>
  tlsSection.safeParse(keys).error?.issues.map(({ message }) => message) ?? []

t.test('the certificate is generated with its CA, or provided with its key', (t) => {
  t.same(messages({ ca: 'generated' }), [])
  t.same(messages({ certificate: '/a.crt', key: '/a.key' }), [])
  t.same(messages({ certificate: '/a.crt', key: '/a.key', ca: '/ca.crt' }), [])
  const either = ['expected either ca: generated, or both certificate and key']
  t.same(messages({}), either)
  t.same(messages({ ca: '/ca.crt' }), either)
  t.same(messages({ certificate: '/a.crt' }), either)
  t.same(messages({ key: '/a.key' }), either)
  t.same(messages({ ca: 'generated', certificate: '/a.crt', key: '/a.key' }), either)
  t.end()
})
