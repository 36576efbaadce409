/** The unit that sends the journal, run by bash and verified by systemd. */
import { spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compile } from '../../../src/plan/compile.ts'
import { renderSyslogUnit, syslogScript } from '../../../src/plan/ignition/syslog-unit.ts'
import { decodeSyslog } from '../../../src/proto/syslog/message.ts'
import { golden } from '../../support/golden.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'
import { until } from '../../support/until.ts'

const unit = renderSyslogUnit({ address: '192.0.2.2', port: 514 })

t.test('the unit is the golden file (UPDATE=1 rewrites it)', (t) => {
  golden(t, 'ignition/slipway-syslog.service', unit.contents ?? '')
  t.end()
})

t.test('bash sends each line of the journal as a message', async (t) => {
  const folder = t.testdir()
  const journal = [
    'Nov 30 01:02:03 kernel: Linux version 5.14 $HOME %s "quoted" \\n',
    'Nov 30 01:02:04 ignition[612]: GET https://192.0.2.2/',
    '    a second line',
  ]
  writeFileSync(join(folder, 'lines'), `${journal.join('\n')}\n`)
  const journalctl = join(folder, 'journalctl')
  writeFileSync(journalctl, `#!/bin/bash\necho "$@" >${folder}/arguments\ncat ${folder}/lines\n`)
  chmodSync(journalctl, 0o755)

  const received: object[] = []
  const socket = createSocket('udp4', (message) => received.push(decodeSyslog(message)))
  t.teardown(() => socket.close())
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const child = spawn(
    'bash',
    ['-c', syslogScript, 'slipway-syslog', '127.0.0.1', String(socket.address().port)],
    {
      env: { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` },
      stdio: 'ignore',
    },
  )
  t.same(await once(child, 'exit'), [0, null])
  await until(() => received.length === 3)
  t.same(received, [
    { severity: 6, app: 'kernel', text: 'Linux version 5.14 $HOME %s "quoted" \\n' },
    { severity: 6, app: 'ignition', text: 'GET https://192.0.2.2/' },
    { severity: 6, text: 'a second line' },
  ])
})

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

t.test(
  'systemd passes the script on unchanged',
  { skip: !hasSystemd && 'systemd-analyze is not installed' },
  (t) => {
    const root = t.testdir()
    const directory = join(root, 'etc/systemd/system')
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, unit.name), unit.contents ?? '')
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(directory, unit.name)], {
      encoding: 'utf8',
    })
    t.notMatch(stderr, unit.name)
    t.end()
  },
)

type Units = {
  readonly systemd: { readonly units: readonly { readonly name: string; readonly contents?: string }[] }
}

t.test('live systems get it only if the site has a receiver', (t) => {
  const unitOf = (sections: object, callbacks = true) => {
    const site = exampleSite()
    const plan = compile(
      exampleModel({ ...site, clusters: [{ ...site.clusters[0], callbacks }] as never, ...sections }),
    )
    const live = JSON.parse(plan.http.nodes.get('ocp45/w1')?.liveIgnition ?? '{}') as Units
    return live.systemd.units.find(({ name }) => name === 'slipway-syslog.service')
  }
  t.equal(unitOf({}), undefined)
  t.equal(unitOf({ syslog: { live: false } }), undefined)
  t.match(unitOf({ syslog: { port: 1514 } })?.contents, / slipway-syslog 192\.0\.2\.2 1514\n/)
  t.end()
})
