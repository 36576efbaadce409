import { mkdirSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { createLog } from '../../../src/host/log.ts'
import { createIgnitionFiles } from '../../../src/scan/ignition/files.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { bootstrapText, ignitionText, madeAt, pointerText } from '../../support/ignition.ts'

/** A file that nobody has touched for a while. */
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

t.test('a file is read whole, and once while it does not change', async (t) => {
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

t.test('a file that is replaced is taken without a restart', async (t) => {
  const { path, version, said } = world(t, ignitionText({}, '3.2.0'))
  t.equal(await version(), '3.2.0')
  writeFileSync(path, ignitionText({}, '3.4.0'))
  t.equal(await version(), '3.4.0')
  t.same(said(), ['info Ignition file replaced'])
  t.equal(await version(), '3.4.0')
  t.same(said(), [])
})

t.test('a change within a tick of the clock, at the same size, is seen', async (t) => {
  const { path, version, clock } = world(t, ignitionText({}, '3.2.0'))
  const now = new Date(clock.now())
  utimesSync(path, now, now)
  t.equal(await version(), '3.2.0')
  writeFileSync(path, ignitionText({}, '3.4.0'))
  utimesSync(path, now, now)
  t.equal(await version(), '3.4.0')
})

t.test('a bad one does not take the good one away, and is told once for each change', async (t) => {
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
})

t.test('a file that is bad from the first has no good one before it', async (t) => {
  const { path, version, said } = world(t, '<html>')
  t.equal(await version(), `${path} is not JSON`)
  t.equal(await version(), `${path} is not JSON`)
  writeFileSync(path, ignitionText({}, '2.2.0'))
  t.equal(await version(), '2.2.0', 'for images of 4.5')
  t.same(said(), [])
})

t.test('a file that is gone is gone: it holds secrets', async (t) => {
  const { path, version } = world(t, ignitionText({}))
  t.equal(await version(), '3.4.0')
  rmSync(path)
  t.equal(await version(), `${path} does not exist`)
  writeFileSync(path, '<html>')
  t.equal(await version(), `${path} is not JSON`)
})
