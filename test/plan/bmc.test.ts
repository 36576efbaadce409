import t from 'tap'
import { bareMetalUrl, bmcName, compileBmcs, resolveBmc } from '../../src/plan/bmc.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

const cases: readonly (readonly [string, object])[] = [
  ['172.16.0.201', { protocol: 'redfish', host: '172.16.0.201', port: 443, isPlain: false }],
  ['bmc-1.example.net:8443', { host: 'bmc-1.example.net', port: 8443 }],
  ['[2001:db8::1]:444', { host: '2001:db8::1', port: 444 }],
  ['ipmi://172.16.0.201', { protocol: 'ipmi', port: 623 }],
  [
    'redfish://u:p@172.16.0.201/redfish/v1/Systems/1',
    { host: '172.16.0.201', system: '/redfish/v1/Systems/1' },
  ],
  ['redfish-virtualmedia+http://b:8000/redfish/v1/Systems/w1', { isPlain: true, port: 8000 }],
  ['idrac-virtualmedia+https://b', { isPlain: false, port: 443 }],
  ['http://b', { isPlain: true, port: 80 }],
]

t.test('addresses and URLs of BMCs', (t) => {
  for (const [address, expected] of cases) t.match(resolveBmc({ address }), expected, address)
  t.end()
})

t.test('the name of a BMC has only an unusual port', (t) => {
  const names = cases.map(([address]) => bmcName(resolveBmc({ address })))
  t.same(names, [
    '172.16.0.201',
    'bmc-1.example.net:8443',
    '[2001:db8::1]:444',
    '172.16.0.201',
    '172.16.0.201',
    'b:8000',
    'b',
    'b',
  ])
  t.end()
})

t.test('the URL of a BareMetalHost', (t) => {
  t.equal(bareMetalUrl({ address: 'ipmi://b' }), 'ipmi://b')
  t.equal(bareMetalUrl({ address: 'b' }), 'redfish-virtualmedia://b/redfish/v1/Systems/1')
  t.equal(
    bareMetalUrl({ address: 'b', system: '/redfish/v1/Systems/x' }),
    'redfish-virtualmedia://b/redfish/v1/Systems/x',
  )
  t.end()
})

t.test('a node overrides its cluster, and a cluster the site', (t) => {
  const site = exampleSite()
  const cluster = site.clusters[0] as (typeof site.clusters)[number]
  const [first = {}, second = {}] = cluster.nodes
  Object.assign(site, { bmc: { credentials: '/site', networkBoot: 'http' } })
  Object.assign(cluster, { bmc: { credentials: '/cluster', power: 'managed' } })
  Object.assign(first, { bmc: 'redfish://172.16.0.201' })
  Object.assign(second, {
    bmc: {
      address: '172.16.0.202',
      system: '2',
      credentials: 'own',
      ca: '/ca',
      networkBoot: 'pxe',
      power: 'manual',
      protocol: 'ipmi',
    },
    loader: 'ipxe',
  })
  const plans = [...compileBmcs(exampleModel(site)).values()]
  t.match(plans, [
    {
      node: 'ocp45/bs',
      credentials: '/cluster',
      networkBoot: 'http',
      isManaged: true,
      loaderUrl: 'http://192.0.2.2/loaders/efi/snponly.efi',
    },
    {
      protocol: 'ipmi',
      system: '2',
      credentials: 'own',
      ca: '/ca',
      networkBoot: 'pxe',
      isManaged: false,
      loaderUrl: 'http://192.0.2.2/loaders/efi/ipxe.efi',
    },
  ])
  t.equal(plans.length, 2)
  t.end()
})

t.test('the loader of an arm64 node', (t) => {
  const site = exampleSite()
  const [image] = Object.values(site.images) as [object]
  Object.assign(image, { architecture: 'aarch64' })
  Object.assign(site.clusters[0]?.nodes[0] ?? {}, { bmc: 'redfish://b' })
  const [plan] = compileBmcs(exampleModel(site)).values()
  t.match(plan?.loaderUrl, /\/loaders\/arm64\/ipxe\.efi$/)
  t.end()
})
