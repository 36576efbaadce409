import t from 'tap'
import { explanationLines } from '../../src/cli/text/explanation.ts'
import { explanationOf } from '../../src/explain/explanation.ts'
import { chooseNode } from '../../src/cli/target.ts'
import { compile } from '../../src/plan/compile.ts'
import { loaderNames, type Facts } from '../../src/plan/facts.ts'
import type { Model } from '../../src/plan/model.ts'
import { exampleSiteModel } from '../support/example-site.ts'
import { golden } from '../support/golden.ts'
import { agentImage, found, ignitionFile, missing } from '../support/model.ts'

const explanation = (model: Model, name: string) =>
  explanationOf(model, compile(model), chooseNode(model, name))
const text = (model: Model, name: string) => `${explanationLines(explanation(model, name)).join('\n')}\n`

const day = { madeAt: Date.UTC(2026, 10, 21, 6), usableUntil: Date.UTC(2026, 10, 22, 6) }
const versioned: Partial<Facts> = {
  ignition: new Map([
    [
      'ocp45',
      {
        bootstrap: ignitionFile('/ignition/bootstrap.ign', day, 300_000),
        master: ignitionFile('/ignition/master.ign', {}, 1720),
        arbiter: missing('/ignition/arbiter.ign', '/ignition/arbiter.ign does not exist'),
        single: missing('/ignition/single.ign', '/ignition/single.ign does not exist'),
        worker: missing('/ignition/worker.ign', '/ignition/worker.ign does not exist'),
      },
    ],
  ]),
}

t.test('explains everything that a master of the example gets', (t) => {
  golden(t, 'explain/master.txt', text(exampleSiteModel(undefined, versioned), 'ocp45/m1'))
  t.end()
})

t.test('explains that the image of an agent contains the disk and the Ignition file', (t) => {
  const images = new Map([['rhcos-4.17', agentImage('/images/agent')]])
  const lines = explanationLines(explanation(exampleSiteModel(undefined, { images }), 'm1'))
  t.equal(lines.includes('  boot     installs rhcos-4.17 on the disk that its agent chooses'), true)
  const ignition = 'Ignition  in its initramfs, which only this node can fetch while it installs'
  t.equal(lines.includes(ignition), true)
  t.equal(
    lines.some((line) => line.includes('/dev/')),
    false,
  )
  t.end()
})

t.test('explains that the installer of a script chooses the disk', (t) => {
  const script = 'http://192.0.2.9/ipxe-script'
  const images = new Map(
    [script, 'rhcos-4.17'].map((name) => [name, { style: 'script', script: found(script, 0) }] as const),
  )
  const scripted = (site: string) => site.replace('image: rhcos-4.17', `script: ${script}`)
  const lines = explanationLines(explanation(exampleSiteModel(scripted, { images }), 'm1'))
  t.match(lines, [
    /^ocp45\/m1/,
    / name /,
    / MAC /,
    / address /,
    `  boot     installs ${script} on the disk that its installer chooses`,
  ])
  t.notOk(lines.some((line) => line.startsWith('Ignition')))
  t.end()
})

t.test('a bootstrap that shows the menu (default: without the loaders', (t) => {
  const loaders = new Map(loaderNames.map((name) => [name, missing('/usr/lib/ipxe', `no ${name}`)]))
  const menu = (site: string) => site.replace('role: bootstrap,', 'role: bootstrap, boot: menu,')
  golden(t, 'explain/bootstrap.txt', text(exampleSiteModel(menu, { ...versioned, loaders }), 'bs'))
  t.end()
})

t.test(
  'explains a worker whose Ignition file is missing, and whose names and load balancer are on other servers',
  (t) => {
    const elsewhere = (site: string) =>
      site
        .replace('dns:\n', 'dns:\n  serve: false\n')
        .replace('ntp: [172.16.0.101] }', 'ntp: [172.16.0.101], dns: [192.0.2.53] }')
        .replace(/^haproxy:.*/m, '')
    golden(t, 'explain/worker-elsewhere.txt', text(exampleSiteModel(elsewhere, versioned), 'w1'))
    t.end()
  },
)

t.test('explains what the site adds to the Ignition file of a node', (t) => {
  const adding = (site: string) =>
    site.replace(
      'name: m1, role: master,',
      'name: m1, role: master, hostname: true, networkKeyfiles: [m1/bond0],',
    )
  const file = '/etc/slipway/m1/bond0'
  const addedFiles: Facts['addedFiles'] = new Map([
    [file, { kind: 'found', path: file, octets: 3, content: Uint8Array.of(1, 2, 3) }],
  ])
  const lines = text(exampleSiteModel(adding, { ...versioned, addedFiles }), 'm1').split('\n')
  t.same(
    lines.filter((line) => line.startsWith('  adds ')),
    [
      '  adds /etc/hostname (0644)',
      `  adds /etc/NetworkManager/system-connections/bond0.nmconnection (0600) from ${file}`,
    ],
  )
  t.end()
})

t.test('returns the data for --json', (t) => {
  const { offers, script, dns, haproxy, ...facts } = explanation(exampleSiteModel(), 'w1')
  t.same(facts, {
    node: 'ocp45/w1',
    role: 'worker',
    name: 'w1.ocp45.example.localdomain',
    mac: '00:50:56:96:6b:da',
    address: '172.16.0.31',
    addresses: ['172.16.0.31'],
    network: '172.16.0.0/24',
    boot: 'install',
    image: 'rhcos-4.17',
    disk: '/dev/sda',
    ignition: {
      url: 'http://172.16.0.101/boot/ocp45/w1/TOKEN/worker.ign',
      file: '/ignition/worker.ign',
      octets: 1000,
      contents: { version: '3.2.0', unread: 0 },
      added: [],
    },
  })
  t.same(
    offers.map(({ client, bootFile, loader }) => [client, bootFile, loader]),
    [
      ['BIOS firmware (architecture 0)', 'bios/undionly.kpxe', { path: '/usr/lib/ipxe/bios/undionly.kpxe' }],
      ['x64 UEFI firmware (architecture 7)', 'efi/snponly.efi', { path: '/usr/lib/ipxe/efi/snponly.efi' }],
      ['arm64 UEFI firmware (architecture 11)', 'arm64/ipxe.efi', { path: '/usr/lib/ipxe/arm64/ipxe.efi' }],
      ['iPXE', 'http://172.16.0.101/boot/ocp45/w1/boot.ipxe', undefined],
    ],
  )
  t.equal(script?.leadsTo, 'install')
  t.same(dns, {
    forward: [{ owner: 'w1.ocp45.example.localdomain.', type: 'A', data: '172.16.0.31' }],
    reverse: [{ owner: '31.0.16.172.in-addr.arpa.', type: 'PTR', data: 'w1.ocp45.example.localdomain.' }],
  })
  t.same(haproxy, [
    {
      service: 'workerhttp',
      addresses: ['172.16.0.111:80'],
      server: '172.16.0.31:80',
      isBackup: false,
      isOut: false,
    },
    {
      service: 'workerhttps',
      addresses: ['172.16.0.111:443'],
      server: '172.16.0.31:443',
      isBackup: false,
      isOut: false,
    },
  ])
  t.end()
})
