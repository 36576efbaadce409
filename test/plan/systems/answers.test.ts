import t from 'tap'
import { compileHttp } from '../../../src/plan/http/compile.ts'
import { compileInstall } from '../../../src/plan/install.ts'
import { missingAnswers, answersOf } from '../../../src/plan/systems/answers.ts'
import { planInstall } from '../../../src/plan/boot/boot-plan.ts'
import { overHttps } from '../../../src/plan/boot/over-https.ts'
import { renderBoot } from '../../../src/plan/boot/render.ts'
import { systemModel, systemNode } from '../../support/systems.ts'

const base = 'http://192.0.2.2/boot/web/web1/@token-of-the-install@'
const preseed = { answers: '/srv/answers/preseed.cfg' }

function argumentsOf(given: Parameters<typeof systemModel>[0]): string[] {
  const model = systemModel(given)
  const plan = planInstall(model, systemNode(model), given.os)
  return plan.kind === 'install' ? [...plan.arguments] : [plan.kind]
}

t.test(
  'the installer of Debian gets its preseed; console arguments are for the installed system too',
  (t) => {
    const group = { ...preseed, console: ['tty0', 'ttyS0,115200'], kernelArguments: ['quiet'] }
    const common = ['auto=true', 'priority=critical', `url=${base}/preseed.cfg`, 'interface=auto']
    t.same(argumentsOf({ os: 'debian', group }), [
      ...common,
      'BOOTIF=01-00-00-5e-00-53-41',
      'hostname=web1',
      'domain=example.org',
      'quiet',
      '---',
      'console=tty0',
      'console=ttyS0,115200',
    ])
    const node = { mac: ['00:00:5e:00:53:41', '00:00:5e:00:53:42'] }
    t.same(argumentsOf({ os: 'debian', group: preseed, node }), [
      ...common,
      'hostname=web1',
      'domain=example.org',
    ])
    t.end()
  },
)

t.test('the installers of the other systems get their files', (t) => {
  const kickstart = { answers: '/srv/answers/kickstart.cfg' }
  t.same(argumentsOf({ os: 'rhel', group: kickstart }), [`inst.ks=${base}/kickstart.cfg`, 'ip=dhcp'])
  t.same(argumentsOf({ os: 'rhel', group: { ...kickstart, kernelArguments: ['ip=eno1:dhcp'] } }), [
    `inst.ks=${base}/kickstart.cfg`,
    'ip=eno1:dhcp',
  ])
  t.same(argumentsOf({ os: 'ubuntu', group: { answers: '/srv/answers/user-data' } }), [
    'ip=dhcp',
    'url=http://192.0.2.2/images/other/ubuntu-24.04-live-server-amd64.iso',
    'root=/dev/ram0',
    'ramdisk_size=1500000',
    'cloud-config-url=/dev/null',
    'autoinstall',
    `ds=nocloud-net;s=${base}/`,
  ])
  t.ok(
    argumentsOf({ os: 'talos', group: { answers: '/srv/answers/machine.yaml' } }).includes(
      `talos.config=${base}/machine.yaml`,
    ),
  )
  t.same(argumentsOf({ os: 'flatcar', group: { answers: '/srv/edge.ign', console: ['ttyS0'] } }), [
    'flatcar.first_boot=1',
    `ignition.config.url=${base}/live.ign`,
    'console=ttyS0',
  ])
  const kernelArguments = ['autoyast={{slipway.answers}}', 'host={{node.name}}']
  t.same(argumentsOf({ os: 'custom', group: { answers: '/srv/answers/autoyast.xml', kernelArguments } }), [
    `autoyast=${base}/autoyast.xml`,
    'host=web1',
  ])
  t.same(argumentsOf({ os: 'custom' }), [])
  t.end()
})

t.test('an own Ignition file installs Fedora CoreOS as the file of a role installs RHCOS', (t) => {
  const words = argumentsOf({ os: 'fcos', group: { answers: '/srv/edge.ign' } })
  t.ok(words.includes(`coreos.inst.ignition_url=${base}/fcos.ign`))
  t.ok(words.includes('coreos.inst.install_dev=/dev/sda'))
  t.ok(words.includes(`ignition.config.url=${base}/live.ign`))
  t.end()
})

t.test('a template has the facts of the node, its URLs, and its commands', (t) => {
  const text = [
    '{{node.fqdn}} {{node.address}} {{node.mac}} {{node.disk}} {{node.role}} {{site.name}}',
    '{{slipway.answers}} {{slipway.folder}} {{slipway.callback}}',
    'd-i partman/early_command string {{slipway.diskCheck}}',
    '{{slipway.report}}',
    '{{slipway.reportFailure}}',
  ].join('\n')
  const answers = ['/srv/a/preseed.cfg', '/srv/a/more.sh']
  const texts = { '/srv/a/preseed.cfg': text, '/srv/a/more.sh': '${{{{x}}' }
  const model = systemModel({ os: 'debian', group: { answers }, texts })
  const [main, more, script, ...others] = answersOf(model, systemNode(model))
  t.same(others, [])
  t.match(main, { name: 'preseed.cfg', isLast: false })
  t.same(main?.text.split('\n'), [
    'web1.example.org 192.0.2.41 00:00:5e:00:53:41 /dev/sda debian lab',
    `${base}/preseed.cfg ${base}/ ${base}/written`,
    `d-i partman/early_command string until wget -q -O /tmp/slipway.sh ${base}/slipway.sh; do sleep 5; done; sh /tmp/slipway.sh disk`,
    `[ -e /tmp/slipway.sh ] || wget -q -O /tmp/slipway.sh ${base}/slipway.sh; sh /tmp/slipway.sh written`,
    `[ -e /tmp/slipway.sh ] || wget -q -O /tmp/slipway.sh ${base}/slipway.sh; sh /tmp/slipway.sh failed`,
  ])
  t.same(more, { name: 'more.sh', text: '${{x}}', isLast: false })
  t.match(script, { name: 'slipway.sh', isLast: false })
  t.match(script?.text, `url='${base}'`)
  t.end()
})

t.test('without the disk check, the answer file is the last file before the disk is written', (t) => {
  const group = { answers: '/srv/a/user-data' }
  const texts = { '/srv/a/user-data': '#cloud-config\n' }
  const model = systemModel({ os: 'ubuntu', group, texts })
  const files = answersOf(model, systemNode(model))
  t.same(
    files.map(({ name, isLast }) => [name, isLast]),
    [
      ['user-data', true],
      ['slipway.sh', false],
      ['meta-data', false],
      ['vendor-data', false],
    ],
  )
  t.equal(files[2]?.text, 'instance-id: web-web1\nlocal-hostname: web1\n')
  t.end()
})

t.test('files that cannot be served keep the node from installing, with the reason', (t) => {
  const problems = (given: Parameters<typeof systemModel>[0]) => {
    const model = systemModel(given)
    return missingAnswers(model, systemNode(model)).map(({ code, problem }) => `${code}: ${problem}`)
  }
  t.same(problems({ os: 'rhel' }), [
    'answers.missing: web/web1 has no answer file: set answers to the path of one',
  ])
  t.same(problems({ os: 'custom' }), [])
  const unreadable = {
    kind: 'missing',
    code: 'answers.unreadable',
    path: '/srv/x',
    problem: '/srv/x does not exist',
  } as const
  const facts = { addedFiles: new Map([['/srv/x', unreadable]]) }
  const group = { answers: '/srv/x' }
  t.same(problems({ os: 'debian', group, texts: { '/srv/x': '' }, facts }), [
    'answers.unreadable: /srv/x does not exist',
  ])
  const model = systemModel({ os: 'debian', group, texts: { '/srv/x': '' }, facts })
  t.same(
    answersOf(model, systemNode(model)).map(({ name }) => name),
    ['slipway.sh'],
  )
  t.same(problems({ os: 'debian', group, texts: { '/srv/x': 'a\n{{node.adress}}\n{{node.gateway}}' } }), [
    'answers.template-invalid: /srv/x: line 2: {{node.adress}} is not a known placeholder (did you mean node.address?)',
  ])
  t.same(problems({ os: 'debian', group, texts: { '/srv/x': '{{ ' } }), [
    'answers.template-invalid: /srv/x: line 1: expected a name after {{, such as {{node.address}}; write {{{{ for a literal {{',
  ])
  const kernelArguments = ['a={{', 'b={{slipway.answer}}']
  t.match(problems({ os: 'custom', group: { kernelArguments } }), [
    'answers.template-invalid: kernelArguments of web/web1: expected a name after {{',
    'answers.template-invalid: kernelArguments of web/web1: {{slipway.answer}} is not a known placeholder',
  ])
  const noDisk = { answers: '/srv/answers/preseed.cfg', disk: undefined }
  t.match(problems({ os: 'debian', group: noDisk }), [/web\/web1 has no value for \{\{slipway.diskCheck\}\}/])
  const unscanned = systemModel({
    os: 'debian',
    group,
    texts: { '/srv/x': '' },
    facts: { addedFiles: new Map() },
  })
  t.throws(() => missingAnswers(unscanned, systemNode(unscanned)), /site was not scanned: \/srv\/x/)
  t.end()
})

t.test('findings warn about installers that overwrite a disk, or do not report their end', (t) => {
  const findings = (given: Parameters<typeof systemModel>[0]) => compileHttp(systemModel(given)).findings
  const codes = (given: Parameters<typeof systemModel>[0]) =>
    findings(given).map(({ code, about }) => [code, about])
  const plain = { os: 'debian', texts: { '/srv/x': 'd-i x' } } as const
  const group = { answers: '/srv/x' }
  t.same(codes({ ...plain, group }), [
    ['answers.disk-not-checked', 'web/web1'],
    ['answers.end-not-reported', 'web/web1'],
  ])
  t.same(codes({ ...plain, group: { ...group, wipe: 'always' } }), [['answers.end-not-reported', 'web/web1']])
  t.same(codes({ ...plain, group: { ...group, boot: 'local' } }), [])
  t.same(codes({ os: 'debian', group: preseed }), [])
  const talos = { answers: '/srv/answers/machine.yaml' }
  t.match(findings({ os: 'talos', group: talos }), [
    {
      code: 'answers.disk-not-checked',
      message:
        'Talos cannot ask slipway before it overwrites the disk, so each installation needs slipway node install: run it, or set wipe: always',
    },
  ])
  t.same(codes({ os: 'talos', group: { ...talos, wipe: 'always' } }), [])
  t.match(findings({ os: 'fcos', group: { answers: '/srv/edge.ign', callbacks: false } }), [
    {
      code: 'answers.disk-not-checked',
      message: /^with callbacks: false, nothing looks at the disk first, so/,
    },
  ])
  t.same(codes({ os: 'fcos', group: { answers: '/srv/edge.ign' } }), [])
  t.same(codes({ os: 'debian' }), [['answers.missing', 'web/web1']])
  t.same(codes({ os: 'flatcar' }), [['answers.missing', 'web/web1']])
  t.end()
})

t.test('iPXE and GRUB boot an installer with the same arguments', (t) => {
  for (const [group, text] of [
    [preseed, 'installs as debian on /dev/sda'],
    [{ ...preseed, disk: undefined }, 'cannot install as debian yet'],
  ] as const) {
    const model = systemModel({ os: 'debian', group })
    const node = systemNode(model)
    const plan = planInstall(model, node, 'debian')
    for (const syntax of ['ipxe', 'grub'] as const) {
      t.match(renderBoot(syntax, node, plan, 'http://192.0.2.2/boot/web/web1/boot.ipxe'), text)
    }
  }
  const model = systemModel({ os: 'custom', group: { disk: undefined } })
  const node = systemNode(model)
  for (const syntax of ['ipxe', 'grub'] as const) {
    const script = renderBoot(syntax, node, planInstall(model, node, 'custom'), 'http://192.0.2.2/boot/x/y/z')
    t.match(script, 'installs as custom, on the disk that its installer chooses')
  }
  t.end()
})

t.test('a custom system without an answer file announces its start, in every loader that can', (t) => {
  const model = systemModel({ os: 'custom', group: { kernelArguments: ['quiet'] } })
  t.equal(compileInstall(model).get('web/web1')?.lastFile, 'handover')
  const node = systemNode(model)
  const plan = planInstall(model, node, 'custom')
  const url = 'http://192.0.2.2/boot/web/web1/boot.ipxe'
  const grub = renderBoot('grub', node, plan, url)
  t.match(grub, `if linux "\${slipway}"'/images/other/vmlinuz' 'quiet'; then`)
  t.match(grub, /if source '\(http,192\.0\.2\.2\)\/boot\/web\/web1\/.*handover'; then\n.*\nboot\n/)
  for (const syntax of ['pxelinux', 'uboot'] as const)
    t.match(renderBoot(syntax, node, plan, url), 'only iPXE can boot http://192.0.2.2/images/other/vmlinuz')
  const secured = overHttps(plan, 'https://192.0.2.2:8444/x')
  t.match(secured, {
    kernel: { url: 'https://192.0.2.2:8444/images/other/vmlinuz' },
    handoverUrl: 'https://192.0.2.2:8444/boot/web/web1/@token-of-the-install@/handover',
  })
  t.end()
})

t.test('with server.tls, answer files are reported as unencrypted, and Flatcar as not installable', (t) => {
  const findings = (given: Parameters<typeof systemModel>[0]) => {
    const model = systemModel(given)
    const endpoint = { ...model.endpoint, tls: { ca: 'generated' } as const }
    return compileHttp({ ...model, endpoint }).findings.map(({ code, message }) => `${code}: ${message}`)
  }
  t.match(findings({ os: 'debian', group: preseed }), [
    /^answers\.not-encrypted: the answer files of 1 machine are sent over plain HTTP/,
  ])
  t.same(findings({ os: 'debian', group: { ...preseed, boot: 'local' } }), [])
  t.same(findings({ os: 'fcos', group: { answers: '/srv/edge.ign' } }), [])
  t.notMatch(findings({ os: 'custom' }).join(), 'answers.not-encrypted')
  t.match(findings({ os: 'flatcar', group: { answers: '/srv/edge.ign' } }), [
    /^image\.no-https: \/srv\/other contains an image of Flatcar, which cannot verify the CA of server\.tls: use Fedora CoreOS/,
  ])
  t.end()
})

t.test('an installer that does not ask about the disk starts only for an administrator', (t) => {
  const needsConsent = (given: Parameters<typeof systemModel>[0]) =>
    compileInstall(systemModel(given)).get('web/web1')?.needsConsent
  const ignition = { answers: '/srv/edge.ign' }
  t.equal(needsConsent({ os: 'debian', group: preseed }), undefined)
  t.equal(needsConsent({ os: 'debian', texts: { '/srv/x': 'd-i x' }, group: { answers: '/srv/x' } }), true)
  t.equal(needsConsent({ os: 'talos', group: { answers: '/srv/answers/machine.yaml' } }), true)
  t.equal(needsConsent({ os: 'custom' }), true)
  t.equal(needsConsent({ os: 'custom', group: { wipe: 'always' } }), undefined)
  t.equal(needsConsent({ os: 'fcos', group: ignition }), undefined)
  t.equal(needsConsent({ os: 'fcos', group: { ...ignition, callbacks: false } }), true)
  t.equal(needsConsent({ os: 'flatcar', group: { ...ignition, callbacks: false } }), undefined)
  t.end()
})

t.test('an installer can read each of its answer files as often as a single one', (t) => {
  const texts = { '/srv/x': 'x', '/srv/y': 'y', '/srv/z': 'z' }
  const model = systemModel({ os: 'custom', texts, group: { answers: Object.keys(texts) } })
  t.equal(compileInstall(model).get('web/web1')?.answers, 3)
  t.end()
})
