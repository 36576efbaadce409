/** The units by which nodes report, and what systemd says to them. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  renderFailedUnits,
  renderStartedUnit,
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

t.test('the units as they are (UPDATE=1 rewrites them)', (t) => {
  golden(t, 'ignition/slipway-started.service', started.contents!)
  golden(t, 'ignition/slipway-written.service', written.contents!)
  golden(t, 'ignition/slipway-check-disk.service', diskCheck.contents!)
  golden(t, 'ignition/slipway-failed.service', failed[0]!.contents!)
  t.end()
})

t.test('the disk is called written only after an installer that succeeded, and before the restart', (t) => {
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

t.test('no node fails or waits long because nobody hears it', (t) => {
  for (const { contents = '' } of [started, written, failed[0]!]) {
    const [, leash] = /^TimeoutStartSec=(\d+)$/m.exec(contents) ?? []
    const [, tries] = /--retry-max-time (\d+)/.exec(contents) ?? []
    const [, last] = /--max-time (\d+)/.exec(contents) ?? []
    t.ok(Number(tries) + Number(last) < Number(leash) && Number(leash) <= 90)
    t.match(contents, /^ExecStart=-\/usr\/bin\/curl /m)
  }
  t.end()
})

t.test('a failed installer starts the word of its failure beside what it starts anyway', (t) => {
  t.same(failed[1], {
    name: 'coreos-installer.service',
    dropins: [{ name: 'slipway.conf', contents: '[Unit]\nOnFailure=slipway-failed.service\n' }],
  })
  t.end()
})

t.test('a URL is one word to systemd, whatever is in it', (t) => {
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

t.test(
  'systemd finds nothing to complain of',
  { skip: !hasSystemd && 'systemd-analyze is not here' },
  (t) => {
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
  },
)
