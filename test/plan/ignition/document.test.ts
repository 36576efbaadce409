import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import { mirrorStorage } from '../../../src/plan/disks/mirror.ts'
import {
  renderLiveIgnition,
  wrapIgnition,
  type Additions,
  isPointer,
  mergeSources,
  pointerUrl,
} from '../../../src/plan/ignition/document.ts'
import { renderStartedUnit } from '../../../src/plan/ignition/units.ts'
import { bootstrapText, pointerText } from '../../support/ignition.ts'
import { dataOf, ignitionSchema } from '../../support/ignition-schema.ts'

const url = 'http://192.0.2.2/boot/ocp45/m1/3f9a/written'
const text = (content: string) => new TextEncoder().encode(content)
const additions: Additions = {
  files: [
    { path: '/etc/hostname', mode: 0o644, content: text('m1.ocp45.example.net\n') },
    { path: '/etc/NetworkManager/system-connections/bond0.nmconnection', mode: 0o600, content: text('[x]') },
  ],
}

t.test("a wrapper contains the role's file byte for byte, and the added files", (t) => {
  const wrapped = JSON.parse(wrapIgnition(text(bootstrapText()), '3.4.0', additions)) as unknown
  const { ignition, storage, systemd } = ignitionSchema.parse(wrapped)
  t.equal(ignition.version, '3.4.0')
  t.same(
    ignition.config?.merge.map(({ source }) => dataOf(source)),
    [bootstrapText()],
  )
  t.same(
    storage?.files.map(({ path, mode, overwrite, contents }) => [
      path,
      mode,
      overwrite,
      dataOf(contents.source),
    ]),
    [
      ['/etc/hostname', 420, true, 'm1.ocp45.example.net\n'],
      ['/etc/NetworkManager/system-connections/bond0.nmconnection', 384, true, '[x]'],
    ],
  )
  t.equal(systemd, undefined)
  t.end()
})

t.test('a wrapper can also contain disks', (t) => {
  const mirror = mirrorStorage(['/dev/sda', '/dev/sdb'], 'x86_64')
  const { storage } = JSON.parse(wrapIgnition(text('{}'), '3.1.0', { ...additions, storage: mirror })) as {
    storage: { files: readonly unknown[] }
  }
  t.match(storage, mirror)
  t.equal(storage.files.length, 2)
  t.end()
})

t.test('a wrapper can also contain units', (t) => {
  const unit = renderStartedUnit(url)
  const wrapped = JSON.parse(wrapIgnition(text('{}'), '3.1.0', { ...additions, units: [unit] })) as unknown
  t.same(ignitionSchema.parse(wrapped).systemd?.units, [unit])
  t.end()
})

t.test("any bytes of the role's file are preserved", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000, size: 'max' }), (octets) => {
      const wrapped = JSON.parse(wrapIgnition(octets, '3.2.0', { files: [] })) as unknown
      const [merged] = ignitionSchema.parse(wrapped).ignition.config?.merge ?? []
      if (dataOf(merged!.source) !== Buffer.from(octets).toString('latin1')) throw new Error('they differ')
    }),
    { numRuns: 100 },
  )
  t.end()
})

t.test('the file of the live system follows the specification', (t) => {
  const live = renderLiveIgnition({
    writtenUrl: url,
    failedUrl: `${url}2`,
    diskUrl: `${url}3`,
    version: '3.2.0',
  })
  const { ignition, systemd } = ignitionSchema.parse(JSON.parse(live))
  t.same(ignition, { version: '3.2.0' })
  t.same(
    systemd?.units.map(({ name }) => name),
    [
      'slipway-check-disk.service',
      'slipway-written.service',
      'slipway-failed.service',
      'coreos-installer.service',
    ],
  )
  t.end()
})

const hasValidator = spawnSync('ignition-validate', ['-version']).status === 0

t.test(
  'Ignition accepts the written files',
  { skip: !hasValidator && 'ignition-validate is not here (apt install ignition)' },
  (t) => {
    const unit = renderStartedUnit(url)
    for (const version of ['3.1.0', '3.2.0', '3.3.0']) {
      const live = renderLiveIgnition({ writtenUrl: url, failedUrl: url, diskUrl: url, version })
      for (const input of [live, wrapIgnition(text(live), version, { ...additions, units: [unit] })]) {
        const { status, stdout, stderr } = spawnSync('ignition-validate', ['-'], { input, encoding: 'utf8' })
        t.same([status, stdout + stderr], [0, ''], version)
      }
    }
    t.end()
  },
)

const source = 'https://api-int.ocp45.example.net:22623/config/worker'
const merging = (...sources: unknown[]) => ({
  ignition: { version: '3.4.0', config: { merge: sources.map((each) => ({ source: each })) } },
})

const withField = (field: object) => ({
  ignition: { version: '3.4.0', config: { merge: [{ source, ...field }] } },
})

/** As the machine config operator writes its secrets: every part of the specification, most of them empty. */
const ofOperator = {
  ignition: {
    config: { merge: [{ source, verification: {} }], replace: { verification: {} } },
    proxy: {},
    security: { tls: { certificateAuthorities: [{ source: 'data:,PEM', verification: {} }] } },
    timeouts: {},
    version: '3.4.0',
  },
  kernelArguments: {},
  passwd: {},
  storage: {},
  systemd: {},
}

t.test('a pointer is distinguished from other files', (t) => {
  const cases: readonly (readonly [name: string, config: unknown, is: boolean])[] = [
    ["the installer's", JSON.parse(pointerText()), true],
    ["the machine config operator's", ofOperator, true],
    ['one without authorities', merging(source), true],
    ['one that also writes a file', { ...ofOperator, storage: { files: [{ path: '/etc/motd' }] } }, false],
    ['one with a user', { ...merging(source), passwd: { users: [{ name: 'core' }] } }, false],
    ['one that merges two configurations', merging(source, source), false],
    ['one that replaces instead', { ignition: { version: '3.4.0', config: { replace: { source } } } }, false],
    [
      'one by way of a proxy',
      { ignition: { ...merging(source).ignition, proxy: { httpsProxy: 'http://192.0.2.9' } } },
      false,
    ],
    ['one that has a number where text belongs', { ...merging(source), systemd: 7 }, false],
    [
      'one that sends a token',
      withField({ httpHeaders: [{ name: 'Authorization', value: 'Bearer x' }] }),
      false,
    ],
    ['one with a pinned hash', withField({ verification: { hash: 'sha512-00' } }), false],
    ['one with compressed content', withField({ compression: 'gzip' }), false],
    ['one with empty fields', withField({ httpHeaders: [], verification: {}, compression: '' }), true],
    ['one that leads nowhere', merging(), false],
    ['one whose source is not text', merging(7), false],
    ['one of version 2', { ignition: { version: '2.2.0', config: { append: [{ source }] } } }, false],
    ['nothing', null, false],
    ['a list', [], false],
    ['a merge that is not a list', { ignition: { config: { merge: { source } } } }, false],
  ]
  for (const [name, config, is] of cases) t.equal(isPointer(config), is, name)
  t.end()
})

t.test('returns the URL that a configuration fetches', (t) => {
  t.equal(pointerUrl(ofOperator), source)
  t.equal(pointerUrl(merging('data:,{}', source)), source)
  t.equal(pointerUrl({ ignition: { config: { replace: { source } } } }), source)
  t.equal(pointerUrl({ ignition: { config: { replace: {} } } }), undefined)
  t.equal(pointerUrl(merging('data:,{}', '')), undefined)
  t.equal(pointerUrl(null), undefined)
  t.end()
})

t.test('returns what a configuration merges', (t) => {
  t.same(mergeSources(ofOperator), [source])
  t.same(mergeSources(merging(source, 7, 'data:,')), [source, 'data:,'])
  t.same(mergeSources({ ignition: { config: { merge: { source } } } }), [])
  t.same(mergeSources('text'), [])
  t.end()
})
