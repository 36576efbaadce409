import { mkdirSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { createLog } from '../../../src/host/log.ts'
import { createIgnitionFiles, checkProvidedFile } from '../../../src/scan/ignition/files.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import {
  bootstrapText,
  ignitionText,
  madeAt,
  pointerText,
  certificate,
  dataUrl,
} from '../../support/ignition.ts'
import fc from 'fast-check'
import { declaredCluster } from '../../support/cluster.ts'

function world(t: Test, text: string) {
  const path = `${t.testdir({ 'bootstrap.ign': text })}/bootstrap.ign`
  const lines: Record<string, unknown>[] = []
  const log = createLog('debug', { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) })
  const clock = fakeClock(Date.now() + 60_000)
  const files = createIgnitionFiles({ clock, log })
  const version = async () => {
    const read = await files.read(path)
    return read.kind === 'read' ? read.document.version : read.problem
  }
  const said = () =>
    lines.splice(0).map(({ level, msg, reason }) => [level, msg, reason ?? ''].join(' ').trim())
  return { path, files, clock, version, said }
}

const replacedByBad = (reason: string) =>
  `error new Ignition file rejected, previous version served ${reason}`

t.test('a file is read completely, and only once while it does not change', async (t) => {
  const { path, files, said } = world(t, bootstrapText())
  const [one, other] = await Promise.all([files.read(path), files.read(path)])
  if (one.kind !== 'read' || other.kind !== 'read') throw new Error('it was not read')
  t.equal(Buffer.from(one.document.octets).toString(), bootstrapText())
  t.match(one.document, { path, version: '3.4.0', madeAt })
  t.equal(one.document.certificates.length, 4)
  t.equal(other.document, one.document, 'who asks at once shares one reading')
  const later = await files.read(path)
  t.equal(later.kind === 'read' && later.document, one.document)
  t.same(said(), [])
})

t.test('a replaced file is used without a restart', async (t) => {
  const { path, version, said } = world(t, ignitionText({}, '3.2.0'))
  t.equal(await version(), '3.2.0')
  writeFileSync(path, ignitionText({}, '3.4.0'))
  t.equal(await version(), '3.4.0')
  t.same(said(), ['info Ignition file replaced'])
  t.equal(await version(), '3.4.0')
  t.same(said(), [])
})

t.test('a change that keeps the size, within one clock tick, is detected', async (t) => {
  const { path, version, clock } = world(t, ignitionText({}, '3.2.0'))
  const now = new Date(clock.now())
  utimesSync(path, now, now)
  t.equal(await version(), '3.2.0')
  writeFileSync(path, ignitionText({}, '3.4.0'))
  utimesSync(path, now, now)
  t.equal(await version(), '3.4.0')
})

t.test(
  'an invalid file does not replace the last valid one, and is reported once for each change',
  async (t) => {
    const { path, files, version, said } = world(t, ignitionText({}, '3.2.0'))
    t.equal(await version(), '3.2.0')
    writeFileSync(path, '{ half of')
    t.equal(await version(), '3.2.0')
    t.match(await files.read(path), { kind: 'read', problem: `${path} is not JSON` })
    t.same(said(), [replacedByBad(`${path} is not JSON`)])
    writeFileSync(path, '[]')
    t.equal(await version(), '3.2.0')
    t.same(said(), [replacedByBad(`${path} is not an Ignition file, because ignition.version is missing`)])
    writeFileSync(path, ignitionText({}, '2.2.0'))
    t.equal(await version(), '3.2.0')
    t.same(said(), [replacedByBad(`${path} has Ignition version 2.2.0, but the previous file had 3.2.0`)])
    truncateSync(path, 2 ** 31)
    t.equal(await version(), '3.2.0')
    t.same(said(), [replacedByBad(`${path} is too large: 2147483648 bytes, the maximum is 16777216`)])
    rmSync(path)
    symlinkSync(path, path)
    t.equal(await version(), '3.2.0')
    t.same(said(), [replacedByBad(`${path} is a loop of symbolic links`)])
    rmSync(path)
    mkdirSync(path)
    t.equal(await version(), '3.2.0')
    t.same(said(), [replacedByBad(`${path} is a directory, not a file`)])
    rmSync(path, { recursive: true })
    writeFileSync(path, pointerText('3.4.0'))
    t.equal(await version(), '3.4.0')
    t.same(said(), ['info Ignition file replaced'])
  },
)

t.test('a file that is invalid from the start has no earlier valid version', async (t) => {
  const { path, version, said } = world(t, '<html>')
  t.equal(await version(), `${path} is not JSON`)
  t.equal(await version(), `${path} is not JSON`)
  writeFileSync(path, ignitionText({}, '2.2.0'))
  t.equal(await version(), '2.2.0', 'for images of 4.5')
  t.same(said(), [])
})

t.test('a deleted file is no longer served, because it contains secrets', async (t) => {
  const { path, version } = world(t, ignitionText({}))
  t.equal(await version(), '3.4.0')
  rmSync(path)
  t.equal(await version(), `${path} does not exist`)
  writeFileSync(path, '<html>')
  t.equal(await version(), `${path} is not JSON`)
})

/** `c1.example.net`, whose api and api-int are 192.0.2.5. */
const cluster = declaredCluster()
const now = Date.UTC(2026, 10, 21, 12)

const pointer = (source: unknown, authority = certificate('root-ca'), version = '3.4.0') =>
  JSON.stringify({
    ignition: {
      version,
      config: { merge: [{ source }] },
      security: { tls: { certificateAuthorities: [{ source: dataUrl(authority) }] } },
    },
  })
const judge = (text: string) => checkProvidedFile(cluster, 'worker-user-data-managed', Buffer.from(text), now)
const problem = (text: string) => {
  const judged = judge(text)
  return 'problem' in judged ? judged.problem : 'none'
}

t.test('accepts a pointer to the machine configuration server of the cluster unchanged', (t) => {
  const text = pointer('https://api-int.c1.example.net:22623/config/worker')
  const judged = judge(text)
  if ('problem' in judged) throw new Error(judged.problem)
  t.match(judged.document, { path: 'worker-user-data-managed', version: '3.4.0', unread: 0 })
  t.equal(Buffer.from(judged.document.octets).toString(), text)
  t.equal(judged.document.certificates.length, 1)
  t.equal(problem(pointer('https://192.0.2.5:22623/config/infra')), 'none', 'by address, of another pool')
  const both = certificate('old-signer') + certificate('root-ca')
  t.equal(
    problem(pointer('https://192.0.2.5:22623/config/worker', both)),
    'none',
    'an expired authority beside its successor',
  )
  t.end()
})

t.test('rejects a pointer to another server, or to none', (t) => {
  const expected = 'expected https://api-int.c1.example.net:22623/config/…'
  const stray = [
    'https://api-int.c2.example.net:22623/config/worker',
    'https://192.0.2.6:22623/config/worker',
    'http://api-int.c1.example.net:22623/config/worker',
    'https://api-int.c1.example.net:22624/config/worker',
    'https://api-int.c1.example.net:22623/healthz',
    'https://[2001:db8::1]:22623/config/worker',
    'data:,{}',
    'worker',
  ]
  for (const source of stray) t.equal(problem(pointer(source)), `points to "${source}", ${expected}`, source)
  t.equal(problem(ignitionText({})), 'does not point to a configuration')
  t.equal(problem(pointer(7)), 'does not point to a configuration')
  t.end()
})

t.test('refuses a file that is not Ignition version 3, and one whose authorities have all expired', (t) => {
  t.equal(problem('{'), 'is not JSON')
  t.equal(problem('{}'), 'is not an Ignition file, because ignition.version is missing')
  t.match(
    problem(pointer('https://192.0.2.5:22623/config/worker', '', '2.2.0')),
    /^has Ignition version 2\.2\.0 of an/,
  )
  t.equal(
    problem(pointer('https://192.0.2.5:22623/config/worker', certificate('old-signer'))),
    'trusts only a certificate authority that expired at 2020-01-02 00:00 UTC',
  )
  t.end()
})

t.test('any response of a cluster is a pointer to this cluster, or is rejected with a reason', (t) => {
  const anything = fc.anything({ maxDepth: 2 })
  const source = fc.oneof(
    anything,
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
    fc.constantFrom('https://192.0.2.5:22623/config/worker', 'https://[::1]:22623/config/x', 'https://'),
  )
  const config = fc.record(
    { merge: fc.oneof(anything, fc.array(fc.oneof(anything, fc.record({ source })))), replace: anything },
    { requiredKeys: [] },
  )
  const ignition = fc.record({ version: fc.constantFrom('3.4.0', '3.1.0', 7), config }, { requiredKeys: [] })
  const octets = fc.oneof(
    fc.uint8Array(),
    fc.record({ ignition, storage: anything }, { requiredKeys: [] }).map((value) => encode(value)),
  )
  fc.assert(
    fc.property(octets, (given) => {
      const judged = checkProvidedFile(cluster, 'worker-user-data-managed', given, now)
      if ('problem' in judged) return judged.problem !== ''
      return Buffer.from(judged.document.octets).toString().includes('192.0.2.5:22623')
    }),
    { numRuns: 2000 },
  )
  t.end()
})

function encode(value: unknown): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(value))
  } catch {
    // Not everything can be written as JSON: a big number cannot.
    return new Uint8Array()
  }
}
