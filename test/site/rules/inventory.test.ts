import t from 'tap'
import { loadSite } from '../../../src/site/load.ts'
import { siteText } from '../../support/site-folder.ts'

function load(from: string, to: string, edit = (text: string) => text) {
  const section = `inventory: { addresses: { from: ${from}, to: ${to} }, kernel: vmlinuz, initrd: initrd.img }`
  return loadSite(edit(`${siteText()}\n${section}\n`), '/etc/slipway/site.yaml')
}

const problem = (code: string, path: string, message: RegExp) => ({
  kind: 'problems',
  problems: [{ code, path, message }],
})

t.test('a range in a subnet that slipway leases is accepted', (t) => {
  t.equal(load('192.0.2.240', '192.0.2.249').kind, 'site')
  t.equal(load('192.0.2.22', '192.0.2.254').kind, 'site', 'up to the last host address')
  t.end()
})

t.test('the range is in one subnet, and small', (t) => {
  const range = 'site.inventory-range'
  const from = 'inventory.addresses.from'
  const to = 'inventory.addresses.to'
  t.match(
    load('198.51.100.1', '198.51.100.9'),
    problem(range, from, /a host address in one of the subnets/),
    'outside of the subnets',
  )
  t.match(load('192.0.2.0', '192.0.2.4'), problem(range, from, /a host address/), 'the network address')
  t.match(
    load('192.0.2.240', '192.0.2.255'),
    problem(range, to, /from 192\.0\.2\.240 to 192\.0\.2\.254: at most 256 addresses/),
    'the broadcast address',
  )
  t.match(load('192.0.2.240', '192.0.2.239'), problem(range, to, /from 192\.0\.2\.240/), 'reversed')
  const large = (text: string) => text.replace('192.0.2.0/24', '192.0.0.0/16')
  t.match(load('192.0.8.1', '192.0.9.1', large), problem(range, to, /192\.0\.9\.0/), 'too many addresses')
  const proxy = (text: string) => text.replace('cidr: 192.0.2.0/24', 'cidr: 192.0.2.0/24, dhcp: proxy')
  t.match(
    load('192.0.2.240', '192.0.2.249', proxy),
    problem(range, from, /another DHCP server leases/),
    'another DHCP server leases',
  )
  t.end()
})

t.test('the range has no address that the site uses for something else', (t) => {
  const taken = (message: RegExp) => problem('site.inventory-address-taken', 'inventory.addresses', message)
  t.match(load('192.0.2.1', '192.0.2.9'), taken(/without 192\.0\.2\.5, which is declared/), 'load balancer')
  t.match(load('192.0.2.20', '192.0.2.30'), taken(/without 192\.0\.2\.21/), 'a node')
  const cases = {
    'the gateway': ['cidr: 192.0.2.0/24', 'cidr: 192.0.2.0/24, gateway: 192.0.2.254'],
    'a time server': ['cidr: 192.0.2.0/24', 'cidr: 192.0.2.0/24, ntp: 192.0.2.254'],
    'a relay agent': ['cidr: 192.0.2.0/24', 'cidr: 192.0.2.0/24, relays: 192.0.2.254'],
    'a resolver of the nodes': ['cidr: 192.0.2.0/24', 'cidr: 192.0.2.0/24, dns: 192.0.2.254'],
    'a router': ['cidr: 192.0.2.0/24', 'cidr: 192.0.2.0/24, routes: [{ to: 10.0.0.0/8, via: 192.0.2.254 }]'],
    'a BMC': ['role: master,', 'role: master, bmc: "redfish://192.0.2.254/redfish/v1/Systems/1",'],
    'a BMC by name': [
      'role: master,',
      'role: master, bmc: "redfish://bmc.example.net/redfish/v1/Systems/1",',
    ],
    'a record': [
      'forward: [192.0.2.53]',
      'forward: [192.0.2.53], records: [{ name: x.example.net, address: 192.0.2.254 }]',
    ],
  } as const
  for (const [name, [text, replacement]] of Object.entries(cases)) {
    const loaded = load('192.0.2.240', '192.0.2.254', (site) => site.replace(text, replacement))
    if (name === 'a BMC by name') t.equal(loaded.kind, 'site', name)
    else t.match(loaded, taken(/without 192\.0\.2\.254/), name)
  }
  t.end()
})

t.test('of several servers, only the one that installs nodes boots undeclared machines', (t) => {
  const peers = (text: string) => text.replace('address: 127.0.0.1', 'address: 127.0.0.1, peers: [127.0.0.2]')
  const store = (text: string) =>
    `${peers(text)}\nstore: { etcd: { endpoints: ["http://127.0.0.1:2379"] } }\n`
  t.match(
    load('192.0.2.240', '192.0.2.249', store),
    problem('site.inventory-servers', 'inventory', /set server\.installer/),
  )
  const installer = (text: string) => text.replace('peers: [', 'installer: 127.0.0.1, peers: [')
  t.equal(load('192.0.2.240', '192.0.2.249', (text) => installer(peers(text))).kind, 'site')
  t.end()
})
