/** The units with which nodes report, verified by systemd and bash. */
import { spawnSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import {
  renderFailedUnits,
  renderStartedUnit,
  startedScript,
  renderWrittenUnit,
  type Unit,
} from '../../../src/plan/ignition/units.ts'
import { renderDiskCheckUnit } from '../../../src/plan/ignition/disk-check.ts'
import { golden } from '../../support/golden.ts'

const base = 'http://192.0.2.2/boot/ocp45/m1/3f9a'
const started = renderStartedUnit(`${base}/started`)
const written = renderWrittenUnit(`${base}/written`)
const diskCheck = renderDiskCheckUnit(`${base}/disk`)
const failed = renderFailedUnits(`${base}/failed`)
const hasCurl = spawnSync('curl', ['--version']).status === 0

t.test('the units are the golden files (UPDATE=1 rewrites them)', (t) => {
  golden(t, 'ignition/slipway-started.service', started.contents!)
  golden(t, 'ignition/slipway-written.service', written.contents!)
  golden(t, 'ignition/slipway-check-disk.service', diskCheck.contents!)
  golden(t, 'ignition/slipway-failed.service', failed[0]!.contents!)
  t.end()
})

t.test('the written disk is reported only after the installer succeeded, and before the restart', (t) => {
  const unit = written.contents!
  t.match(unit, /^Requires=coreos-installer\.service$/m)
  t.match(unit, /^After=coreos-installer\.service$/m)
  t.match(unit, /^Before=coreos-installer\.target coreos-installer-reboot\.service$/m)
  t.match(unit, /^WantedBy=coreos-installer\.target$/m)
  t.end()
})

t.test('the installer requires the permission to overwrite the disk', (t) => {
  const unit = diskCheck.contents!
  t.match(unit, /^Before=coreos-installer\.service$/m)
  t.match(unit, /^RequiredBy=coreos-installer\.service$/m)
  t.match(unit, /^Type=oneshot$/m)
  t.match(unit, /^TimeoutStartSec=infinity$/m)
  t.end()
})

t.test('a report without a response neither fails nor delays a node', (t) => {
  for (const { contents = '' } of [written, failed[0]!]) {
    const [, leash] = /^TimeoutStartSec=(\d+)$/m.exec(contents) ?? []
    const [, tries] = /--retry-max-time (\d+)/.exec(contents) ?? []
    const [, last] = /--max-time (\d+)/.exec(contents) ?? []
    t.ok(Number(tries) + Number(last) < Number(leash) && Number(leash) <= 90)
    t.match(contents, /^ExecStart=-\/usr\/bin\/curl /m)
  }
  t.end()
})

const startedAnswers = [
  { name: 'slipway accepted it', status: 204, isDone: true },
  { name: 'slipway refused it', status: 403, isDone: true },
  { name: 'slipway could not record it', status: 503, isDone: false },
  { name: 'slipway is busy', status: 429, isDone: false },
  { name: 'slipway does not run', status: undefined, isDone: false },
]
for (const { name, status, isDone } of startedAnswers) {
  const title = `the first start ${isDone ? 'is not reported again' : 'is reported again'}: ${name}`
  t.test(title, { skip: !hasCurl && 'curl is not installed' }, async (t) => {
    const folder = t.testdir({})
    const methods: (string | undefined)[] = []
    const server = createServer((request, response) => {
      methods.push(request.method)
      response.writeHead(status ?? 500).end()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    if (status === undefined) server.close()
    else t.teardown(() => server.close())
    const child = spawn(
      'bash',
      ['-c', startedScript, 'slipway-started', `http://127.0.0.1:${port}/started`],
      {
        env: { PATH: process.env['PATH'], STATE_DIRECTORY: folder },
        timeout: 20_000,
      },
    )
    const [code] = (await once(child, 'close')) as [number | null]
    t.equal(code, isDone ? 0 : 1)
    t.same(readdirSync(folder), isDone ? ['started'] : [])
    t.same(methods, status === undefined ? [] : ['POST'])
  })
}

t.test('the report of the first start delays no unit and is repeated for hours', (t) => {
  t.match(started.contents!, /^Type=simple$/m)
  t.match(started.contents!, /^Restart=on-failure$/m)
  t.match(started.contents!, /^StartLimitBurst=1000$/m)
  t.end()
})

t.test('a failed installer starts the failure report in addition to its own units', (t) => {
  t.same(failed[1], {
    name: 'coreos-installer.service',
    dropins: [{ name: 'slipway.conf', contents: '[Unit]\nOnFailure=slipway-failed.service\n' }],
  })
  t.end()
})

t.test('systemd reads any URL as one argument', (t) => {
  const { contents } = renderWrittenUnit('http://x/a b%20$HOME"\\')
  t.match(contents!, String.raw`--request POST "http://x/a b%%20$$HOME\"\\"`)
  t.end()
})

/** As coreos-installer 0.25 has them, but for what they run. */
const installer: Readonly<Record<string, string>> = {
  'coreos-installer.service':
    '[Unit]\nBefore=coreos-installer.target\nConditionKernelCommandLine=coreos.inst.install_dev\nOnFailure=emergency.target\nOnFailureJobMode=replace-irreversibly\n[Service]\nType=oneshot\nExecStart=/bin/true\n',
  'coreos-installer-reboot.service':
    '[Unit]\nRequires=coreos-installer.target\nAfter=coreos-installer.target\n[Service]\nExecStart=/bin/true\n',
  'coreos-installer.target':
    '[Unit]\nRequires=coreos-installer.service\nRequires=basic.target\nAfter=basic.target\n',
}
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

t.test('systemd accepts the units', { skip: !hasSystemd && 'systemd-analyze is not here' }, (t) => {
  const folder = t.testdir(installer)
  const programs = /^(Exec\w+=-?)\S+/gm
  const ours: Unit[] = [started, diskCheck, written, ...failed]
  for (const { name, contents, dropins = [] } of ours) {
    // Only the programs may not be at their places here.
    if (contents !== undefined)
      writeFileSync(join(folder, name), contents.replaceAll(programs, '$1/bin/true'))
    for (const dropin of dropins) {
      mkdirSync(join(folder, `${name}.d`))
      writeFileSync(join(folder, `${name}.d`, dropin.name), dropin.contents)
    }
  }
  const names = [...new Set([...Object.keys(installer), ...ours.map(({ name }) => name)])]
  const { stderr } = spawnSync(
    'systemd-analyze',
    ['verify', '--man=no', ...names.map((name) => join(folder, name))],
    { encoding: 'utf8', env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` } },
  )
  const complaints = stderr.split('\n').filter((line) => /slipway|coreos/.test(line))
  t.same(complaints, [])
  t.end()
})
