/** What slipway knows about answer files: files that the installer would reject, and installers that overwrite other disks. */
import t from 'tap'
import { uncheckedDisk } from '../../../src/plan/disk-check.ts'
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
  t.same(review('rhel', [' %pre', 'zerombr', ' %end', '%anaconda', 'zerombr', '%end']), [])
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
  for (const limit of ['ignoredisk --only-use=sda', '\tignoredisk --only-use "/dev/sda" # sdb']) {
    t.same(review('rhel', [limit, '%include x', 'zerombr', 'clearpart --all']), [], limit)
  }
  const id = '/dev/disk/by-id/x'
  t.same(review('rhel', ['ignoredisk --only-use=disk/by-id/x', 'zerombr'], id), [], 'the same link')
  t.end()
})

t.test('kickstart: what is not known to limit the installer to one disk does not', (t) => {
  const fix = 'write ignoredisk --only-use={{node.disk}}, or '
  const id = '/dev/disk/by-id/x'
  for (const limit of ['ignoredisk --drives=sdb', 'ignoredisk --only-use', 'ignoredisk']) {
    t.same(review('rhel', [limit, 'zerombr']), [`2: zerombr erases every disk; ${fix}`], limit)
  }
  for (const [name, disk] of [
    ['sd*', '/dev/sda'],
    ['disk/by-id/x', '/dev/sda'],
    ['sda', id],
  ] as const) {
    const found = `1: ignoredisk --only-use permits the disk ${name}; ${fix}`
    t.same(review('rhel', `ignoredisk --only-use=${name}`, disk), [found])
  }
  t.same(review('rhel', ['ignoredisk --only-use=sda', 'ignoredisk --only=sdb']), [
    `2: ignoredisk --only-use permits the disk sdb; ${fix}`,
  ])
  for (const include of ['%include /tmp/disks', ' %ksappend http://192.0.2.2/x']) {
    const found = `1: the commands of ${include.trim()} can overwrite other disks; ${fix}`
    t.same(review('rhel', include), [found])
  }
  for (const [command, why] of [
    [' zerombr', 'zerombr erases every disk'],
    ['"clearpart" --al', 'clearpart --al erases every disk'],
    ['clearpart --all --drives=sda,sdb', 'clearpart --all --drives=sda,sdb erases sdb'],
    ['clearpart --drives=sda --all --drives sdb', 'clearpart --drives=sda --all --drives sdb erases sdb'],
    ['clearpart --list=sda1,sdb2', 'clearpart --list=sda1,sdb2 erases sdb2'],
    ['part / --onpart=sdb1', 'part writes to sdb1'],
    ['part / --usepart=/dev/sda', 'part writes to /dev/sda'],
    ['partition / --ondisk=nvme0n1', 'partition writes to nvme0n1'],
    ['bootloader --boot-drive sdb', 'bootloader writes to sdb'],
    ['logvol / --useexisting', 'logvol / --useexisting formats a volume of any disk'],
    ['mount /dev/sdb1 / --reformat=xfs', 'mount /dev/sdb1 / --reformat=xfs formats /dev/sdb1'],
    ['mount --reformat', 'mount --reformat formats --reformat'],
  ] as const) {
    t.same(review('rhel', command), [`1: ${why}; ${fix}`], command)
  }
  for (const command of [
    'clearpart --all --drives=sda',
    'clearpart --list=sda1,/dev/sda2',
    'clearpart --none --initlabel',
    'autopart # clearpart --all',
    'part / --onpart=sda1 --size 1',
    'part / --ondisk=/dev/sda',
    'bootloader --boot-drive=sda',
    'logvol / --useexisting --noformat',
    'volgroup x --useexisting',
    'mount /dev/sdb1 /data',
    'mount /dev/sda1 / --reformat',
  ]) {
    t.same(review('rhel', command), [], command)
  }
  t.same(review('rhel', 'part / --onpart=nvme0n1p2', '/dev/nvme0n1'), [])
  t.same(review('rhel', 'part / --onpart=disk/by-id/x-part2', id), [])
  t.end()
})

t.test('preseed: a disk that is not that of the machine', (t) => {
  const found = '2: partman-auto/disk names /dev/sdb; write {{node.disk}}, or '
  t.same(review('debian', ['d-i x', 'd-i partman-auto/disk string /dev/sda /dev/sdb']), [found])
  const set = (line: string, disk?: string) => review('debian', line, disk)
  const fix = 'write {{node.disk}}, or '
  const id = '/dev/disk/by-id/x'
  for (const disk of ['/dev/sda', id]) t.same(set(`d-i partman-auto/disk string ${disk}`, disk), [])
  t.same(set(`d-i partman-auto/disk string ${id}`), [`1: partman-auto/disk names ${id}; ${fix}`])
  t.same(set('d-i partman-auto/disk string /dev/sda', id), [`1: partman-auto/disk names /dev/sda; ${fix}`])
  t.same(set('d-i partman-auto/disk \\\n string /dev/sdb'), [`1: partman-auto/disk names /dev/sdb; ${fix}`])
  t.same(set('d-i partman-auto/disk select /dev/sdb'), [`1: partman-auto/disk names /dev/sdb; ${fix}`])
  t.same(set('# d-i partman-auto/disk string /dev/sdb'), [])
  t.same(set('d-i partman/early_command string debconf-set partman-auto/disk "/dev/sdb"; true'), [
    `1: debconf-set partman-auto/disk names /dev/sdb; ${fix}`,
  ])
  t.same(set('d-i partman/early_command string debconf-set partman-auto/disk /dev/sda'), [])
  t.same(set('d-i grub-installer/bootdev string /dev/sdb'), [
    `1: grub-installer/bootdev names /dev/sdb; ${fix}`,
  ])
  t.same(set('d-i grub-installer/bootdev string default'), [])
  t.same(set('d-i preseed/include string more.cfg'), [
    '1: a file of preseed/include can name other disks; write its lines into this file, or ',
  ])
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
  const pathless = `4: storage.layout selects a disk without its path; ${match}`
  for (const selector of ['{ serial: x }', '{ size: largest }', 'x']) t.same(layout(selector), [pathless])
  t.same(layout('{ path: "/dev/sd*" }'), [`4: storage.layout names the disk /dev/sd*; ${match}`])
  t.same(user('  version: 1', '  interactive-sections: [storage]'), [])
  t.same(user('  version: 1', '  interactive-sections: ["*"]'), [])
  const config = (path: string) => [
    ...['  version: 1', '  interactive-sections: [network]', '  storage:', '    config:'],
    ...['      - { type: format, id: f }', `      - { type: disk, ${path} }`],
  ]
  const fix = 'write path: "{{node.disk}}", or '
  t.same(user(...config('path: /dev/sdb')), [`6: storage.config names the disk /dev/sdb; ${fix}`])
  t.same(user(...config('match: { size: largest }')), [
    `6: storage.config selects a disk without its path; ${fix}`,
  ])
  t.same(user(...config('path: /dev/sda')), [])
  t.end()
})

t.test('autoinstall: text that cloud-init or the installer cannot read', (t) => {
  t.match(review('ubuntu', ['#cloud-config', 'a: [']), [/^2: .*flow/i])
  t.same(review('ubuntu', ['#cloud-config', 'autoinstall:', '  storage: {}']), [
    '2: autoinstall needs version: 1',
  ])
  t.match(review('ubuntu', ['#cloud-config', 'a: *b']), [/^1: .*alias/i])
  for (const text of ['#cloud-config', '#cloud-config\na: b', '#cloud-config\nautoinstall: x']) {
    t.same(review('ubuntu', text), [], text)
  }
  for (const text of ['#!/bin/sh', '## template: jinja\n#cloud-config', '#cloud-config-archive']) {
    t.same(
      review('ubuntu', text),
      ['1: only #cloud-config shows the disks; begin the file with #cloud-config, or '],
      text,
    )
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
  t.same(reviewAnswer('talos', complete.join('\n'), undefined), { problems: [] })
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

const check = '{{slipway.diskCheck}}'
const main = '/srv/answers/main'

/** Why an administrator must start each installation; undefined if slipway starts it. */
function unchecked(
  os: 'debian' | 'rhel' | 'ubuntu' | 'custom' | 'talos',
  ...files: string[]
): string | undefined {
  const answers = files.map((_, index) => `${main}${index}`)
  const texts = Object.fromEntries(files.map((text, index) => [`${main}${index}`, text]))
  const model = systemModel({ os, group: { answers }, texts })
  const machine = model.nodes.find(({ key }) => key === 'web/web1') as NodeModel
  const found = uncheckedDisk(model, machine)
  t.equal(compileInstall(model).get('web/web1')?.needsConsent, found === undefined ? undefined : true)
  return found && `${found.why}, ${found.fix}`
}

t.test('a disk check that does not run before the disk is written permits nothing', (t) => {
  const late = (place: string) =>
    `no answer file runs ${check} in time, add the check${place === '' ? '' : ` to ${place}`}, or `
  const limit = 'ignoredisk --only-use={{node.disk}}\n'
  for (const text of [
    `%pre\n# ${check}\n%end\n`,
    `%pre\ntrue # ${check}\n%end\n`,
    `%pre-install\n${check}\n%end\n`,
    `%post\n${check}\n%end\n`,
    `# ${check}\n`,
  ]) {
    t.equal(unchecked('rhel', `${limit}${text}`), late('%pre'), text)
  }
  t.equal(unchecked('rhel', `${limit} %pre --log=/x\n ${check}\n%end\n`), undefined)
  for (const text of [
    `#d-i partman/early_command string ${check}`,
    `d-i preseed/late_command string ${check}`,
    `d-i partman/early_command string true # ${check}`,
    `# x \\\nd-i partman/early_command string ${check}`,
  ]) {
    t.equal(unchecked('debian', text), late('partman/early_command'), text)
  }
  t.equal(unchecked('debian', `d-i preseed/early_command string a; \\\n b; \\\n ${check}; c`), undefined)
  const user = (commands: string) =>
    `#cloud-config\nautoinstall:\n  version: 1\n  storage: { layout: { match: { path: "{{node.disk}}" } } }\n  ${commands}\n`
  for (const commands of [
    `# early-commands: ["${check}"]`,
    `late-commands: ["${check}"]`,
    `early-commands: {a: "${check}"}`,
  ]) {
    t.equal(unchecked('ubuntu', user(commands)), late('early-commands'), commands)
  }
  t.equal(unchecked('ubuntu', user(`early-commands: [a, [sh, -c, "${check}"]]`)), undefined)
  for (const text of [`# ${check}`, `<!-- \n${check} -->`, `  // ${check}`]) {
    t.equal(unchecked('custom', text), late(''), text)
  }
  t.equal(unchecked('custom', `<a>${check}</a>`), undefined)
  t.equal(
    unchecked('rhel', `${limit}%pre\ncurl x | sh\n%end\n`, `#!/bin/sh\n${check}\n`),
    undefined,
    'a file that it fetches',
  )
  t.match(unchecked('talos', `machine: {}\n# ${check}\n`), /^Talos cannot ask/)
  t.equal(unchecked('custom', check, '{{'), undefined, 'another file has a problem')
  t.match(unchecked('custom', '{{'), /^no answer file/)
  t.end()
})

t.test('without an answer file, or with one that is not rendered, there is nothing to review', (t) => {
  for (const model of [systemModel({ os: 'custom' }), kickstart('zerombr\n{{node.nothing}}\n')]) {
    const machine = model.nodes.find(({ key }) => key === 'web/web1') as NodeModel
    t.equal(otherDisks(model, machine), undefined)
  }
  t.end()
})
