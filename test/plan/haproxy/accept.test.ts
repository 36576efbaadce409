import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { refusedLine } from '../../../src/plan/haproxy/accept.ts'

const folder = new URL('../../fixtures/haproxy/', import.meta.url)
const fixtures = readdirSync(folder).filter(
  (name) => name.endsWith('.cfg') && !name.startsWith('administrators'),
)
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8')

t.test('every rendered configuration is accepted', (t) => {
  for (const name of fixtures) t.same(refusedLine(read(name)), undefined, name)
  t.ok(fixtures.length > 8)
  t.end()
})

const hostile = [
  '  lua-load /var/lib/slipway/x.lua',
  '  lua-load-per-thread /var/lib/slipway/x.lua',
  '  lua-prepend-path /var/lib/slipway/?.lua',
  '  external-check',
  '  external-check command /bin/sh',
  '  insecure-fork-wanted',
  '  insecure-setuid-wanted',
  'program x',
  '  command /bin/sh -c id',
  '  user root',
  '  uid 0',
  '  group root',
  '  chroot /',
  '  setenv LD_PRELOAD /var/lib/slipway/x.so',
  '  module-load /var/lib/slipway/x.so',
  '  pidfile /etc/cron.d/x',
  '  server-state-file /etc/shadow',
  '  log-send-hostname',
  '  log /run/docker.sock local0',
  '  log fd@3 local0',
  '  log ring@x local0',
  '  log /dev/log local0 notice sample 1:10',
  '  timeout client 1m; lua-load x',
  '  stats admin if TRUE',
  '  stats auth admin:admin',
  '  stats uri /%[lua.x]',
  '  stats uri "/$HOME"',
  '  user admin insecure-password x',
  '  user admin password $1$salt$hash',
  '  errorfile 503 /etc/shadow',
  '  bind 172.16.0.111:6443 ssl crt /etc/shadow',
  '  bind unix@/run/systemd/private mode 666',
  '  bind fd@3',
  '  bind *:22',
  '  bind 0.0.0.0:22',
  '  bind [::]:25 v4v6',
  '  bind *:6443 v4v6 ssl crt /etc/shadow',
  '  bind *:6443 user root mode 666',
  '  bind *:6443 interface ens4 namespace x',
  '  stats socket /etc/cron.d/x mode 660 level admin user haproxy group haproxy expose-fd listeners',
  '  stats socket /run/haproxy/../docker.sock mode 660 level admin user haproxy group haproxy expose-fd listeners',
  '  stats socket /run/haproxy/a.sock mode 666 level admin user haproxy group haproxy expose-fd listeners',
  '  stats socket "/run/haproxy/$HOME" mode 660 level admin user haproxy group haproxy expose-fd listeners',
  '  server w1 172.16.0.31:80 ssl crt /etc/shadow',
  '  server w1 unix@/run/docker.sock',
  '  server w1 172.16.0.31:80 backup disabled track x',
  '  use_backend x if { req.ssl_sni -f /etc/shadow }',
  '  use_backend x if { req.ssl_sni -i a } || { lua.x }',
  '  http-request lua.x',
  '  http-request use-service lua.x',
  '  filter spoe config /etc/shadow',
  'cache x',
  'peers x',
  'userlist x',
  'global',
  ' mode tcp',
  '\tmode tcp',
  '  mode tcp ',
  '  mode tcp # comment',
  '  mode tcp\r',
  '  mode tcp\u0000',
  '  mode tcp \\',
  '.if 1',
  '.include /etc/shadow',
  '# Written by slipway from the site file of x.\r  lua-load y',
  `  ${'x'.repeat(5000)}`,
]

t.test('a foreign line is refused wherever it is inserted', (t) => {
  const lines = read('shared-addresses.cfg').split('\n')
  for (const foreign of hostile) {
    for (let at = 0; at <= lines.length; at++) {
      const text = [...lines.slice(0, at), foreign, ...lines.slice(at)].join('\n')
      if (refusedLine(text) === undefined) t.fail(`accepted at line ${at + 1}: ${JSON.stringify(foreign)}`)
    }
    t.pass(JSON.stringify(foreign.slice(0, 60)))
  }
  t.end()
})

t.test('a line of one section is refused in another', (t) => {
  t.match(refusedLine('backend x\n  user haproxy\n'), { line: 2 })
  t.match(refusedLine('global\n  monitor-uri /\n'), { line: 2 })
  t.match(refusedLine('  mode tcp\n'), { line: 1 })
  t.end()
})

t.test('an empty, a binary, or an endless file is refused', (t) => {
  t.match(refusedLine(''), { reason: 'no section' })
  t.match(refusedLine('root:x:0:0:root:/root:/bin/sh\n'), { line: 1 })
  t.match(refusedLine('\u{fffd}\u0001'), { line: 1 })
  t.match(refusedLine('\n'.repeat(200_000)), { reason: /more than 100000 lines/ })
  t.end()
})

t.test('the reason does not repeat the line', (t) => {
  const secret = 'root:$6$hash:19000:0:99999:7:::'
  t.notMatch(JSON.stringify(refusedLine(secret)), 'hash')
  t.end()
})
