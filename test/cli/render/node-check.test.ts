/** The script for nodes, run with programs that answer as on a node; the end-to-end test runs it with real ones. */
import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { nodeCheckScript } from '../../../src/cli/render/node-check.ts'
import { agentImage, exampleModel, exampleSite, installerImage } from '../../support/model.ts'

const model = exampleModel()
const w1 = model.nodes.find(({ name }) => name === 'w1') as (typeof model.nodes)[number]

/** Each is a shell script; DATE is the time of the server. */
const tools = {
  ip: `case "$*" in
  *'address show'*) echo '2: lo0    inet 192.0.2.21/24 brd 192.0.2.255 scope global lo0' ;;
  *'route get'*) echo '192.0.2.2 dev lo0 src 192.0.2.21 uid 0' ;;
  *'route show default'*) echo 'default via 192.0.2.1 dev lo0' ;;
esac`,
  // The interface of the test does not exist in /sys.
  cat: `case "$1" in
  */address) echo 00:00:5e:00:53:21 ;;
  */mtu) echo 1500 ;;
esac`,
  ping: 'exit 0',
  getent: `case "$2" in
  api.* | api-int.* | *.apps.*) echo '192.0.2.3       STREAM'; echo '192.0.2.3       DGRAM' ;;
  w1.*) echo '192.0.2.21      STREAM' ;;
esac`,
  nmcli: "echo 'DHCP4.OPTION[1]:dhcp_server_identifier = 192.0.2.2'",
  curl: String.raw`case "$*" in
  *quay.io*) printf 'HTTP/2 401 \r\n' ;;
  *) [ -z "$http_proxy" ] && printf 'HTTP/1.1 200 OK\r\nDate: Sat, 08 Aug 2026 09:08:07 GMT\r\n' ;;
esac`,
  date: 'echo 1786180090',
}

function run(t: Test, script: string, changes: Partial<Record<keyof typeof tools, string>> = {}) {
  const scripts = Object.entries({ ...tools, ...changes }).map(([name, body]) => [
    name,
    `#!/bin/sh\n${body}\n`,
  ])
  const folder = t.testdir(Object.fromEntries(scripts) as Record<string, string>)
  for (const [name = ''] of scripts) chmodSync(join(folder, name), 0o755)
  const env = { PATH: `${folder}:/usr/bin:/bin`, http_proxy: 'http://proxy.example.net' }
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-s'], { input: script, env, encoding: 'utf8' })
  t.equal(stderr, '')
  return { status, lines: stdout.trimEnd().split('\n') }
}

t.test('a node whose network is as planned gets a line for each check', (t) => {
  t.same(run(t, nodeCheckScript(model, w1, ['quay.io'])), {
    status: 0,
    lines: [
      'ok       address    lo0 has 192.0.2.21 and the declared MAC address 00:00:5e:00:53:21',
      'ok       route      192.0.2.2 dev lo0 src 192.0.2.21',
      'ok       route      the default route leads to 192.0.2.1',
      'ok       mtu        packets of 1500 bytes reach 192.0.2.2',
      'ok       dhcp       192.0.2.2 leased the address',
      'ok       names      api.ocp45.example.net is 192.0.2.3',
      'ok       names      api-int.ocp45.example.net is 192.0.2.3',
      'ok       names      slipway-check.apps.ocp45.example.net is 192.0.2.3',
      'ok       names      w1.ocp45.example.net is 192.0.2.21',
      'ok       images     http://192.0.2.2/images/rhcos/rhcos-live-kernel-x86_64 can be downloaded',
      'ok       images     http://192.0.2.2/images/rhcos/rhcos-live-initramfs.x86_64.img can be downloaded',
      'ok       images     http://192.0.2.2/images/rhcos/rhcos-live-rootfs.x86_64.img can be downloaded',
      'ok       clock      the clocks of the node and of 192.0.2.2 agree',
      'ok       registry   quay.io answers',
      '14 ok, 0 warnings, 0 failures',
    ],
  })
  t.end()
})

t.test('each fault is a failure with a next step, and the exit status is 1', (t) => {
  const { status, lines } = run(t, nodeCheckScript(model, w1, ['mirror.example.net:5000']), {
    cat: 'case "$1" in */address) echo 00:00:5e:00:53:99 ;; */mtu) echo 9000 ;; esac',
    ping: `case "$*" in *'-s 8972'*) exit 1 ;; esac`,
    getent: `case "$2" in api.*) echo '198.51.100.7 STREAM' ;; esac`,
    nmcli: "echo 'DHCP4.OPTION[1]:dhcp_server_identifier = 192.0.2.7'",
    curl: String.raw`case "$*" in
  *mirror*) exit 7 ;;
  *rootfs*) printf 'HTTP/1.1 404 Not Found\r\n' ;;
  *health) printf 'HTTP/1.1 200 OK\r\nDate: Mon, 29 Feb 2016 23:59:59 GMT\r\n' ;;
  *) exit 7 ;;
esac`,
    date: 'echo 1456790400',
    ip: `case "$*" in *'address show'*) echo '2: eth9    inet 192.0.2.21/16 scope global' ;; *get*) echo '192.0.2.2 dev eth9' ;; esac`,
  })
  t.equal(status, 1)
  t.same(
    lines.filter((line) => !line.startsWith(' ')),
    [
      'failure  address    eth9 has 192.0.2.21, but its MAC address 00:00:5e:00:53:99 is not declared for ocp45/w1',
      'failure  address    192.0.2.21 does not have the prefix length 24',
      'ok       route      192.0.2.2 dev eth9',
      'failure  route      no default route leads to 192.0.2.1',
      'failure  mtu        packets of 9000 bytes do not reach 192.0.2.2',
      'failure  dhcp       192.0.2.7 leased the address, expected 192.0.2.2',
      'failure  names      api.ocp45.example.net is 198.51.100.7, expected 192.0.2.3',
      'failure  names      api-int.ocp45.example.net is not found, expected 192.0.2.3',
      'failure  names      slipway-check.apps.ocp45.example.net is not found, expected 192.0.2.3',
      'failure  names      w1.ocp45.example.net is not found, expected 192.0.2.21',
      'failure  images     http://192.0.2.2/images/rhcos/rhcos-live-kernel-x86_64: no response',
      'failure  images     http://192.0.2.2/images/rhcos/rhcos-live-initramfs.x86_64.img: no response',
      'failure  images     http://192.0.2.2/images/rhcos/rhcos-live-rootfs.x86_64.img: 404',
      'ok       clock      the clocks of the node and of 192.0.2.2 agree',
      'warning  registry   mirror.example.net:5000: no response',
      '2 ok, 1 warning, 12 failures',
    ],
  )
  t.equal(lines.filter((line) => line.startsWith('                    -> ')).length, 13)
  t.end()
})

t.test('the clock of the server is read correctly on any day', (t) => {
  const script = nodeCheckScript(model, w1, [])
  for (const iso of [
    '2000-01-01T00:00:00Z',
    '2024-02-29T12:00:00Z',
    '2026-09-08T09:09:08Z',
    '2100-03-01T01:02:03Z',
  ]) {
    const at = new Date(iso)
    const clock = (seconds: number) =>
      run(t, script, {
        date: `echo ${at.getTime() / 1000 + seconds}`,
        curl: String.raw`printf 'HTTP/1.1 200 OK\r\nDate: ${at.toUTCString()}\r\n'`,
      }).lines.find((line) => line.includes(' clock '))
    t.match(clock(-30), /^ok /, iso)
    t.match(clock(-31), /^failure .* differ by 31 s$/, iso)
  }
  t.end()
})

t.test('what cannot be checked is a warning', (t) => {
  const { status, lines } = run(t, nodeCheckScript(model, w1, []), {
    ping: `case "$*" in *-M*) exit 1 ;; esac`,
    nmcli: '',
    curl: "printf 'HTTP/1.1 200 OK\\r\\n'",
  })
  t.equal(status, 0)
  t.same(
    lines.filter((line) => line.startsWith('warning')),
    [
      'warning  mtu        not checked: this ping has no option -M',
      'warning  dhcp       not checked: no lease of lo0 was found',
      'warning  clock      not checked: http://192.0.2.2/health has no date',
    ],
  )
  const silent = run(t, nodeCheckScript(model, w1, []), { ping: 'exit 1', ip: '' }).lines
  t.match(silent[0], 'failure  address    no interface has 192.0.2.21')
  t.match(silent.join('\n'), 'warning  mtu        not checked: 192.0.2.2 does not answer a ping')
  t.end()
})

t.test('values of the site cannot become shell code, and an initramfs with secrets is not requested', (t) => {
  const site = exampleSite()
  const agent = exampleModel(site, { images: new Map([['rhcos', agentImage('/srv/rhcos')]]) })
  t.match(nodeCheckScript(agent, w1, ["a'; reboot; '"]), String.raw`registries='a'\''; reboot; '\'''`)
  const urls = (script: string) =>
    /^urls='(.*)'$/m
      .exec(script)?.[1]
      ?.split(' ')
      .map((url) => url.split('/').at(-1))
  t.same(urls(nodeCheckScript(agent, w1, [])), ['agent.x86_64-vmlinuz', 'agent.x86_64-rootfs.img'])
  const older = exampleModel(site, { images: new Map([['rhcos', installerImage('/srv/rhcos')]]) })
  t.match(urls(nodeCheckScript(older, w1, [])), [/kernel/, /initramfs/, /metal/])
  t.end()
})
