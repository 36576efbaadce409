import t from 'tap'
import { compareSites } from '../../../src/plan/changes/compare.ts'
import { systemModel } from '../../support/systems.ts'
import { compareEdited, compiled, linesOf, type Edit, type SiteInput } from '../../support/compiled-site.ts'

const cluster = (site: SiteInput) =>
  site.clusters[0] as SiteInput['clusters'][number] & Record<string, unknown>
const node = (site: SiteInput, index: number) => cluster(site).nodes[index] as Record<string, unknown>
const nothing: Edit = () => undefined
const single: Edit = (site) => {
  cluster(site).nodes = [{ name: 's1', role: 'single', mac: '00:00:5e:00:53:11', address: '192.0.2.11' }]
}

const sha = 'ssh-ed25519 AAAAsecret'

/** What a change of one thing gives, in full. */
const cases: readonly [name: string, before: Edit, after: Edit, lines: readonly string[]][] = [
  ['the same site', nothing, nothing, []],
  [
    'a node that is added is installed at its next network boot',
    nothing,
    (site) => {
      cluster(site).nodes.push({
        name: 'w2',
        role: 'worker',
        mac: '00:00:5e:00:53:22',
        address: '192.0.2.22',
      })
    },
    [
      'add node ocp45/w2',
      '  role:  -> worker',
      '  MAC:  -> 00:00:5e:00:53:22',
      '  address:  -> 192.0.2.22',
      '  name:  -> w2.ocp45.example.net',
      '  subnet:  -> 192.0.2.0/24',
      '  boot:  -> install',
      '  image:  -> rhcos',
      '  disk:  -> /dev/sda',
      '  wipe:  -> ask',
      '  menu:  -> local after 30 s',
      '  ! plan.node-installs: a machine that slipway has not seen in use is installed on /dev/sda at its next network boot',
    ],
  ],
  [
    'a node that is added with boot: local is not installed',
    nothing,
    (site) => {
      const w2 = {
        name: 'w2',
        role: 'worker',
        mac: '00:00:5e:00:53:22',
        address: '192.0.2.22',
        boot: 'local',
      }
      cluster(site).nodes.push(w2)
    },
    [
      'add node ocp45/w2',
      '  role:  -> worker',
      '  MAC:  -> 00:00:5e:00:53:22',
      '  address:  -> 192.0.2.22',
      '  name:  -> w2.ocp45.example.net',
      '  subnet:  -> 192.0.2.0/24',
      '  boot:  -> local',
      '  image:  -> rhcos',
      '  disk:  -> /dev/sda',
      '  wipe:  -> ask',
      '  menu:  -> local after 30 s',
    ],
  ],
  [
    'a cluster that gets a load balancer',
    (site) => {
      single(site)
      Reflect.deleteProperty(cluster(site), 'loadBalancer')
    },
    single,
    [
      'change cluster ocp45',
      '  api:  -> 192.0.2.3',
      '  ingress:  -> 192.0.2.3',
      '  health checks:  -> user-managed',
    ],
  ],
  [
    'an address that changes is not renewed',
    nothing,
    (site) => (node(site, 2)['address'] = '192.0.2.29'),
    [
      'change node ocp45/w1',
      '  address: 192.0.2.21 -> 192.0.2.29',
      '  ! plan.lease-not-renewed: its lease of 192.0.2.21 is not renewed: it gets 192.0.2.29 when it renews the lease, or at its next boot',
    ],
  ],
  [
    'an IPv6 address does not affect a lease',
    nothing,
    (site) => (node(site, 2)['address'] = ['192.0.2.21', '2001:db8::21']),
    ['change node ocp45/w1', '  address: 192.0.2.21 -> 192.0.2.21, 2001:db8::21'],
  ],
  [
    'an address that another server leases has no lease here',
    (site) => Object.assign(site.subnets[0] ?? {}, { dhcp: 'proxy' }),
    (site) => {
      Object.assign(site.subnets[0] ?? {}, { dhcp: 'proxy' })
      node(site, 2)['address'] = '192.0.2.29'
    },
    ['change node ocp45/w1', '  address: 192.0.2.21 -> 192.0.2.29'],
  ],
  [
    'another MAC address is another machine',
    nothing,
    (site) => (node(site, 2)['mac'] = '00:00:5e:00:53:29'),
    [
      'change node ocp45/w1',
      '  MAC: 00:00:5e:00:53:21 -> 00:00:5e:00:53:29',
      '  ! plan.machine-replaced: 00:00:5e:00:53:29 is another machine, without an installation record; 00:00:5e:00:53:21 becomes an undeclared machine',
      '  ! plan.node-installs: a machine that slipway has not seen in use is installed on /dev/sda at its next network boot',
    ],
  ],
  [
    'a machine with another card is the same machine',
    nothing,
    (site) => (node(site, 2)['mac'] = ['00:00:5e:00:53:29', '00:00:5e:00:53:21']),
    ['change node ocp45/w1', '  MAC: 00:00:5e:00:53:21 -> 00:00:5e:00:53:29, 00:00:5e:00:53:21'],
  ],
  [
    'a node that is removed leaves its backends, its lease, and not its cluster',
    (site) => (site['haproxy'] = { file: '/etc/haproxy/haproxy.cfg' }),
    (site) => {
      site['haproxy'] = { file: '/etc/haproxy/haproxy.cfg' }
      cluster(site).nodes.splice(1, 1)
    },
    [
      'remove node ocp45/m1',
      '  role: master -> ',
      '  MAC: 00:00:5e:00:53:11 -> ',
      '  address: 192.0.2.11, 2001:db8::11 -> ',
      '  name: m1.ocp45.example.net -> ',
      '  subnet: 192.0.2.0/24 -> ',
      '  boot: install -> ',
      '  image: rhcos -> ',
      '  disk: /dev/sda -> ',
      '  wipe: ask -> ',
      '  menu: local after 30 s -> ',
      '  ! plan.backend-left: this also removes m1 from kubeapi, machineconfig; slipway drains it there first',
      '  ! plan.lease-not-renewed: its lease of 192.0.2.11 is not renewed: 00:00:5e:00:53:11 becomes an undeclared machine',
      '  ! plan.member-remains: an installed m1 remains a node of ocp45: drain it, power it off, and delete it there (oc adm drain, oc delete node)',
    ],
  ],
  [
    'boot: install arms a machine, and wipe: always erases its disk',
    (site) => (node(site, 2)['boot'] = 'local'),
    (site) => (node(site, 2)['wipe'] = 'always'),
    [
      'change node ocp45/w1',
      '  boot: local -> install',
      '  wipe: ask -> always',
      '  ! plan.node-installs: a machine that slipway has not seen in use is installed on /dev/sda at its next network boot, and its disk is ERASED even if it holds data',
    ],
  ],
  [
    'boot: local has no consequence for a running system',
    nothing,
    (site) => (node(site, 2)['boot'] = 'local'),
    ['change node ocp45/w1', '  boot: install -> local'],
  ],
  [
    'an installed system keeps what it was installed with',
    nothing,
    (site) => Object.assign(node(site, 2), { role: 'infra', disk: '/dev/sdb', kernelArguments: ['a=1'] }),
    [
      'change node ocp45/w1',
      '  role: worker -> infra',
      '  disk: /dev/sda -> /dev/sdb',
      '  kernel arguments:  -> a=1',
      '  ! plan.next-installation: an installed system does not change; at its next installation: role, disk, kernel arguments',
    ],
  ],
  [
    'secrets are compared and not shown',
    (site) =>
      Object.assign(node(site, 2), {
        bmc: 'ipmi://admin:one@192.0.2.121',
        kernelArguments: ['rd.iscsi.password=one', 'ip=dhcp'],
        files: [{ path: '/etc/motd', contents: `${sha}1` }],
        dhcpOptions: [{ code: 224, text: 'one' }],
      }),
    (site) =>
      Object.assign(node(site, 2), {
        bmc: 'ipmi://admin:two@192.0.2.121',
        kernelArguments: ['rd.iscsi.password=two', 'ip=dhcp'],
        files: [{ path: '/etc/motd', contents: `${sha}2`, mode: '0600' }],
        dhcpOptions: [{ code: 224, text: 'two', always: true }],
      }),
    [
      'change node ocp45/w1',
      '  secret kernel arguments: hidden',
      '  BMC credentials: hidden',
      '  DHCP option 224: hidden',
      '  file /etc/motd: mode 0644 -> mode 0600',
      '  contents of /etc/motd: hidden',
      '  ! plan.next-installation: an installed system does not change; at its next installation: secret kernel arguments',
    ],
  ],
  [
    'settings that differ from their defaults',
    nothing,
    (site) =>
      Object.assign(node(site, 2), {
        loader: 'ipxe',
        balance: false,
        ingress: true,
        pxeOptions: true,
        bmc: 'ipmi://u:p@b',
      }),
    [
      'change node ocp45/w1',
      '  loader:  -> ipxe',
      '  load balancer:  -> drained',
      '  ingress:  -> yes',
      '  PXE options:  -> yes',
      '  BMC:  -> ipmi://…@b',
      '  BMC credentials: hidden',
    ],
  ],
  [
    'the settings of a BMC, also those that a node inherits',
    (site) => Object.assign(node(site, 2), { bmc: { address: 'b' } }),
    (site) => {
      Object.assign(cluster(site), {
        bmc: { credentials: '/bmc', ca: '/ca', networkBoot: 'http', power: 'managed' },
      })
      Object.assign(node(site, 2), { bmc: { address: 'b', protocol: 'ipmi', system: '1' } })
    },
    [
      'change node ocp45/w1',
      '  BMC credentials file:  -> /bmc',
      '  BMC protocol:  -> ipmi',
      '  BMC system:  -> 1',
      '  BMC CA:  -> /ca',
      '  network boot by the BMC:  -> http',
      '  power:  -> managed',
    ],
  ],
  [
    'a cluster: addresses and how its nodes are installed',
    nothing,
    (site) =>
      Object.assign(cluster(site), {
        loadBalancer: { api: '192.0.2.4', ingress: '192.0.2.3', external: ['ingress'], checks: 'tuned' },
        order: false,
        requireDhcp: false,
        ignitionAccess: 'open',
        approve: 'declared',
        kubeconfig: '/srv/kubeconfig',
      }),
    [
      'change cluster ocp45',
      '  api: 192.0.2.3 -> 192.0.2.4',
      '  balanced elsewhere:  -> ingress',
      '  health checks: user-managed -> tuned',
      '  kubeconfig:  -> /srv/kubeconfig',
      '  approve: off -> declared',
      '  waits in order:  -> no',
      '  Ignition access: guarded -> open',
      '  requires DHCP:  -> no',
    ],
  ],
  [
    'a host',
    (site) => (site['hosts'] = [{ name: 'a.example.net', address: '192.0.2.90' }]),
    (site) => (site['hosts'] = [{ name: 'a.example.net', address: '192.0.2.91', mac: '00:00:5e:00:53:91' }]),
    ['change host a.example.net', '  address: 192.0.2.90 -> 192.0.2.91', '  MAC:  -> 00:00:5e:00:53:91'],
  ],
]

for (const [name, before, after, lines] of cases) {
  t.test(name, (t) => {
    t.same(linesOf(compareEdited(before, after), 'cluster', 'node', 'host'), lines)
    t.end()
  })
}

t.test('a group of machines with another operating system', (t) => {
  const group = (keys: object) => compiled(systemModel({ os: 'custom', group: { ...keys } }))
  const changes = compareSites(group({}), group({ domain: 'example.com', requireDhcp: false }))
  t.same(linesOf(changes, 'group'), [
    'change group web',
    '  domain: example.org -> example.com',
    '  requires DHCP:  -> no',
  ])
  t.end()
})
