/** Bind lines, time-outs, log targets, and the statistics page in the site file. */
import t from 'tap'
import { parseBind } from '../../src/site/haproxy-words.ts'
import { haproxySection, loadBalancer } from '../../src/site/load-balancing.ts'

t.test(
  'a bind line with another port, a host name, or a file is rejected with the form that is expected',
  (t) => {
    const texts = [
      '*:22',
      '*:0',
      '*:65536',
      '6443',
      'lb.example.net:6443',
      '172.16.0.300:6443',
      '[::g]:6443',
      '::1:6443',
      'unix@/run/x',
      'fd@3',
      '*:6443 ssl crt /etc/x.pem',
      '*:6443 user root',
      '*:6443 interface',
      '',
    ]
    for (const kubeapi of texts) {
      t.equal(parseBind(kubeapi), undefined, kubeapi)
      const { error } = loadBalancer.safeParse({ api: '192.0.2.1', ingress: '192.0.2.1', bind: { kubeapi } })
      t.match(JSON.stringify(error?.issues), 'expected an address and a port', kubeapi)
    }
    t.end()
  },
)

const haproxy = (more: object) => haproxySection.safeParse({ file: '/etc/haproxy/haproxy.cfg', ...more })

t.test('a time has a unit and is between 100 ms and 24 days', (t) => {
  for (const client of ['100ms', '30s', '5m', '4h', '24d'])
    t.equal(haproxy({ timeouts: { client } }).data?.timeouts?.client, client)
  for (const client of ['30', 30, '0s', '99ms', '25d', '1w', '1.5m', '-1s', '1 m']) {
    const { error } = haproxy({ timeouts: { client } })
    t.match(JSON.stringify(error?.issues), 'expected a time with its unit from 100ms to 24d', String(client))
  }
  t.end()
})

t.test('a log target is a syslog server, a syslog socket, or an output, with its facility', (t) => {
  const targets = [
    '127.0.0.1 local2',
    '192.0.2.9:514 local0 info',
    '[2001:db8::9]:514 daemon',
    '/dev/log local0 notice err',
    '/run/systemd/journal/dev-log daemon',
    'stdout format raw daemon',
    'stderr len 4096 format iso local7',
  ]
  t.same(haproxy({ log: targets }).data?.log, targets)
  t.same(haproxy({ log: '  /dev/log   local0 ' }).data?.log, ['/dev/log local0'])
  for (const log of [
    '/dev/log',
    'syslog.example.net local0',
    '/run/docker.sock local0',
    'fd@2 local0',
    'global',
    '127.0.0.1:514 local8',
  ])
    t.match(JSON.stringify(haproxy({ log }).error?.issues), 'expected a log target', log)
  t.end()
})

t.test('the statistics page has a bind line, and a path without variables', (t) => {
  const { data } = haproxy({ stats: { bind: '*:9000' } })
  t.match(data?.stats, { bind: [{ endpoint: '*:9000' }], uri: '/stats' })
  for (const uri of ['stats', '/a b', '/$HOME', '/"', `/${'x'.repeat(200)}`])
    t.match(JSON.stringify(haproxy({ stats: { bind: '*:9000', uri } }).error?.issues), 'expected a path', uri)
  t.match(JSON.stringify(haproxy({ stats: {} }).error?.issues), 'bind')
  t.end()
})
