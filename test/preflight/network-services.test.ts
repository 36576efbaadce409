import t from 'tap'
import { dhcpCheck, namesCheck, registryCheck, resolverCheck } from '../../src/preflight/network-services.ts'
import type { Probes } from '../../src/preflight/probes.ts'
import { runCheck } from '../support/probes.ts'

const offers = (...servers: string[]) => ({ offers: () => Promise.resolve({ servers }) })
const proxied = (site: { subnets: object[] }) => Object.assign(site.subnets[0] as object, { dhcp: 'proxy' })

t.test(
  'another DHCP server is a failure where slipway leases addresses, unless the site allows it',
  async (t) => {
    t.match(await runCheck(dhcpCheck, offers('192.0.2.2', '192.0.2.9')), [
      {
        status: 'failure',
        code: 'preflight.other-dhcp-server',
        text: 'another DHCP server (192.0.2.9) offers addresses on 192.0.2.0/24 (eth0), so slipway does not lease there',
      },
    ])
    const allowed = (site: { subnets: object[] }) =>
      Object.assign(site.subnets[0] as object, { otherDhcpServers: 'allow' })
    t.match(await runCheck(dhcpCheck, offers('192.0.2.9'), {}, allowed), [
      { status: 'ok', text: /, which the site allows$/ },
    ])
    t.match(await runCheck(dhcpCheck, offers('192.0.2.2')), [{ status: 'ok' }], 'this server')
    const peers = (site: { server: object }) =>
      Object.assign(site.server, { peers: ['192.0.2.9'], installer: '192.0.2.2' })
    t.match(await runCheck(dhcpCheck, offers('192.0.2.9'), {}, peers), [{ status: 'ok' }], 'a peer')
  },
)

t.test('a subnet with dhcp: proxy needs another DHCP server', async (t) => {
  t.match(await runCheck(dhcpCheck, offers('192.0.2.9'), {}, proxied), [{ status: 'ok' }])
  t.match(await runCheck(dhcpCheck, offers(), {}, proxied), [
    { status: 'warning', code: 'preflight.no-dhcp-server' },
  ])
})

t.test('a subnet that cannot be probed is not reported as free of servers', async (t) => {
  const problem = { offers: () => Promise.resolve({ problem: 'port 68 needs a privilege' }) }
  t.match(await runCheck(dhcpCheck, problem), [{ status: 'warning', code: 'preflight.not-checked' }])
  t.match(await runCheck(dhcpCheck, { interfaces: () => ({}) }), [
    { status: 'ok', text: /nothing was probed/ },
  ])
})

t.test('the site needs one resolver that answers', async (t) => {
  const two = (site: object) => Object.assign(site, { dns: { forward: ['192.0.2.53', '192.0.2.54'] } })
  const answering = (...addresses: string[]) => ({
    resolverProblem: (address: string) =>
      Promise.resolve(addresses.includes(address) ? undefined : 'no answer (ETIMEOUT)'),
  })
  const check = (...addresses: string[]) => runCheck(resolverCheck, answering(...addresses), {}, two)
  t.match(await check('192.0.2.54'), [
    { status: 'warning', text: 'resolver 192.0.2.53: no answer (ETIMEOUT)', remedy: /dns\.forward/ },
    { status: 'ok', text: '192.0.2.54 answers' },
  ])
  t.match(await check(), [{ status: 'failure' }, { status: 'failure' }])
  t.match(await runCheck(resolverCheck), [{ status: 'ok', text: 'the site has no resolvers' }])
})

t.test('a registry answers with a status that a registry has', async (t) => {
  const answers = (answer: object) => ({ httpStatus: () => Promise.resolve(answer) })
  const registries = ['mirror.example.net:5000']
  const check = (answer: object) => runCheck(registryCheck, answers(answer), { registries })
  t.match(await check({ status: 200 }), [{ status: 'ok', text: 'mirror.example.net:5000 answers' }])
  t.match(await check({ status: 502 }), [
    {
      status: 'warning',
      code: 'preflight.registry-unreachable',
      text: 'mirror.example.net:5000: status 502',
    },
  ])
  t.match(await check({ problem: 'mirror.example.net: ECONNREFUSED' }), [
    { status: 'warning', text: 'mirror.example.net: ECONNREFUSED' },
  ])
})

t.test('the name servers of the nodes have the records of the site', async (t) => {
  const withResolver = (site: { subnets: object[] }) =>
    Object.assign(site.subnets[0] as object, { dns: ['192.0.2.53'] })
  const zone = { kind: 'delegation', zone: 'ocp45.example.net', message: 'is not delegated' } as const
  const compared = (failed: boolean): Partial<Probes> => ({
    compareNames: (_model, _plan, servers) =>
      Promise.resolve({
        servers,
        records: servers.flatMap((server) =>
          ['api', 'none'].map((name) => ({
            server,
            expectation: {
              zone: zone.zone,
              name,
              query: name,
              type: 'A',
              values: name === 'api' ? ['192.0.2.3'] : [],
            },
            status: failed ? 'missing' : 'ok',
            severity: failed ? 'failure' : 'ok',
            found: [],
          })),
        ),
        zones: failed ? (['failure', 'warning'] as const).map((severity) => ({ ...zone, severity })) : [],
      }),
  })
  t.match(
    await runCheck(namesCheck),
    [{ status: 'ok', text: /only this name server/ }],
    'slipway does not run yet',
  )
  t.match(await runCheck(namesCheck, compared(false), {}, withResolver), [
    { status: 'ok', text: '192.0.2.53:53 has 1 of 1 record of the site' },
  ])
  t.match(await runCheck(namesCheck, compared(true), { isServing: true }, withResolver), [
    { status: 'failure', text: '192.0.2.2:53 has 0 of 1 record of the site' },
    { status: 'failure', code: 'preflight.names-differ', remedy: /check --dns/ },
    { status: 'failure', text: 'ocp45.example.net: is not delegated' },
    { status: 'warning', text: 'ocp45.example.net: is not delegated' },
  ])
})
