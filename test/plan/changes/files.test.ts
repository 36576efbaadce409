import t from 'tap'
import { loaderNames, type Facts, type IgnitionFact, type ImageFacts } from '../../../src/plan/facts.ts'
import { compareSites } from '../../../src/plan/changes/compare.ts'
import { compareEdited, compiled, linesOf, type Edit } from '../../support/compiled-site.ts'
import { systemModel } from '../../support/systems.ts'
import {
  agentImage,
  found,
  ignitionFile,
  ignitionFiles,
  installerImage,
  liveImage,
  missing,
} from '../../support/model.ts'

type LiveImage = Extract<ImageFacts, { style: 'live' }>

const nothing: Edit = () => undefined
const image = (facts: ImageFacts): Partial<Facts> => ({ images: new Map([['rhcos', facts]]) })
const ignition = (worker: ReturnType<typeof ignitionFile>): Partial<Facts> => ({
  ignition: new Map([['ocp45', { ...ignitionFiles('/srv/ignition'), worker }]]),
})

t.test('an image whose directory and files change, with the nodes that are installed from it', (t) => {
  const changes = compareEdited(
    nothing,
    (site) => {
      site.images['rhcos'] = { dir: '/srv/new' }
    },
    [
      image(liveImage('/srv/rhcos')),
      image({ ...(liveImage('/srv/new') as LiveImage), rootfs: missing('/srv/new', 'gone') }),
    ],
  )
  t.same(linesOf(changes, 'image'), [
    'change image rhcos',
    '  dir: /srv/rhcos -> /srv/new',
    '  kernel: /srv/rhcos/rhcos-live-kernel-x86_64 (1000 B) -> /srv/new/rhcos-live-kernel-x86_64 (1000 B)',
    '  initramfs: /srv/rhcos/rhcos-live-initramfs.x86_64.img (1000 B) -> /srv/new/rhcos-live-initramfs.x86_64.img (1000 B)',
    '  rootfs: /srv/rhcos/rhcos-live-rootfs.x86_64.img (1000 B) -> /srv/new (missing)',
    '  ! plan.image-used: ocp45/bs, ocp45/m1, ocp45/w1, ocp45/i1 are installed from it',
  ])
  t.end()
})

t.test('the operating system of an image', (t) => {
  const site = (os: 'custom' | 'talos') =>
    compiled(systemModel({ os, group: { answers: '/srv/machine.yaml' } }))
  const lines = linesOf(compareSites(site('custom'), site('talos')), 'image')
  t.match(lines, ['change image other', '  style: custom -> talos'])
  t.end()
})

t.test('images of other styles', (t) => {
  const lines = linesOf(
    compareEdited(nothing, nothing, [image(installerImage('/srv/rhcos')), image(agentImage('/srv/rhcos'))]),
    'image',
  )
  t.ok(lines.includes('  style: installer -> agent'))
  t.ok(lines.includes('  metal: /srv/rhcos/rhcos-metal.x86_64.raw.gz (1000 B) -> '))
  t.ok(lines.includes('  arguments:  -> rw, ignition.firstboot, fips=1'))
  const plain = { ...agentImage('/srv/rhcos') }
  Reflect.deleteProperty(plain, 'kernelArguments')
  t.match(
    linesOf(compareEdited(nothing, nothing, [image(plain), image(agentImage('/srv/rhcos'))]), 'image'),
    ['change image rhcos', '  arguments:  -> rw, ignition.firstboot, fips=1'],
  )
  t.end()
})

t.test('an image that no node uses, and one that a single node uses', (t) => {
  const unused = compareEdited(nothing, (site) => {
    site.images['spare'] = { dir: '/srv/spare' }
  })
  t.match(unused.items, [{ action: 'add', kind: 'image', name: 'spare', effects: [] }])
  const one = compareEdited(nothing, (site) => {
    site.images['spare'] = { dir: '/srv/spare' }
    Object.assign(site.clusters[0]?.nodes[2] ?? {}, { image: 'spare' })
  })
  t.match(
    one.items.find(({ kind }) => kind === 'image'),
    { effects: [{ text: 'ocp45/w1 is installed from it' }] },
  )
  t.end()
})

t.test('Ignition files: version, age, and where they come from', (t) => {
  const at = Date.UTC(2026, 10, 29)
  const certificate = { subject: 'CN=x', notBefore: at, notAfter: at + 86_400_000, where: 'x' }
  const fresh = ignitionFile('/srv/ignition/worker.ign', {
    version: '3.4.0',
    madeAt: at,
    firstToExpire: certificate,
  })
  t.same(linesOf(compareEdited(nothing, nothing, [{}, ignition(fresh)]), 'ignition'), [
    'change ignition ocp45/worker',
    '  version: 3.2.0 -> 3.4.0',
    '  made at:  -> 2026-11-29 00:00 UTC',
    '  first certificate expires:  -> 2026-11-30 00:00 UTC',
  ])
  const asked = { kind: 'asked', path: '/srv/ignition/worker.ign' } as const
  const lost = { ...missing('/srv/ignition/worker.ign', 'gone'), code: 'ignition.unreadable' } as const
  t.same(linesOf(compareEdited(nothing, nothing, [ignition(lost), ignition(asked)]), 'ignition'), [
    'change ignition ocp45/worker',
    '  file: /srv/ignition/worker.ign (missing) -> requested from the cluster',
  ])
  t.end()
})

t.test('boot loaders', (t) => {
  const loaders = new Map(loaderNames.map((name) => [name, found(`/opt/${name}`, 2048)]))
  t.match(linesOf(compareEdited(nothing, nothing, [{}, { loaders }]), 'loader'), [
    'change loader bios/undionly.kpxe',
    '  file: /usr/lib/ipxe/bios/undionly.kpxe (1000 B) -> /opt/bios/undionly.kpxe (2.0 KiB)',
  ])
  t.end()
})

t.test('the Ignition file of a machine with another operating system', (t) => {
  const site = (version: string) => {
    const model = systemModel({ os: 'fcos', group: { answers: '/srv/edge.ign' } })
    const file = ignitionFile('/srv/edge.ign') as Extract<IgnitionFact, { kind: 'found' }>
    const changed: IgnitionFact = { ...file, contents: { ...file.contents, version } }
    return compiled({
      ...model,
      facts: { ...model.facts, systemIgnition: new Map([['/srv/edge.ign', changed]]) },
    })
  }
  const lines = linesOf(compareSites(site('3.3.0'), site('3.4.0')), 'ignition')
  t.same(lines, ['change ignition /srv/edge.ign', '  version: 3.3.0 -> 3.4.0'])
  t.end()
})
