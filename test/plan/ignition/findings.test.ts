import t from 'tap'
import { compile } from '../../../src/plan/compile.ts'
import type { IgnitionContents } from '../../../src/plan/ignition/document.ts'
import {
  checkIgnitionAge,
  ignitionExpiries,
  ignitionFindings,
  neededFiles,
  neededFileSteps,
} from '../../../src/plan/ignition/findings.ts'
import { madeAt, usableUntil } from '../../support/ignition.ts'
import type { ImageFacts } from '../../../src/plan/facts.ts'
import {
  exampleModel,
  exampleSite,
  ignitionFile,
  ignitionFiles,
  installerImage,
  liveImage,
  missing,
} from '../../support/model.ts'

const hour = 3_600_000
const young = { madeAt, usableUntil }

/** What is found `hours` after the files were made. */
function findings(
  hours: number,
  contents: Partial<IgnitionContents>,
  kind = 'bootstrap',
  boot = 'install',
  facts = {},
) {
  const site = exampleSite()
  for (const node of site.clusters[0]!.nodes) if (node['role'] === kind) node['boot'] = boot
  const files = { ...ignitionFiles('/srv'), [kind]: ignitionFile(`/srv/${kind}.ign`, contents) }
  const plan = compile(exampleModel(site, { ...facts, ignition: new Map([['ocp45', files]]) }))
  return ignitionFindings(plan, madeAt + hours * hour).map(
    ({ severity, about, message }) =>
      `${severity}: ${about}: ${message.replace(/: (?:start the installation soon|copy).*/, '')}`,
  )
}

t.test('a bootstrap file has no finding at first, then a warning, then an error', (t) => {
  t.same(findings(1, young), [])
  t.same(findings(13, young), [
    'warning: cluster ocp45: /srv/bootstrap.ign was created 13 h ago and expires at 2026-11-22 06:00 UTC, in 11 h',
  ])
  t.same(findings(25, young), [
    'error: cluster ocp45: /srv/bootstrap.ign was created 25 h ago and expired at 2026-11-22 06:00 UTC',
  ])
  t.same(findings(25, young, 'bootstrap', 'menu').length, 1)
  t.end()
})

t.test('the age of the file does not matter for a bootstrap that boots its disk', (t) => {
  t.same(findings(25, young, 'bootstrap', 'local'), [])
  t.end()
})

t.test('an expired certificate in the file of a master or a worker is a warning with its own date', (t) => {
  const firstToExpire = {
    subject: 'CN=m1',
    notBefore: madeAt,
    notAfter: usableUntil,
    where: '/etc/ipsec.d/x',
  }
  for (const kind of ['master', 'worker']) {
    t.same(findings(25, { ...young, firstToExpire }, kind), [
      `warning: cluster ocp45: /srv/${kind}.ign contains a certificate that expired at 2026-11-22 06:00 UTC: CN=m1 in /etc/ipsec.d/x`,
    ])
    t.same(findings(13, young, kind), [], 'a pointer does not age')
  }
  t.end()
})

t.test('an expired long-lived certificate is reported with its position', (t) => {
  const firstToExpire = {
    subject: 'CN=Example Root, O=Example',
    notBefore: 0,
    notAfter: Date.UTC(2020, 0, 1),
    where: '/etc/pki/x.crt',
  }
  t.same(findings(0, { firstToExpire }), [
    'warning: cluster ocp45: /srv/bootstrap.ign contains a certificate that expired at 2020-01-01 00:00 UTC: CN=Example Root, O=Example in /etc/pki/x.crt',
  ])
  const first = { ...firstToExpire, notAfter: usableUntil }
  t.same(findings(25, { ...young, firstToExpire: first }).length, 1, 'what makes the file old is told once')
  t.end()
})

t.test('a pointer that the pointer of the cluster does not replace is reported', (t) => {
  const server = 'https://api-int.ocp45.example.net:22623'
  const kept = (url: string, isPlain = true, kind = 'worker') =>
    findings(0, { pointer: { url, isPlain } }, kind)
  t.same(kept(`${server}/config/worker`), [])
  t.same(kept('https://[2001:db8::1]:22623/config/worker'), [])
  t.same(kept('https://192.0.2.1:22623/config/master', true, 'master'), [])
  t.same(kept(`${server}/config/edge`), [
    `warning: cluster ocp45: /srv/worker.ign contains more than a pointer to /config/worker of the cluster (${server}/config/edge): slipway serves it unchanged, so update its certificate authority if the cluster replaces it`,
  ])
  for (const url of [
    `${server}/config/worker?pool=a`,
    'https://api-int.ocp45.example.net/config/worker',
    'https://other.example.net:22623/config/worker',
    'http://api-int.ocp45.example.net:22623/config/worker',
    'no URL',
  ])
    t.equal(kept(url).length, 1, url)
  t.equal(kept(`${server}/config/worker`, false).length, 1, 'headers, a hash, or files beside it')
  t.same(kept(`${server}/config/edge`, false, 'bootstrap'), [])
  t.end()
})

/** The findings about a file of this version, with an image that has these names of files. */
function ofVersion(version: string, prefix = 'fedora-coreos', image = liveImage('/srv/rhcos')) {
  const named = JSON.parse(JSON.stringify(image).replaceAll('rhcos-', `${prefix}-`)) as ImageFacts
  const all = findings(0, { version }, 'bootstrap', 'install', { images: new Map([['rhcos', named]]) })
  return all.filter((finding) => finding.includes('bootstrap.ign'))
}

t.test(
  'a version of the specification that is newer than this program, or experimental, is a warning',
  (t) => {
    for (const version of ['2.2.0', '2.4.0-experimental', '3.0.0', '3.1.0', '3.5.1', '3.6.0'])
      t.same(ofVersion(version), [], version)
    t.same(ofVersion('3.7.0'), [
      'warning: cluster ocp45: /srv/bootstrap.ign has Ignition version 3.7.0, which this program does not know (2.x, 3.0 to 3.6): slipway serves it unchanged, so check that the image reads it',
    ])
    for (const version of ['3.10.0', '3.6.0-experimental']) t.equal(ofVersion(version).length, 1, version)
    t.end()
  },
)

t.test('a version that the RHCOS image of the nodes does not read is a warning', (t) => {
  const remedy = 'create the file with the openshift-install of the release of the image'
  for (const version of ['3.0.0', '3.2.0', '3.5.1']) t.same(ofVersion(version, 'rhcos'), [], version)
  for (const version of ['2.2.0', '3.6.0', '3.7.0', '3.5.0-experimental']) {
    t.same(ofVersion(version, 'rhcos'), [
      `warning: cluster ocp45: /srv/bootstrap.ign has Ignition version ${version}, but image rhcos reads 3.0 to 3.5: ${remedy}`,
    ])
  }
  const old = installerImage('/srv/rhcos')
  t.same(ofVersion('2.2.0', 'rhcos', old), [])
  t.same(ofVersion('3.1.0', 'rhcos', old), [
    `warning: cluster ocp45: /srv/bootstrap.ign has Ignition version 3.1.0, but image rhcos reads 2.x: ${remedy}`,
  ])
  t.end()
})

t.test('parts that cannot be read are counted', (t) => {
  t.same(
    [1, 2].flatMap((unread) => findings(0, { unread })),
    [
      'warning: cluster ocp45: /srv/bootstrap.ign contains 1 part that look like certificates but cannot be read',
      'warning: cluster ocp45: /srv/bootstrap.ign contains 2 parts that look like certificates but cannot be read',
    ],
  )
  t.end()
})

t.test('the first part that Ignition does not accept is named, with the number of the others', (t) => {
  const path = 'storage.files.0.path: got "a", expected an absolute path'
  t.same(
    [[path], [path, 'x', 'y']].flatMap((faults) => findings(0, { faults })),
    ['', ' (and 2 more)'].map(
      (more) =>
        `warning: cluster ocp45: /srv/bootstrap.ign is not accepted by Ignition, so the first boot would fail: ${path}${more}; correct the file, or create it again with openshift-install`,
    ),
  )
  t.end()
})

t.test('a missing file has no age, and compiling reports it as missing', (t) => {
  const files = { ...ignitionFiles('/srv'), bootstrap: missing('/srv/bootstrap.ign', 'it is not there') }
  const plan = compile(exampleModel(exampleSite(), { ignition: new Map([['ocp45', files]]) }))
  t.same(ignitionFindings(plan, madeAt), [])
  t.match(plan.findings, [{ message: '/srv/bootstrap.ign: it is not there (needed by ocp45/bs)' }])
  t.end()
})

t.test('each file with certificates has the time when the first one expires', (t) => {
  const firstToExpire = { subject: 'CN=a', where: '/a', notBefore: madeAt, notAfter: usableUntil }
  const files = {
    ...ignitionFiles('/srv'),
    bootstrap: ignitionFile('/srv/bootstrap.ign', { ...young, firstToExpire }),
    master: missing('/srv/master.ign', '/srv/master.ign does not exist'),
  }
  const plan = compile(exampleModel(exampleSite(), { ignition: new Map([['ocp45', files]]) }))
  t.same(ignitionExpiries(plan), [{ cluster: 'ocp45', kind: 'bootstrap', expiresAt: usableUntil }])
  t.end()
})

const path = '/srv/ocp45/bootstrap.ign'
const remedy =
  'copy install-config.yaml into a new directory, run `openshift-install create ignition-configs --dir=…` with that directory, and copy the *.ign files to /srv/ocp45'

const cases = [
  { after: -hour, kind: 'fresh', said: 'was created 0 min ago and is valid until 2026-11-22 06:00 UTC' },
  { after: 0, kind: 'fresh', said: 'was created 0 min ago and is valid until 2026-11-22 06:00 UTC' },
  {
    after: 11.99 * hour,
    kind: 'fresh',
    said: 'was created 11 h ago and is valid until 2026-11-22 06:00 UTC',
  },
  {
    after: 12 * hour,
    kind: 'ageing',
    said: `was created 12 h ago and expires at 2026-11-22 06:00 UTC, in 12 h: start the installation soon, or ${remedy}`,
  },
  {
    after: 23.5 * hour,
    kind: 'ageing',
    said: `was created 23 h ago and expires at 2026-11-22 06:00 UTC, in 30 min: start the installation soon, or ${remedy}`,
  },
  {
    after: 24 * hour,
    kind: 'expired',
    said: `was created 24 h ago and expired at 2026-11-22 06:00 UTC: ${remedy}`,
  },
  {
    after: 240 * hour,
    kind: 'expired',
    said: `was created 10 days ago and expired at 2026-11-22 06:00 UTC: ${remedy}`,
  },
]

for (const { after, kind, said } of cases) {
  t.test(`a file is ${kind} ${after / hour} hours after its creation`, (t) => {
    const sentence = `${path} ${said}`
    t.same(checkIgnitionAge({ path, role: 'bootstrap', madeAt, usableUntil }, madeAt + after), {
      kind,
      sentence,
    })
    t.end()
  })
}

t.test('manifests that were created earlier make a new file old', (t) => {
  const file = { path, role: 'single', madeAt, usableUntil: madeAt + 4 * hour } as const
  t.equal(checkIgnitionAge(file, madeAt).kind, 'ageing')
  t.equal(checkIgnitionAge(file, madeAt + 4 * hour).kind, 'expired')
  t.end()
})

t.test('a bootstrap file is valid for at most a day, whatever its certificates state', (t) => {
  const file = { path, role: 'bootstrap', madeAt, usableUntil: madeAt + 48 * hour } as const
  t.equal(checkIgnitionAge(file, madeAt + 11 * hour).kind, 'fresh')
  t.equal(checkIgnitionAge(file, madeAt + 24 * hour).kind, 'expired')
  t.end()
})

t.test('a pointer does not age', (t) => {
  const fresh = {
    kind: 'fresh',
    sentence: `${path} has no short-lived certificate of the installer, so it does not expire`,
  }
  t.same(checkIgnitionAge({ path, role: 'bootstrap' }, madeAt), fresh)
  for (const role of ['master', 'worker'] as const)
    t.same(checkIgnitionAge({ path, role, madeAt, usableUntil }, madeAt + 99 * hour), fresh)
  t.end()
})

t.test('the files of a plan are searched once, in steps, and again for another plan', (t) => {
  const plan = compile(exampleModel(exampleSite()))
  const files = neededFiles(plan)
  t.ok(files.length > 0)
  const isRead: string[] = []
  const nodes = new Proxy([...plan.nodes], {
    get(list, key): unknown {
      isRead.push(String(key))
      return Reflect.get(list, key)
    },
  })
  t.equal(neededFiles({ nodes, http: plan.http }), files)
  t.same(isRead, [], 'no node is read again')
  t.equal(neededFileSteps(plan).next().value, files)
  t.not(neededFiles(compile(exampleModel(exampleSite()))), files)
  t.end()
})
