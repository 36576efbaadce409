/** What slipway knows about answer files: files that the installer would reject, and installers that overwrite other disks. */
import t from 'tap'
import { compileHttp } from '../../../src/plan/http/compile.ts'
import { compileInstall } from '../../../src/plan/install.ts'
import type { NodeModel } from '../../../src/plan/model.ts'
import { otherDisks } from '../../../src/plan/systems/answers.ts'
import { reviewAnswer } from '../../../src/plan/systems/review/answer.ts'
import type { Review } from '../../../src/plan/systems/review/review.ts'
import type { OtherSystem } from '../../../src/site/other-systems.ts'
import { answerText, systemModel } from '../../support/systems.ts'

/** Returns the problems and the other disks as lines. */
function review(
  os: OtherSystem,
  lines: string | readonly string[],
  disk: string | undefined = '/dev/sda',
): string[] {
  const text = typeof lines === 'string' ? lines : lines.join('\n')
  const { problems, otherDisks }: Review = reviewAnswer(os, text, disk)
  return [
    ...problems.map(({ line, problem }) => `${line}: ${problem}`),
    ...(otherDisks ? [`${otherDisks.line}: ${otherDisks.why}; ${otherDisks.fix}`] : []),
  ]
}

t.test('the examples have no problems', (t) => {
  const names = { debian: 'preseed.cfg', rhel: 'kickstart.cfg', ubuntu: 'user-data', talos: 'machine.yaml' }
  for (const [os, name] of Object.entries(names)) {
    t.same(review(os as OtherSystem, answerText(name).replaceAll('{{node.disk}}', '/dev/sda')), [], name)
  }
  t.same(review('custom', '%pre'), [], 'the format is not known')
  t.end()
})

t.test('kickstart: each section ends with %end', (t) => {
  t.same(review('rhel', ['text', '%pre', 'true', '%post --nochroot', 'true', '%end', '%end']), [
    '2: the section %pre does not end with %end',
    '7: %end has no section',
  ])
  t.same(review('rhel', ['%packages', '@core']), ['1: the section %packages does not end with %end'])
  t.same(review('rhel', ['%pre\r', '# %post', 'clearpart --all', '%end\r', '%unknown']), [])
  t.end()
})

t.test('kickstart: a command that erases every disk', (t) => {
  const fix = 'write ignoredisk --only-use={{node.disk}}, or '
  t.same(review('rhel', ['# x', 'zerombr']), [`2: zerombr erases every disk; ${fix}`])
  t.same(review('rhel', 'clearpart --all --initlabel'), [
    `1: clearpart --all --initlabel erases every disk; ${fix}`,
  ])
  t.same(review('rhel', 'clearpart --linux'), [`1: clearpart --linux erases every disk; ${fix}`])
  t.same(review('rhel', ['ignoredisk --only-use sda,sdb', 'zerombr']), [
    `1: ignoredisk --only-use permits the disk sdb; ${fix}`,
  ])
  for (const limit of [
    'ignoredisk --only-use=sda',
    'ignoredisk --only-use=/dev/sda',
    'ignoredisk --only-use=disk/by-id/x',
    'ignoredisk --drives=sdb',
    'ignoredisk --only-use',
    '%include /tmp/disks',
    '%ksappend http://192.0.2.2/x',
  ]) {
    t.same(review('rhel', [limit, 'zerombr', 'clearpart --all']), [], limit)
  }
  t.same(review('rhel', ['clearpart --all --drives=sda', 'clearpart --none', 'autopart']), [])
  t.end()
})

t.test('preseed: a disk that is not that of the machine', (t) => {
  const found = '2: partman-auto/disk names /dev/sdb; write {{node.disk}}, or '
  t.same(review('debian', ['d-i x', 'd-i partman-auto/disk string /dev/sda /dev/sdb']), [found])
  for (const disk of ['/dev/sda', '/dev/disk/by-id/x']) {
    t.same(review('debian', `d-i partman-auto/disk string ${disk}`), [])
  }
  t.same(
    review('debian', 'd-i partman-auto/disk string /dev/sdb', '/dev/disk/by-id/x'),
    [],
    'can be the same disk',
  )
  t.same(reviewAnswer('debian', 'd-i partman-auto/disk string /dev/sdb', undefined), { problems: [] })
  t.end()
})

t.test('autoinstall: a layout without a disk, and other disks', (t) => {
  const user = (...lines: string[]) => review('ubuntu', ['#cloud-config', 'autoinstall:', ...lines])
  const match = 'write match: { path: "{{node.disk}}" } in storage.layout, or '
  const largest = `without match, storage.layout erases the largest disk; ${match}`
  t.same(user('  version: 1'), [`2: ${largest}`])
  t.same(user('  version: 1', '  storage:', '    layout: { name: lvm }'), [`5: ${largest}`])
  const layout = (path: string) => user('  version: 1', `  storage: { layout: { match: ${path} } }`)
  t.same(layout('{ path: /dev/sdb }'), [`4: storage.layout names the disk /dev/sdb; ${match}`])
  t.same(layout('{ path: /dev/sda }'), [])
  t.same(layout('{ serial: x }'), [])
  t.same(user('  version: 1', '  interactive-sections: [storage]'), [])
  t.same(user('  version: 1', '  interactive-sections: ["*"]'), [])
  const config = (path: string) => [
    ...['  version: 1', '  interactive-sections: [network]', '  storage:', '    config:'],
    ...['      - { type: format, id: f }', `      - { type: disk, path: ${path} }`, '      - { type: disk }'],
  ]
  t.same(user(...config('/dev/sdb')), [
    '6: storage.config names the disk /dev/sdb; write path: "{{node.disk}}", or ',
  ])
  t.same(user(...config('/dev/sda')), [])
  t.end()
})

t.test('autoinstall: text that cloud-init or the installer cannot read', (t) => {
  t.match(review('ubuntu', ['#cloud-config', 'a: [']), [/^2: .*flow/i])
  t.same(review('ubuntu', ['#cloud-config', 'autoinstall:', '  storage: {}']), [
    '2: autoinstall needs version: 1',
  ])
  t.match(review('ubuntu', ['#cloud-config', 'a: *b']), [/^1: .*alias/i])
  for (const text of ['#!/bin/sh', '#cloud-config', '#cloud-config\na: b', '#cloud-config\nautoinstall: x']) {
    t.same(review('ubuntu', text), [], text)
  }
  t.end()
})

t.test('Talos: what Talos rejects, and another disk', (t) => {
  const complete = ['machine:', '  ca: { crt: UkVQTEFDRQ== }', '  install:', '    disk: /dev/sda']
  t.same(review('talos', complete), [])
  t.same(review('talos', ['kind: HostnameConfig', '---', ...complete]), [], 'several documents')
  t.match(review('talos', ['machine: ]']), [/^1: /])
  const copy = 'copy the file that "talosctl gen config" wrote'
  t.same(review('talos', 'version: v1alpha1'), [`1: the section machine is missing: ${copy}`])
  t.same(review('talos', ''), [`1: the section machine is missing: ${copy}`])
  t.same(review('talos', ['a: b', '---', 'machine:', '  type: worker', '  ca:', '    crt: ""']), [
    '3: machine.install has no disk: write disk: "{{node.disk}}"',
    `6: machine.ca.crt is empty: ${copy}`,
  ])
  t.same(review('talos', [...complete.slice(0, 3), '    diskSelector: { size: 4GB }']), [])
  t.same(review('talos', ['machine:', '  acceptedCAs: [{ crt: x }]', '  install: { disk: /dev/sda }']), [])
  t.same(review('talos', complete, '/dev/nvme0n1'), [
    '4: machine.install.disk is /dev/sda, but the site file has disk: /dev/nvme0n1: write disk: "{{node.disk}}"',
  ])
  t.end()
})

const path = '/srv/answers/kickstart.cfg'
const kickstart = (text: string) =>
  systemModel({ os: 'rhel', group: { answers: path }, texts: { [path]: text } })

t.test('a file that the installer would reject is not served', (t) => {
  const { findings } = compileHttp(kickstart('%pre\n{{slipway.diskCheck}}\n'))
  t.match(
    findings.map(({ code, severity, message }) => `${severity} ${code} ${message}`),
    [`error answers.invalid ${path}: line 1: the section %pre does not end with %end (needed by web/web1)`],
  )
  t.end()
})

t.test('the disk check permits no installer to erase other disks: an administrator starts it', (t) => {
  const text = '%pre\n{{slipway.diskCheck}}\n%end\n%post --nochroot\n{{slipway.report}}\n%end\nzerombr\n'
  const model = kickstart(text)
  t.match(compileHttp(model).findings, [
    {
      code: 'answers.disk-not-checked',
      severity: 'warning',
      message:
        'zerombr erases every disk (line 7), but the disk check looks at one disk, so each installation needs slipway node install: run it, write ignoredisk --only-use={{node.disk}}, or set wipe: always',
    },
  ])
  t.equal(compileInstall(model).get('web/web1')?.needsConsent, true)
  const limited = kickstart(`${text}ignoredisk --only-use={{node.disk}}\n`)
  t.same(compileHttp(limited).findings, [])
  t.equal(compileInstall(limited).get('web/web1')?.needsConsent, undefined)
  t.end()
})

t.test('without an answer file, or with one that is not rendered, there is nothing to review', (t) => {
  for (const model of [systemModel({ os: 'custom' }), kickstart('zerombr\n{{node.nothing}}\n')]) {
    const machine = model.nodes.find(({ key }) => key === 'web/web1') as NodeModel
    t.equal(otherDisks(model, machine), undefined)
  }
  t.end()
})
