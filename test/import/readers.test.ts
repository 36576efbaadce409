/** Single lines and settings of each kind that the files in test/fixtures/import do not have. */
import t from 'tap'
import { draftSite } from '../../src/import/draft.ts'
import { joinFacts, kinds, type KindName } from '../../src/import/kinds.ts'

function imported(...files: readonly (readonly [kind: KindName, text: string])[]) {
  const facts = files.map(([kind, text], index) => kinds[kind].read(text, `f${index + 1}`))
  const { text, notes, problems } = draftSite(joinFacts(facts), ['f'], 'site.yaml')
  return { text, notes: notes.map((note) => note.text), problems: problems.map(({ path }) => path) }
}

t.test('installer: the BMCs of fencing belong to the masters', (t) => {
  const { text, notes } = imported(
    [
      'installer',
      `baseDomain: example.com
metadata: { name: edge }
controlPlane:
  name: master
  replicas: 2
  fencing:
    credentials:
      - { hostname: m1, address: "redfish+https://192.0.2.61/redfish/v1/Systems/1", username: a, password: s3cret }
      - { hostname: m2, address: "redfish+https://192.0.2.62/redfish/v1/Systems/1", username: a, password: s3cret, certificateVerification: Disabled }
networking: { machineNetwork: [{ cidr: 192.0.2.0/24 }] }
platform: { none: {} }
`,
    ],
    [
      'installer',
      `kind: AgentConfig
metadata: { name: edge }
hosts:
  - { hostname: m1, role: master, interfaces: [{ name: eno1, macAddress: "52:54:00:00:53:21" }] }
`,
    ],
  )
  t.match(
    text,
    /name: m1, role: master, mac: "52:54:00:00:53:21", bmc:\s+"?redfish\+https:\/\/192\.0\.2\.61\//,
  )
  t.match(text, /name: m2, role: master[^]*192\.0\.2\.62/)
  t.notMatch(text, /s3cret/)
  t.same(notes, [])
  t.end()
})

t.test('installer: the role arbiter is read, or recognized by the name', (t) => {
  const { text, notes, problems } = imported(
    [
      'installer',
      `baseDomain: example.com
metadata: { name: edge }
controlPlane: { name: master, replicas: 2 }
arbiter: { name: arbiter, replicas: 1, architecture: amd64, hyperthreading: Enabled }
compute: [{ name: worker, replicas: 0 }]
networking: { machineNetwork: [{ cidr: 192.0.2.0/24 }] }
platform: { none: {} }
`,
    ],
    [
      'installer',
      `kind: AgentConfig
metadata: { name: edge }
hosts:
  - { hostname: a1, role: arbiter, interfaces: [{ name: eno1, macAddress: "52:54:00:00:53:24" }] }
  - { hostname: edge-arbiter-2, interfaces: [{ name: eno1, macAddress: "52:54:00:00:53:25" }] }
`,
    ],
  )
  t.match(text, /name: a1, role: arbiter/)
  t.match(text, /name: edge-arbiter-2, role: arbiter/)
  t.same(notes, [])
  t.ok(problems.length > 0, 'addresses are missing')
  t.end()
})

t.test('dnsmasq: lines without a counterpart, and defaults', (t) => {
  const { text, notes } = imported([
    'dnsmasq',
    `dhcp-range=192.0.2.1,192.0.2.9
dhcp-option=3
dhcp-option=15,example.com
dhcp-host=id:01:02,192.0.2.5
dhcp-host=52:54:00:00:53:01,w1,192.0.2.6,infinite
listen-address=127.0.0.1
server=/a.test/b.test/192.0.2.53
local=/own.test/
mx-host=mail.test
srv-host=_a._tcp.test
server=resolver.test
server=2001:db8::53#5353
server=192.0.2.54@ens3
domain=example.com
dhcp-option=option:tftp-server,192.0.2.1
not a line of dnsmasq
`,
  ])
  t.match(text, 'forward: [ "[2001:db8::53]:5353", 192.0.2.54 ]')
  t.match(text, 'subnets:\n  - { cidr: 192.0.2.0/24, domain: example.com }')
  t.match(
    text,
    '- { zone: a.test, servers: [ 192.0.2.53 ] }\n    - { zone: b.test, servers: [ 192.0.2.53 ] }',
  )
  t.match(notes, [
    /^range 192\.0\.2\.1 to/,
    'a machine without a name (192.0.2.5): add it to nodes or hosts',
    /^server resolver\.test: slipway queries/,
  ])
  t.end()
})

t.test('two machines with different names and one address are one node only if their roles agree', (t) => {
  const { text } = imported(
    ['dnsmasq', 'dhcp-host=52:54:00:00:53:01,m1,192.0.2.11\ndhcp-host=52:54:00:00:53:02,w1,192.0.2.12\n'],
    [
      'zone',
      '$ORIGIN ocp.test.\n@ SOA a b 1 2 3 4 5\nmaster1 A 192.0.2.11\nregistry A 192.0.2.12\napi A 192.0.2.2\n',
    ],
    [
      'haproxy',
      'listen a\n  bind 192.0.2.2:6443\n  server cp 192.0.2.11:6443\nlisten b 192.0.2.3:80\nbind :1\n',
    ],
  )
  t.match(text, '{ name: master1, role: master, mac: "52:54:00:00:53:01", address: 192.0.2.11 }')
  t.match(text, '- { name: registry.ocp.test, address: 192.0.2.12 }')
  t.end()
})

t.test('zones: names of reverse zones follow from the nodes', (t) => {
  const reverse = kinds.zone.read(
    '$ORIGIN 2.0.192.in-addr.arpa.\n@ SOA a b 1 2 3 4 5\n11 PTR m1.ocp.test.\n',
    'f',
  )
  t.same([reverse.names, reverse.zones, reverse.notes], [[], [], []])
  const noted = kinds.zone.read('$TTL 60\n$ORIGIN test.\na 60 IN SSHFP 1 1 aa\nb TXT "a" "b"\n', 'f')
  t.match(noted.notes, [{ text: 'a.test SSHFP: records of this type have no counterpart in a site file' }])
  t.match(noted.records, [{ name: 'b.test', txt: ['ab'] }])
  t.end()
})

t.test('libvirt: several elements in one file, prefixes, and isolated networks', (t) => {
  const { text, notes } = imported([
    'libvirt',
    `<networks><network><ip address='192.0.2.1' prefix='25'/></network>
     <network><forward mode='bridge'/><ip address='192.0.3.1'/><ip address='2001:db8::1'/></network></networks>
     <domains><domain><name>m1</name></domain></domains>`,
  ])
  t.match(text, '- { cidr: 192.0.2.0/25 }\n  - { cidr: 192.0.3.0/24 }')
  t.same(notes, ['a machine without an address (m1): add it to nodes or hosts'])
  t.end()
})

t.test(
  'install-config: one control-plane node is a single-node cluster, other platforms have no hosts',
  (t) => {
    const config = `baseDomain: example.com
metadata: { name: ocp }
controlPlane: { replicas: 1 }
platform: { none: {} }
`
    const hosts = 'kind: AgentConfig\nmetadata: { name: other }\nrendezvousIP: 192.0.2.11\n'
    t.same(imported(['installer', config], ['installer', hosts]).notes, [
      'rendezvousIP 192.0.2.11: the file lists no hosts, so add the nodes',
    ])
    const node =
      'kind: BareMetalHost\nmetadata: { name: m1 }\nspec: { bootMACAddress: "52:54:00:00:53:01" }\n'
    const { text } = imported(['installer', config], ['installer', node])
    t.match(text, '- { name: m1, role: single, mac: "52:54:00:00:53:01" }')
    t.notMatch(text, 'loadBalancer')
    const unnamed = imported(['installer', 'kind: AgentConfig\nhosts: [{ role: control-plane }]\n'])
    t.match(unnamed.problems, ['subnets', 'server.address', 'clusters.0.name', 'clusters.0.domain'])
    t.end()
  },
)

t.test('a load balancer alone does not name its cluster', (t) => {
  const { text, problems } = imported([
    'haproxy',
    'frontend a\n  bind 192.0.2.2:6443\nfrontend b\n  bind 192.0.2.3:443\n',
  ])
  t.match(text, 'loadBalancer: { api: 192.0.2.2, ingress: 192.0.2.3 }')
  t.match(problems, ['subnets', 'server.address', 'clusters.0.name', 'clusters.0.domain'])
  t.end()
})

t.test('kea: relay agents, global reservations, and a document without a server', (t) => {
  const { notes } = imported([
    'kea',
    '{ "Dhcp4": { "subnet4": [{ "relay": { "ip-address": "192.0.9.1" } }], "next-server": "0.0.0.0", "client-classes": [{}] } }',
  ])
  t.same(notes, ['relay agent 192.0.9.1: set relays of the subnet if it is not in the subnet'])
  t.same(imported(['kea', '[]']).notes, ['items has no counterpart in a site file'])
  t.end()
})

t.test('helper node: values that are not there, and disks as paths', (t) => {
  const { text, problems } = imported([
    'helpernode',
    'helper: {}\ndisk: /dev/sdb\ndns: { domain: example.com, clusterid: ocp, forwarder1: 192.0.2.53 }\nmasters: [{ name: m1 }]\nchronyconfig: { content: [{}] }\ndhcp: { poolstart: 192.0.2.1 }\n',
  ])
  t.match(text, 'disk: /dev/sdb')
  t.same(problems, [
    'subnets',
    'server.address',
    'clusters.0.nodes',
    'clusters.0.loadBalancer.api',
    'clusters.0.loadBalancer.ingress',
  ])
  t.same(imported(['helpernode', 'helper: { name: h, ipaddr: 192.0.2.9 }\n']).problems, ['subnets'])
  t.end()
})
