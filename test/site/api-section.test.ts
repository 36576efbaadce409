import t from 'tap'
import { apiSection } from '../../src/site/api-section.ts'

const messages = (keys: object) => {
  const { error } = apiSection.safeParse(keys)
  return error?.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': ')) ?? []
}

t.test('by default, the API listens on loopback, and accepts tokens only', (t) => {
  t.match(apiSection.parse({}), { port: 8443, names: [], clients: [] })
  t.same(messages({ names: 'slipway.example.net', certificate: 'a.crt', key: 'a.key' }), [])
  t.end()
})

t.test('settings that need each other are required together', (t) => {
  const users = [{ name: 'alice' }]
  t.same(messages({ certificate: 'a.crt' }), ['expected both certificate and key'])
  t.same(messages({ key: 'a.key' }), ['expected both certificate and key'])
  t.same(messages({ clients: users }), ['expected both clientCA and clients'])
  t.same(messages({ clientCA: 'ca.crt' }), ['expected both clientCA and clients'])
  t.same(messages({ clientCA: 'ca.crt', clients: users }), [])
  t.same(messages({ proxy: { users } }), ['proxy: expected from, socket, or both'])
  t.same(messages({ proxy: { users, from: '192.0.2.1' } }), [])
  t.same(messages({ proxy: { users, socket: '/run/proxy.sock' } }), [])
  t.end()
})

t.test('a header of a proxy cannot be one that has another meaning', (t) => {
  const header = (name: string) =>
    messages({ proxy: { from: '192.0.2.1', users: [{ name: 'a' }], header: name } })
  const expected = 'expected the name of a header that starts with X- or Remote-, such as X-Forwarded-User'
  t.same(header('Remote-User'), [])
  t.same(header('Cookie'), [`proxy.header: ${expected}`])
  t.same(header('X-'), [`proxy.header: ${expected}`])
  t.end()
})
