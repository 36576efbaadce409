import t from 'tap'
import { compareEdited, linesOf, type Edit } from '../../support/compiled-site.ts'

const haproxy =
  (more: Record<string, unknown> = {}): Edit =>
  (site) =>
    (site['haproxy'] = { file: '/etc/haproxy/haproxy.cfg', ...more })
const nothing: Edit = () => undefined

t.test('the load balancer of a site that gets one, and loses it', (t) => {
  t.same(linesOf(compareEdited(nothing, haproxy()), 'haproxy', 'frontend', 'backend').slice(0, 8), [
    'add haproxy haproxy',
    '  file:  -> /etc/haproxy/haproxy.cfg',
    '  socket:  -> /run/haproxy/admin.sock',
    'add frontend kubeapi',
    '  listens on:  -> 192.0.2.3:6443',
    '  names for kubeapi:  -> api.ocp45.example.net, api-int.ocp45.example.net',
    'add frontend machineconfig',
    '  listens on:  -> 192.0.2.3:22623',
  ])
  const removed = linesOf(compareEdited(haproxy(), nothing), 'frontend')
  t.ok(removed.includes('  ! plan.frontend-closed: HAProxy no longer listens on 192.0.2.3:6443'))
  t.end()
})

t.test('HAProxy settings; a command is not shown', (t) => {
  const changes = compareEdited(
    haproxy({ reload: 'systemctl reload haproxy' }),
    haproxy({ file: '/srv/haproxy.cfg', with: ['/srv/haproxy.cfg'], masterSocket: '/run/master.sock' }),
  )
  t.same(linesOf(changes, 'haproxy'), [
    'change haproxy haproxy',
    '  file: /etc/haproxy/haproxy.cfg -> /srv/haproxy.cfg',
    '  with:  -> /srv/haproxy.cfg',
    '  master socket:  -> /run/master.sock',
    '  reload command: hidden',
  ])
  t.end()
})

t.test('time-outs, log targets, and the statistics page; hashes of passwords are not shown', (t) => {
  const settings = {
    timeouts: { client: '5m' },
    log: '/dev/log local0',
    stats: { bind: '*:9000', users: '/users', refreshSeconds: 5 },
  }
  const content = new TextEncoder().encode(`ops:$6$salt$${'h'.repeat(86)}\n`)
  const statsUsers = { kind: 'found', path: '/users', octets: content.length, content } as const
  const changes = compareEdited(haproxy(), haproxy(settings), [{}, { statsUsers }])
  t.same(linesOf(changes, 'haproxy'), [
    'change haproxy haproxy',
    '  timeout client:  -> 5m',
    '  log:  -> /dev/log local0',
    '  statistics page:  -> *:9000',
    '  path of the statistics page:  -> /stats',
    '  refresh of the statistics page:  -> 5',
    '  users of the statistics page: hidden',
  ])
  t.notMatch(JSON.stringify(changes), 'hhhh')
  const own = compareEdited(haproxy(), (site) => {
    haproxy()(site)
    Object.assign(site.clusters[0] ?? {}, {
      loadBalancer: { api: '192.0.2.3', ingress: '192.0.2.3', timeouts: { client: '9m', server: '8m' } },
    })
  })
  t.ok(linesOf(own, 'frontend').includes('  timeout client:  -> 9m'))
  t.ok(linesOf(own, 'backend').includes('  timeout server:  -> 8m'))
  t.end()
})

t.test('servers of a backend', (t) => {
  const changes = compareEdited(haproxy(), (site) => {
    haproxy()(site)
    const nodes = site.clusters[0]?.nodes ?? []
    Object.assign(nodes[2] ?? {}, { address: '192.0.2.29' })
    Object.assign(nodes[1] ?? {}, { balance: false })
  })
  t.same(linesOf(changes, 'frontend', 'backend'), [
    'change backend kubeapi',
    '  server m1: 192.0.2.11:6443 -> 192.0.2.11:6443 drained',
    'change backend machineconfig',
    '  server m1: 192.0.2.11:22623 -> 192.0.2.11:22623 drained',
    'change backend workerhttp',
    '  server w1: 192.0.2.21:80 backup -> 192.0.2.29:80 backup',
    'change backend workerhttps',
    '  server w1: 192.0.2.21:443 backup -> 192.0.2.29:443 backup',
  ])
  t.end()
})

t.test('the server itself: addresses, ports, peers, keepalived, and the shared store', (t) => {
  const changes = compareEdited(nothing, (site) => {
    Object.assign(site.server, {
      ...{ interface: 'ens4', address: '192.0.2.4', address6: '2001:db8::4', peers: ['192.0.2.5'] },
      ports: { http: 8080, dhcpClient: 1068 },
    })
    site['tftp'] = { root: '/srv/tftp', ports: { from: 5000, to: 5100 } }
    site['keepalived'] = { interface: 'ens4', routerId: 7 }
    site['store'] = {
      etcd: { endpoints: ['https://192.0.2.4:2379'], ca: '/etc/ca.crt', prefix: '/slipway/lab' },
    }
  })
  t.same(linesOf(changes, 'server', 'tftp', 'keepalived', 'store'), [
    'change server server',
    '  interface:  -> ens4',
    '  DHCP: 192.0.2.2:67 -> 192.0.2.4:67',
    '  DHCP client port:  -> 1068',
    '  TFTP: 192.0.2.2:69 -> 192.0.2.4:69',
    '  HTTP: 192.0.2.2:80 -> 192.0.2.4:8080, [2001:db8::4]:8080',
    '  DNS: 192.0.2.2:53 -> 192.0.2.4:53',
    '  peers:  -> 192.0.2.5',
    'change tftp tftp',
    '  root:  -> /srv/tftp',
    '  ports:  -> 5000-5100',
    'add keepalived keepalived',
    '  interface:  -> ens4',
    '  router ID:  -> 7',
    '  health port:  -> 9444',
    'add store store',
    '  endpoints:  -> https://192.0.2.4:2379',
    '  ca:  -> /etc/ca.crt',
    '  prefix:  -> /slipway/lab',
  ])
  t.same(
    changes.restart.map(({ code, text }) => `${code} ${text.split(':')[0] ?? ''}`),
    [
      'plan.restart-needed store changed',
      'plan.restart-needed server.address, server.address6, or server.ports changed',
    ],
  )
  t.end()
})

t.test('HTTPS takes effect after a restart', (t) => {
  const changes = compareEdited(nothing, (site) => {
    site.server['tls'] = { certificate: '/a.crt', key: '/a.key', ca: '/ca.crt' }
  })
  t.same(linesOf(changes, 'server'), [
    'change server server',
    '  HTTPS:  -> 192.0.2.2:8444',
    '  certificate:  -> /a.crt',
    '  certificate key:  -> /a.key',
    '  CA:  -> /ca.crt',
  ])
  t.match(changes.restart, [{ text: 'server.tls changed: restart the service to use the new settings' }])
  const generated = compareEdited(nothing, (site) => {
    site.server['tls'] = { ca: 'generated' }
  })
  t.match(linesOf(generated, 'server'), ['change server server', /HTTPS/, '  certificate:  -> generated'])
  t.end()
})

t.test('the API: a reload changes names and users, and a restart the rest', (t) => {
  const users = [{ name: 'alice', scope: 'admin' }]
  const named = { names: 'slipway.example.net' }
  const added = compareEdited(nothing, (site) => {
    site['api'] = { ...named, proxy: { from: '192.0.2.7', socket: '/run/proxy.sock', users } }
  })
  t.same(linesOf(added, 'api'), [
    'add api api',
    '  listens on:  -> 127.0.0.1 port 8443',
    '  names:  -> slipway.example.net',
    '  proxy:  -> 192.0.2.7',
    '  proxy socket:  -> /run/proxy.sock',
    '  proxy header:  -> x-forwarded-user',
    '  proxy users:  -> alice (admin)',
  ])
  t.match(added.restart, [{ text: 'api changed: restart the service to listen with the new settings' }])
  const changed = compareEdited(
    (site) => (site['api'] = { clientCA: '/ca.crt', clients: users }),
    (site) => (site['api'] = { ...named, clientCA: '/ca.crt', clients: [{ name: 'alice' }] }),
  )
  t.same(linesOf(changed, 'api'), [
    'change api api',
    '  names:  -> slipway.example.net',
    '  clients: alice (admin) -> alice (read)',
  ])
  t.same(changed.restart, [])
  t.end()
})

t.test('the syslog receiver', (t) => {
  const changes = compareEdited(nothing, (site) => (site['syslog'] = { port: 1514, live: false }))
  t.same(linesOf(changes, 'syslog'), ['add syslog syslog', '  port:  -> 1514'])
  t.equal(changes.restart.length, 1)
  t.end()
})

t.test('the inventory boot of undeclared machines', (t) => {
  const inventory = {
    addresses: { from: '192.0.2.240', to: '192.0.2.249' },
    kernel: '/srv/vmlinuz',
    initrd: '/srv/initrd.img',
    kernelArguments: ['console=ttyS0', 'token=secret'],
  }
  const changes = compareEdited(nothing, (site) => (site['inventory'] = inventory))
  t.same(linesOf(changes, 'inventory'), [
    'add inventory inventory',
    '  addresses:  -> 192.0.2.240 to 192.0.2.249',
    '  kernel:  -> /srv/vmlinuz',
    '  initrd:  -> /srv/initrd.img',
    '  kernel arguments:  -> console=ttyS0, token=…',
    '  lease time:  -> 600 s',
  ])
  t.same(changes.restart, [], 'a reload applies it')
  t.end()
})

t.test('a hook, without the path of its URL and the arguments of its command', (t) => {
  const webhook = {
    url: 'https://chat.example.net/T0/secret',
    secretFile: '/etc/slipway/chat',
    ca: '/etc/ca.pem',
  }
  const changes = compareEdited(
    (site) => (site['hooks'] = { chat: { events: 'node.installed', webhook } }),
    (site) =>
      (site['hooks'] = {
        chat: { events: 'node.installed', webhook: { ...webhook, url: 'https://chat.example.net/T0/other' } },
        ticket: { events: ['csr.pending'], command: ['/usr/bin/ticket', '--key', 'x'], timeoutSeconds: 5 },
      }),
  )
  t.same(linesOf(changes, 'hook'), [
    'change hook chat',
    '  URL: hidden',
    'add hook ticket',
    '  events:  -> csr.pending',
    '  program:  -> /usr/bin/ticket',
    '  arguments: hidden',
    '  time-out:  -> 5 s',
  ])
  t.end()
})

t.test('an installer, a single TFTP port, and no DNS', (t) => {
  const changes = compareEdited(nothing, (site) => {
    Object.assign(site.server, { peers: ['192.0.2.5'], installer: '192.0.2.2' })
    Object.assign(site.subnets[0] ?? {}, { dns: ['192.0.2.53'], dhcp: 'proxy' })
    site['tftp'] = { singlePort: true }
    site['dns'] = { serve: false }
  })
  t.same(linesOf(changes, 'server', 'tftp'), [
    'change server server',
    '  DNS: 192.0.2.2:53 -> ',
    '  peers:  -> 192.0.2.5',
    '  installer:  -> 192.0.2.2',
    'change tftp tftp',
    '  single port:  -> yes',
  ])
  t.match(changes.restart, [{ text: /^the only subnet with dhcp: proxy/ }, { text: /^dns.serve changed/ }])
  t.end()
})
