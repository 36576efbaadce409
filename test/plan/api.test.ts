import t from 'tap'
import { withAbsolutePaths } from '../../src/site/file-paths.ts'
import { siteSchema } from '../../src/site/schema.ts'
import { compileApi } from '../../src/plan/api.ts'

const site = (api: object | undefined, server: object = {}) =>
  withAbsolutePaths(
    siteSchema.parse({
      site: 'lab',
      server: { address: '192.0.2.5', ...server },
      subnets: [{ cidr: '192.0.2.0/24' }],
      ...(api && { api }),
    }),
    '/etc/slipway',
  )

t.test('without the section, there is no API on the network', (t) => {
  t.equal(compileApi(site(undefined)), undefined)
  t.end()
})

t.test('the API answers to the names of this machine, and to the declared ones', (t) => {
  const plan = compileApi(site({ names: ['slipway.example.net'] }, { address6: '2001:db8::5' }))
  t.same(plan, {
    address: '127.0.0.1',
    port: 8443,
    names: ['slipway.example.net', '127.0.0.1', '192.0.2.5', '2001:db8::5', 'localhost', '::1'],
  })
  t.same(compileApi(site({ address: '192.0.2.5' }))?.names, ['192.0.2.5', 'localhost', '127.0.0.1', '::1'])
  t.end()
})

t.test('files are relative to the site file, and users have a scope', (t) => {
  const plan = compileApi(
    site({
      certificate: 'api.crt',
      key: 'api.key',
      clientCA: 'clients.crt',
      clients: [{ name: 'wall' }, { name: 'ansible', scope: 'operate' }],
      proxy: {
        ...{ from: ['192.0.2.7', '2001:DB8::7'], socket: 'proxy.sock', header: 'Remote-User' },
        users: [{ name: 'alice', scope: 'admin' }],
      },
    }),
  )
  t.same(plan?.files, { certificate: '/etc/slipway/api.crt', key: '/etc/slipway/api.key' })
  t.equal(plan?.clients?.ca, '/etc/slipway/clients.crt')
  t.same(
    [...(plan?.clients?.scopes ?? [])],
    [
      ['wall', 'read'],
      ['ansible', 'operate'],
    ],
  )
  const { from, scopes, ...rest } = plan?.proxy ?? {}
  t.same([...(from ?? [])], ['192.0.2.7', '2001:db8::7'])
  t.same([...(scopes ?? [])], [['alice', 'admin']])
  t.same(rest, { socket: '/etc/slipway/proxy.sock', header: 'remote-user' })
  t.end()
})

t.test('a proxy that connects with TLS has no socket', (t) => {
  const plan = compileApi(site({ proxy: { from: '192.0.2.7', users: [{ name: 'alice' }] } }))
  t.notHas(plan?.proxy, 'socket')
  t.equal(plan?.proxy?.header, 'x-forwarded-user')
  t.end()
})
