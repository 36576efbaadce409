/** Whole scripts as a node gets them, held by golden files and read by the rules of iPXE's own parser. */
import t from 'tap'
import { compileHttp } from '../../../src/plan/http/compile.ts'
import type { BootScript } from '../../../src/plan/http/plan.ts'
import type { Facts, IgnitionKind } from '../../../src/plan/facts.ts'
import { renderElsewhere, renderFailed, renderRefused, renderWaiting } from '../../../src/plan/ipxe/menu.ts'
import { golden } from '../../support/golden.ts'
import { exampleModel, exampleSite, ignitionFiles, installerImage, missing } from '../../support/model.ts'

const withoutFile = (kind: IgnitionKind): Partial<Facts> => {
  const problem = `no ${kind}.ign in /srv/ignition: run openshift-install create ignition-configs and copy it there`
  const files = { ...ignitionFiles('/srv/ignition'), [kind]: missing('/srv/ignition', problem) }
  return { ignition: new Map([['ocp45', files]]) }
}
const withoutRootfs: Partial<Facts> = {
  images: new Map([
    [
      'rhcos',
      {
        ...installerImage('/srv/rhcos'),
        metal: missing('/srv/rhcos', 'neither *live-rootfs* nor *metal*.raw.gz is there.'),
      },
    ],
  ]),
}

const cases: {
  name: string
  file: string
  path: string
  node?: Record<string, unknown>
  facts?: Partial<Facts>
  boot: BootScript['boot']
}[] = [
  { name: 'live installation', file: 'live.ipxe', path: 'm1/boot.ipxe', boot: 'install' },
  {
    name: 'live installation with a static address, other disk and console',
    file: 'live-static.ipxe',
    path: 'm1/boot.ipxe',
    node: {
      disk: '/dev/nvme0n1',
      console: ['tty0', 'ttyS1,115200n8'],
      kernelArguments: [
        'nameserver=192.0.2.2',
        'bond=bond0:em1,em2:mode=active-backup',
        'ip=192.0.2.11::192.0.2.1:255.255.255.0:m1:bond0:none',
      ],
    },
    boot: 'install',
  },
  {
    name: 'an installation with another role, selected in the menu',
    file: 'live-other-role.ipxe',
    path: 'm1/install-worker.ipxe',
    boot: 'install',
  },
  {
    name: 'an infra node installs as a worker, with an image of OpenShift 4.5',
    file: 'installer.ipxe',
    path: 'i1/boot.ipxe',
    node: { console: ['tty0', 'ttyS0'] },
    facts: { images: new Map([['rhcos', installerImage('/srv/rhcos')]]) },
    boot: 'install',
  },
  { name: 'the menu', file: 'menu.ipxe', path: 'm1/menu.ipxe', boot: 'menu' },
  {
    name: 'the menu as the first script of a node, without a time limit',
    file: 'menu-unlimited.ipxe',
    path: 'm1/boot.ipxe',
    node: { boot: 'menu', menu: { default: 'master', timeoutSeconds: 0 } },
    boot: 'menu',
  },
  {
    name: 'a menu whose default cannot be installed retries instead of installing something else',
    file: 'menu-default-missing.ipxe',
    path: 'w1/menu.ipxe',
    node: { menu: { default: 'worker', timeoutSeconds: 15 } },
    facts: withoutFile('worker'),
    boot: 'menu',
  },
  {
    name: 'the local disk',
    file: 'local.ipxe',
    path: 'm1/boot.ipxe',
    node: { boot: 'local' },
    boot: 'local',
  },
  {
    name: 'a missing Ignition file',
    file: 'missing-ignition.ipxe',
    path: 'bs/boot.ipxe',
    facts: withoutFile('bootstrap'),
    boot: 'wait',
  },
  {
    name: 'missing files of image and cluster',
    file: 'missing-both.ipxe',
    path: 'm1/boot.ipxe',
    facts: { ...withoutRootfs, ...withoutFile('master') },
    boot: 'wait',
  },
]

for (const { name, file, path, node = {}, facts = {}, boot } of cases) {
  t.test(name, (t) => {
    const site = exampleSite()
    const key = path.slice(0, path.indexOf('/'))
    const declared = site.clusters[0]!.nodes.find((each) => each['name'] === key)!
    Object.assign(declared, node)
    const { plan } = compileHttp(exampleModel(site, facts))
    const script = plan.scripts.get(`/boot/ocp45/${path}`)!
    golden(t, `ipxe/${file}`, script.body)
    t.same(flaws(script.body), [])
    t.equal(script.boot, boot)
    t.equal(script.node, `ocp45/${key}`)
    t.end()
  })
}

const url = 'http://192.0.2.2/boot/ocp45/m1/boot.ipxe'
const m1 = exampleModel().nodes.find(({ key }) => key === 'ocp45/m1')!
const reason = 'waits until ocp45/bs serves machine configurations'

for (const [name, file, body] of [
  ['a node that must wait', 'waiting.ipxe', renderWaiting(m1, { reason, url })],
  [
    'a node that waits unless an administrator presses a key',
    'waiting-skip.ipxe',
    renderWaiting(m1, { reason, url, skipUrl: `${url}?skip` }),
  ],
  ['an installation that failed', 'failed.ipxe', renderFailed(m1, '3 attempts did not finish', url)],
  [
    'a node that another server installs',
    'elsewhere.ipxe',
    renderElsewhere(m1, { url, installerUrl: url.replace('192.0.2.2', '192.0.2.3') }),
  ],
  [
    'a machine that is not the node',
    'refused.ipxe',
    renderRefused(m1, 'this machine has another MAC address', url),
  ],
] as const) {
  t.test(name, (t) => {
    golden(t, `ipxe/${file}`, body)
    t.same(flaws(body), [])
    t.end()
  })
}

t.test('the checks of the last test detect invalid scripts', (t) => {
  t.same(flaws('#!ipxe\n:a\n:a\ngoto b\nkernl x\necho M\u00fc\nboot\n'), [
    'label a twice',
    'goto b: no such label',
    'kernl: no such command',
    'echo Mü: not printable',
    'ends after boot',
  ])
  t.same(flaws('echo'), ['no #!ipxe', 'ends after echo'])
  t.end()
})

/**
 * What iPXE would stumble over (src/image/script.c, src/core/exec.c): labels that are absent or double,
 * commands that Debian's build does not know, an end that is reached: there iPXE would give up silently.
 */
function flaws(body: string): string[] {
  const commands =
    'boot chain choose config echo exit goto imgfree inc initrd iseq item kernel menu prompt reboot sanboot set shell sleep'
  const known = new Set(commands.split(' '))
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('# '))
  const labels = lines.filter((line) => line.startsWith(':')).map((line) => line.slice(1))
  // Menu entries are labels too: `goto ${entry}` goes to the one that was chosen.
  const items = lines.flatMap((line) => /^item (?!--)(\S+)/.exec(line)?.[1] ?? [])
  const goals = lines.flatMap((line) => /\bgoto ([a-z]+)\b/.exec(line)?.[1] ?? [])
  const parts = lines
    .filter((line) => !line.startsWith(':') && line !== '#!ipxe')
    .flatMap((line) => line.split(/ (?:\|\||&&)(?: |$)/))
    .filter((part) => part !== '')
  const last = lines.at(-1) ?? ''
  return [
    ...(body.startsWith('#!ipxe\n') ? [] : ['no #!ipxe']),
    ...labels
      .filter((label, index) => labels.indexOf(label) !== index)
      .map((label) => `label ${label} twice`),
    ...[...goals, ...items]
      .filter((goal) => !labels.includes(goal))
      .map((goal) => `goto ${goal}: no such label`),
    ...parts
      .map((part) => part.split(' ')[0]!)
      .filter((word) => !known.has(word))
      .map((word) => `${word}: no such command`),
    ...lines.filter((line) => !/^[\x20-\x7e]+$/.test(line)).map((line) => `${line}: not printable`),
    ...(/(?:^|\|\| )goto \w+$/.test(last) ? [] : [`ends after ${last}`]),
  ]
}
