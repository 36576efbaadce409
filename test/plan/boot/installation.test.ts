import t from 'tap'
import { mirrorStorage } from '../../../src/plan/disks/mirror.ts'
import { compile } from '../../../src/plan/compile.ts'
import { additionsOf } from '../../../src/plan/boot/installation.ts'
import type { AddedFileFact, Facts } from '../../../src/plan/facts.ts'
import { urlPaths } from '../../../src/plan/urls.ts'
import {
  exampleModel,
  exampleSite,
  ignitionFile,
  ignitionFiles,
  installerImage,
  missing,
} from '../../support/model.ts'

type Settings = Record<string, unknown>

const copied = (path: string, text: string): [string, AddedFileFact] => [
  path,
  { kind: 'found', path, octets: text.length, content: new TextEncoder().encode(text) },
]

/** The example with settings of its cluster and of its master. */
function model(ofCluster: Settings, ofMaster: Settings, facts: Partial<Facts> = {}) {
  const site = exampleSite()
  Object.assign(site.clusters[0]!, ofCluster)
  Object.assign(site.clusters[0]!.nodes[1]!, ofMaster)
  return exampleModel(site, facts)
}

function added(ofCluster: Settings, ofMaster: Settings, facts?: Partial<Facts>) {
  const built = model(ofCluster, ofMaster, facts)
  const { additions } = additionsOf(built.nodes[1]!, built)
  return additions?.files.map(
    ({ path, mode, content }) => `${path} ${mode.toString(8)} ${new TextDecoder().decode(content)}`,
  )
}

t.test('no files are added if none are declared', (t) => {
  t.equal(added({}, {}), undefined)
  t.equal(added({ hostname: true }, { hostname: false }), undefined, 'the node’s word counts')
  t.end()
})

t.test('the host name, texts, copies, and keyfiles are added, each with its mode', (t) => {
  const addedFiles = new Map([copied('/srv/x.crt', 'PEM'), copied('/srv/m1/bond0.nmconnection', '[bond]')])
  t.same(
    added(
      { hostname: true, files: [{ path: '/etc/a', contents: 'text\n', mode: '600' }] },
      {
        files: [{ path: '/etc/x.crt', from: '/srv/x.crt' }],
        networkKeyfiles: ['/srv/m1/bond0.nmconnection'],
      },
      { addedFiles },
    ),
    [
      '/etc/hostname 644 m1.ocp45.example.net\n',
      '/etc/a 600 text\n',
      '/etc/x.crt 644 PEM',
      '/etc/NetworkManager/system-connections/bond0.nmconnection 600 [bond]',
    ],
  )
  t.end()
})

t.test('a file of the node replaces a file of its cluster with the same path', (t) => {
  const file = (path: string, contents: string) => ({ path, contents })
  t.same(
    added(
      { hostname: true, files: [file('/etc/a', 'cluster')] },
      { files: [file('/etc/a', 'node'), file('/etc/hostname', 'own')] },
    ),
    ['/etc/hostname 644 own', '/etc/a 644 node'],
  )
  t.end()
})

t.test(
  'the plan has the additions of each node, for every Ignition file that it can be installed with',
  (t) => {
    const { http } = compile(model({}, { hostname: true }))
    const of = (index: number, kind: 'bootstrap' | 'master') =>
      http.ignition.get(urlPaths.openIgnition(model({}, {}).nodes[index]!, kind))?.additions?.files.length
    t.same([of(1, 'master'), of(1, 'bootstrap'), of(0, 'bootstrap')], [1, 1, 0])
    t.end()
  },
)

t.test('a wrapped file has the unit that reports the first boot, unless callbacks are disabled', (t) => {
  const units = (ofCluster: Settings) => {
    const built = model(ofCluster, { hostname: true })
    const { additions } = compile(built).http.ignition.get(urlPaths.openIgnition(built.nodes[1]!, 'master'))!
    return additions?.units?.map(({ name }) => name)
  }
  t.same(units({}), ['slipway-started.service'])
  t.same(units({ callbacks: false }), [])
  t.end()
})

t.test('without callbacks and added files, the file of the role is served as it is', (t) => {
  const built = model({ callbacks: false }, {})
  const file = compile(built).http.ignition.get(urlPaths.openIgnition(built.nodes[1]!, 'master'))
  t.equal(file?.kind, 'master')
  t.equal(file?.additions, undefined)
  t.end()
})

t.test('a missing file prevents the installation of its nodes, and is reported', (t) => {
  const gone = missing('/srv/x.crt', '/srv/x.crt does not exist')
  const files = [{ path: '/etc/x.crt', from: '/srv/x.crt' }]
  const built = model({}, { files }, { addedFiles: new Map([['/srv/x.crt', gone]]) })
  const { http, findings } = compile(built)
  const master = built.nodes[1]!
  const file = http.ignition.get(urlPaths.openIgnition(master, 'master'))
  t.match(file, { problem: '/srv/x.crt does not exist', additions: { files: { length: 0 } } })
  t.equal(http.scripts.get(urlPaths.bootScript(master))?.boot, 'wait')
  t.match(findings, [
    {
      severity: 'error',
      about: 'cluster ocp45',
      message: '/srv/x.crt does not exist (needed by ocp45/m1)',
    },
  ])
  t.end()
})

t.test('nothing can be added to an Ignition file of version 2.x', (t) => {
  const old = { ...ignitionFiles('/srv'), master: ignitionFile('/srv/master.ign', { version: '2.2.0' }) }
  const { findings } = compile(model({}, { hostname: true }, { ignition: new Map([['ocp45', old]]) }))
  t.match(findings, [
    {
      severity: 'error',
      message:
        '/srv/master.ign has Ignition version 2.2.0, and additions need 3.1 or later: remove hostname, files, networkKeyfiles, mirror, and network (or set network.use: arguments) (needed by ocp45/m1)',
    },
  ])
  t.same(compile(model({}, {}, { ignition: new Map([['ocp45', old]]) })).findings.length, findings.length - 1)
  t.end()
})

t.test('a site that was not scanned is an error of the caller', (t) => {
  const built = model({}, { networkKeyfiles: ['/srv/x.nmconnection'] })
  t.throws(() => additionsOf(built.nodes[1]!, built), {
    name: 'TypeError',
    message: 'site was not scanned: /srv/x.nmconnection not among the facts',
  })
  t.end()
})

t.test('a mirror is added to the Ignition file, which needs version 3', (t) => {
  const mirror = { mirror: ['/dev/sda', '/dev/sdb'] }
  const built = model({}, mirror)
  const { additions } = additionsOf(built.nodes[1]!, built)
  t.same(additions, { files: [], storage: mirrorStorage(mirror.mirror, 'x86_64') })
  const withoutImages = { facts: built.facts, site: { ...built.site, images: {} } }
  t.same(additionsOf(built.nodes[1]!, withoutImages).additions, additions)
  const old = { ...ignitionFiles('/srv'), master: ignitionFile('/srv/master.ign', { version: '2.2.0' }) }
  const facts = { ignition: new Map([['ocp45', old]]) }
  t.match(compile(model({}, mirror, facts)).findings, [{ code: 'ignition.additions-unsupported' }])
  t.end()
})

t.test('an image of OpenShift 4.5 installs to one path only', (t) => {
  const facts = { images: new Map([['rhcos', installerImage('/srv/rhcos')]]) }
  const settings = [
    { disk: { wwn: '0x5' } },
    { mirror: ['/dev/sda', '/dev/sdb'] },
    { savePartitions: { labels: ['x'] } },
  ]
  for (const ofMaster of settings) {
    const findings = compile(model({}, ofMaster, facts)).findings.filter(({ code }) =>
      code.startsWith('boot.disk'),
    )
    t.match(
      findings,
      [{ code: 'boot.disk-needs-live-image', severity: 'error', about: 'ocp45/m1' }],
      JSON.stringify(ofMaster),
    )
  }
  t.end()
})
