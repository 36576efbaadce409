import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createFileWatch } from '../src/file-watch.ts'
import { createLog } from '../src/host/log.ts'
import { compile } from '../src/plan/compile.ts'
import { createIgnitionFiles } from '../src/scan/ignition/files.ts'
import { fakeClock } from './support/fake-clock.ts'
import { exampleModel, exampleSite, found, ignitionFiles, liveImage, missing } from './support/model.ts'
import { until } from './support/until.ts'

const loader = 'efi/ipxe.efi'

/** Watches the files of the example site, all of which are there. */
async function watched(t: Test) {
  const dir = t.testdir({
    images: {
      'rhcos-live-kernel-x86_64': 'kernel',
      'rhcos-live-initramfs.x86_64.img': 'initramfs',
      'rhcos-live-rootfs.x86_64.img': 'rootfs',
    },
    loaders: { 'ipxe.efi': 'MZ' },
    ignition: Object.fromEntries(
      ['bootstrap', 'master', 'worker'].map((role) => [`${role}.ign`, '{"ignition":{"version":"3.2.0"}}']),
    ),
    own: {},
  })
  const site = { ...exampleSite(), tftp: { root: join(dir, 'own') } }
  site.images = { rhcos: { dir: join(dir, 'images') } }
  const none = missing('/usr/lib/ipxe', 'not installed')
  const model = exampleModel(site, {
    images: new Map([['rhcos', liveImage(join(dir, 'images'))]]),
    ignition: new Map([['ocp45', ignitionFiles(join(dir, 'ignition'))]]),
    loaders: new Map([
      ...(['bios/undionly.kpxe', 'efi/snponly.efi', 'arm64/ipxe.efi', 'arm64/snponly.efi'] as const).map(
        (name) => [name, none] as const,
      ),
      [loader, found(join(dir, 'loaders/ipxe.efi'))],
    ]),
  })
  const plan = compile(model)
  const lines: Record<string, unknown>[] = []
  const log = createLog('debug', { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) })
  const clock = fakeClock()
  const options = { plan: () => plan, clock, log }
  const watch = createFileWatch({ ...options, ignitionFiles: createIgnitionFiles(options) })
  t.teardown(() => watch.close())
  await watch.check()
  return { dir, watch, lines, clock }
}

t.test('files that are there are no problem', async (t) => {
  const { watch, lines, clock } = await watched(t)
  t.same(watch.problems(), [])
  t.same(lines, [])
  t.equal(clock.nextDelay(), 60_000)
})

const faults: readonly {
  name: string
  code: string
  text: RegExp
  act: (dir: string) => void
}[] = [
  {
    name: 'a kernel that was removed',
    act: (dir) => rmSync(join(dir, 'images/rhcos-live-kernel-x86_64')),
    code: 'http.file-missing',
    text: /images\/rhcos-live-kernel-x86_64 does not exist$/,
  },
  {
    name: 'a rootfs that became empty',
    act: (dir) => writeFileSync(join(dir, 'images/rhcos-live-rootfs.x86_64.img'), ''),
    code: 'http.file-missing',
    text: /rootfs\.x86_64\.img is empty$/,
  },
  {
    name: 'an initramfs that became a directory',
    act(dir) {
      rmSync(join(dir, 'images/rhcos-live-initramfs.x86_64.img'))
      mkdirSync(join(dir, 'images/rhcos-live-initramfs.x86_64.img'))
    },
    code: 'http.file-missing',
    text: /is a directory, not a file$/,
  },
  {
    name: 'a boot loader that was removed',
    act: (dir) => rmSync(join(dir, 'loaders/ipxe.efi')),
    code: 'tftp.file-unreadable',
    text: /loaders\/ipxe\.efi does not exist$/,
  },
  {
    name: 'a directory for TFTP that was renamed',
    act: (dir) => renameSync(join(dir, 'own'), join(dir, 'other')),
    code: 'tftp.root-unreadable',
    text: /own does not exist$/,
  },
  {
    name: 'an Ignition file that was removed',
    act: (dir) => rmSync(join(dir, 'ignition/worker.ign')),
    code: 'http.file-missing',
    text: /worker\.ign does not exist$/,
  },
  {
    name: 'an Ignition file of which half was copied',
    act: (dir) => writeFileSync(join(dir, 'ignition/bootstrap.ign'), '{"ignition":{"ver'),
    code: 'ignition.replacement-rejected',
    text: /bootstrap\.ign .*; the previous version is served$/,
  },
]

for (const { name, act, code, text } of faults) {
  t.test(`${name} is a problem of the server, and one line of the log`, async (t) => {
    const { dir, watch, lines, clock } = await watched(t)
    act(dir)
    await watch.check()
    await watch.check()
    t.match(watch.problems(), [{ code, text }])
    const own = lines.filter(({ msg }) => msg === 'file not available')
    t.match(own, [{ level: 'error', code, reason: text }])
    t.equal(clock.nextDelay(), 5000, 'the next check follows sooner')
  })
}

t.test('a file that exists again ends the problem without a reload', async (t) => {
  const { dir, watch, lines, clock } = await watched(t)
  const file = join(dir, 'loaders/ipxe.efi')
  rmSync(file)
  await watch.check()
  writeFileSync(file, 'MZ')
  clock.advance(5000)
  await until(() => watch.problems().length === 0)
  t.match(lines.at(-1), { level: 'info', msg: 'file available again', file })
})

t.test('a request that failed leads to one check soon', async (t) => {
  const { dir, watch, clock } = await watched(t)
  rmSync(join(dir, 'loaders/ipxe.efi'))
  const before = clock.pending()
  watch.checkSoon()
  watch.checkSoon()
  t.equal(clock.pending(), before + 1)
  t.equal(clock.nextDelay(), 500)
  clock.advance(500)
  await until(() => watch.problems().length === 1)
})

t.test('a changed Ignition file is known by its new contents', async (t) => {
  const { dir, watch } = await watched(t)
  const file = join(dir, 'ignition/bootstrap.ign')
  t.match(watch.contents(file), { version: '3.2.0' })
  writeFileSync(file, '{"ignition":{"version":"3.4.0"}}')
  await watch.check()
  t.match(watch.contents(file), { version: '3.4.0' })
  rmSync(file)
  await watch.check()
  t.equal(watch.contents(file), undefined)
})

t.test('nothing is checked after the end', async (t) => {
  const { watch, clock } = await watched(t)
  watch.close()
  watch.checkSoon()
  await watch.check()
  t.equal(clock.pending(), 0)
})
