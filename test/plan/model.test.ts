import t from 'tap'
import { formatIp } from '../../src/proto/address/ip.ts'
import { buildModel, httpBase } from '../../src/plan/model.ts'
import { absoluteUrl, urlPaths } from '../../src/plan/urls.ts'
import { siteSchema } from '../../src/site/schema.ts'

const noFacts = { images: new Map(), ignition: new Map(), loaders: new Map() }

const rawNode = { name: 'w1', role: 'worker', mac: '00:00:5e:00:53:01', address: '192.0.2.11' }

function site(changes: { cluster?: object; node?: object; ports?: object } = {}) {
  return siteSchema.parse({
    site: 'lab',
    server: { address: '192.0.2.2', ...(changes.ports && { ports: changes.ports }) },
    subnets: [{ cidr: '192.0.2.0/24' }],
    images: { rhcos: { dir: '/images' }, other: { dir: '/other' } },
    clusters: [
      {
        name: 'c1',
        domain: 'example.net',
        ignition: '/ignition',
        image: 'rhcos',
        disk: '/dev/sda',
        loadBalancer: { api: '192.0.2.5', ingress: '192.0.2.6' },
        nodes: [{ ...rawNode, ...changes.node }],
        ...changes.cluster,
      },
    ],
  })
}

t.test('a node gets its names and the settings of its cluster', (t) => {
  const [node] = buildModel(site(), noFacts).nodes
  t.match(node, {
    key: 'c1/w1',
    fqdn: 'w1.c1.example.net',
    role: 'worker',
    image: 'rhcos',
    disk: { kind: 'path', path: '/dev/sda' },
    boot: 'install',
    menu: { default: 'local', timeoutSeconds: 30 },
    kernelArguments: [],
    loader: undefined,
    ignition: 'worker',
  })
  t.equal(formatIp(node!.address), '192.0.2.11')
  t.equal(node!.subnet!.cidr.prefix, 24)
  t.end()
})

t.test('a setting of a node overrides that of its cluster; kernel arguments are combined', (t) => {
  const cluster = { console: ['tty0'], kernelArguments: ['a=1'], boot: 'menu', loader: 'ipxe' }
  const own = {
    console: ['ttyS0'],
    kernelArguments: ['b=2'],
    boot: 'local',
    loader: 'snponly',
    disk: '/dev/nvme0n1',
    image: 'other',
  }
  const [inherits] = buildModel(site({ cluster }), noFacts).nodes
  t.match(inherits, { boot: 'menu', kernelArguments: ['console=tty0', 'a=1'] })
  const [node] = buildModel(site({ cluster: {}, node: own }), noFacts).nodes
  t.match(node, {
    boot: 'local',
    loader: 'snponly',
    disk: { kind: 'path', path: '/dev/nvme0n1' },
    image: 'other',
    kernelArguments: ['console=ttyS0', 'b=2'],
  })
  t.end()
})

t.test('an infra node is installed as a worker', (t) => {
  t.equal(buildModel(site({ node: { role: 'infra' } }), noFacts).nodes[0]!.ignition, 'worker')
  t.end()
})

t.test('the IPv4 address is reserved, at any position in the list', (t) => {
  const [node] = buildModel(site({ node: { address: ['2001:db8::11', '192.0.2.11'] } }), noFacts).nodes
  t.equal(formatIp(node!.address), '192.0.2.11')
  t.equal(node!.addresses.length, 2)
  t.end()
})

t.test('a node with boot: none is only a member: no MAC address, subnet, or image', (t) => {
  const member = { name: 'w2', role: 'worker', boot: 'none', address: '2001:db8::12' }
  const { nodes, members } = buildModel(site({ cluster: { nodes: [member, rawNode] } }), noFacts)
  t.same(
    nodes.map(({ key }) => key),
    ['c1/w1'],
  )
  t.same(
    members.map(({ key, address }) => [key, formatIp(address)]),
    [
      ['c1/w2', '2001:db8::12'],
      ['c1/w1', '192.0.2.11'],
    ],
  )
  t.equal(members[1], nodes[0])
  t.end()
})

t.test('an unchecked site is rejected', (t) => {
  const outside = site({ node: { address: '198.51.100.1' } })
  t.throws(() => buildModel(outside, noFacts), {
    message: 'site was not checked: the subnet of w1 is missing',
  })
  t.end()
})

t.test('a URL contains the port only if it is not 80', (t) => {
  t.equal(httpBase(site().server), 'http://192.0.2.2')
  const moved = site({ ports: { http: 8080 } }).server
  t.equal(
    absoluteUrl(moved, urlPaths.bootScript({ key: 'c1/w1' })),
    'http://192.0.2.2:8080/boot/c1/w1/boot.ipxe',
  )
  t.equal(urlPaths.image('rhcos-4.17', 'a b%.img'), '/images/rhcos-4.17/a%20b%25.img')
  t.end()
})
