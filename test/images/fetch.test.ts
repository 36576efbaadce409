import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { addImages, type Addition } from '../../src/images/fetch.ts'
import { parseManifest } from '../../src/images/manifest.ts'
import type { Notice } from '../../src/images/codes.ts'
import { requireFreeSpace, readStore } from '../../src/images/store.ts'
import { imageOf, readDocument } from '../../src/images/stream.ts'
import { createWeb } from '../../src/images/web.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { fileServer, liveFiles, liveNames, sha256, streamDocument } from '../support/release.ts'

const all = ['x86_64', 'aarch64'] as const

async function prepare(t: Test) {
  const server = await fileServer(t, { ...liveFiles('x86_64'), ...liveFiles('aarch64') })
  const clock = fakeClock()
  const web = createWeb({}, clock)
  t.teardown(() => web.close())
  const store = t.testdir()
  const notices: Notice[] = []
  const tools = {
    web,
    clock,
    source: 'stream.json',
    watch: (notice: Notice) => void notices.push(notice),
  }
  const document = readDocument(JSON.stringify(streamDocument(server.base, all)))
  const addition = (name: string, architecture: (typeof all)[number] = 'x86_64', iso = false): Addition => ({
    name,
    image: imageOf(document, architecture, { iso, metal: false }),
  })
  const add = (...additions: Addition[]) => addImages(store, additions, tools)
  return { server, store, notices, addition, add }
}

const three = [liveNames.initramfs, liveNames.kernel, liveNames.rootfs]

t.test('images of two architectures appear side by side, each with its manifest', async (t) => {
  const { store, notices, addition, add } = await prepare(t)
  const added = await add(addition('one'), addition('other', 'aarch64'))
  t.same(
    added.map(({ name, outcome }) => [name, outcome]),
    [
      ['one', 'added'],
      ['other', 'added'],
    ],
  )
  t.same(readdirSync(store), ['one', 'other'])
  t.same(readdirSync(`${store}/one`), ['.slipway-image.json', ...three])
  t.equal(statSync(`${store}/one`).mode & 0o777, 0o755)
  const manifest = parseManifest(readFileSync(`${store}/one/.slipway-image.json`, 'utf8'), 'it')
  const kernel = 'kernel for x86_64 '.repeat(200)
  t.match(manifest, {
    format: 1,
    release: '417.94.202410090854-0',
    stream: 'rhcos-4.17',
    architecture: 'x86_64',
    style: 'live',
    source: 'stream.json',
    added: '2026-01-01T00:00:00.000Z',
  })
  t.same(manifest.files[0], {
    name: liveNames.kernel,
    part: 'kernel',
    octets: kernel.length,
    sha256: sha256(kernel),
  })
  const total = Object.entries({ ...liveFiles('x86_64'), ...liveFiles('aarch64') })
    .filter(([path]) => /kernel|initramfs|rootfs/.test(path))
    .reduce((sum, [, content]) => sum + content.length, 0)
  t.same(notices[0], { kind: 'total', octets: total })
})

t.test('existing files are not downloaded again, and files requested later are added', async (t) => {
  const { server, store, addition, add } = await prepare(t)
  await add(addition('one'))
  const before = server.asked.length
  t.same(
    (await add(addition('one'))).map(({ outcome }) => outcome),
    ['there'],
  )
  t.equal(server.asked.length, before)
  t.same(
    (await add(addition('one', 'x86_64', true))).map(({ outcome }) => outcome),
    ['completed'],
  )
  t.same(server.asked.slice(before), [
    `HEAD /${liveNames.iso}`,
    `GET /${liveNames.iso}`,
    `GET /${liveNames.iso}.sig`,
  ])
  t.same(
    readdirSync(`${store}/one`),
    ['.slipway-image.json', liveNames.initramfs, liveNames.kernel, liveNames.rootfs, liveNames.iso].sort(),
  )
  const [image] = (await readStore(store)).images
  t.same(
    image?.manifest?.files.map(({ part }) => part),
    ['kernel', 'initramfs', 'rootfs', 'iso'],
  )
  t.same(readdirSync(store), ['one'])
})

t.test('an image appears completely or not at all; the next start resumes', async (t) => {
  const { server, store, addition, add } = await prepare(t)
  const rootfs = server.files.get(`/${liveNames.rootfs}`) as Buffer
  server.files.delete(`/${liveNames.rootfs}`)
  await t.rejects(add(addition('one')), {
    name: 'ImageProblem',
    message: `${server.base}/${liveNames.rootfs} cannot be downloaded: the server responds 404 Not Found`,
  })
  t.same(readdirSync(store), ['.one.unfinished'])
  t.match(await readStore(store), { images: [], unfinished: [{ name: 'one' }] })
  server.files.set(`/${liveNames.rootfs}`, rootfs)
  const before = server.asked.length
  await add(addition('one'))
  t.same(
    server.asked.slice(before).filter((line) => /^GET.*(?<!\.sig)$/.test(line)),
    [`GET /${liveNames.rootfs}`],
  )
  t.same(readdirSync(store), ['one'])
})

t.test('files of another release that an earlier download left are deleted', async (t) => {
  const { store, addition, add } = await prepare(t)
  mkdirSync(`${store}/.one.unfinished/folder`, { recursive: true })
  writeFileSync(`${store}/.one.unfinished/rhcos-416-live-kernel-x86_64`, 'old')
  writeFileSync(`${store}/.one.unfinished/.lock`, 'nobody')
  await add(addition('one'))
  t.same(readdirSync(`${store}/one`), ['.slipway-image.json', ...three])
})

t.test('two processes cannot add the same image at the same time', async (t) => {
  const { store, addition, add } = await prepare(t)
  mkdirSync(`${store}/.one.unfinished`)
  writeFileSync(`${store}/.one.unfinished/.lock`, String(process.ppid))
  await t.rejects(add(addition('one')), {
    name: 'ImageProblem',
    message: `another slipway is writing one (process ${process.ppid}); if that process is not slipway, remove ${store}/.one.unfinished/.lock`,
  })
  t.equal(readFileSync(`${store}/.one.unfinished/.lock`, 'utf8'), String(process.ppid), 'its lock stays')
})

t.test('a name that another image or file already has is refused', async (t) => {
  const { store, addition, add } = await prepare(t)
  mkdirSync(`${store}/hand`)
  await t.rejects(add(addition('hand')), {
    message: `${store}/hand already exists and was added by hand: choose another --name`,
  })
  await add(addition('one'))
  await t.rejects(add(addition('one', 'aarch64')), {
    message: `${store}/one already exists and contains 417.94.202410090854-0 for x86_64: choose another --name, or remove it`,
  })
  const other = addition('one')
  const [kernel, ...rest] = other.image.files
  const changed = {
    ...other,
    image: { ...other.image, files: [{ ...kernel!, sha256: 'f'.repeat(64) }, ...rest] },
  }
  await t.rejects(add(changed), {
    message: `${store}/one already exists with another ${liveNames.kernel}: choose another --name, or remove it`,
  })
  await t.rejects(add(addition('../one')), {
    message:
      '"../one" is not a valid image name: use up to 100 letters, digits, dots, hyphens, and underscores',
  })
  writeFileSync(`${store}/file`, '')
  await t.rejects(add(addition('file/x')), { name: 'ImageProblem' })
})

t.test('files are downloaded from a server that does not report their sizes', async (t) => {
  const { server, store, notices, addition, add } = await prepare(t)
  server.refusesHead = true
  await add(addition('one'))
  t.same(notices[0], { kind: 'total', octets: undefined })
  t.same(readdirSync(store), ['one'])
})

t.test('a lack of disk space is reported before the download', async (t) => {
  const store = t.testdir()
  const free = () => Promise.resolve(3 * 1024 ** 2)
  await requireFreeSpace(store, 3 * 1024 ** 2, free)
  await t.rejects(requireFreeSpace(store, 3 * 1024 ** 2 + 1, free), {
    name: 'ImageProblem',
    message: `${store} has 3 MiB of free space, but 4 MiB is required`,
  })
  await requireFreeSpace(store, 0)
  const { server, addition, add } = await prepare(t)
  const huge = { ...addition('one'), image: { ...addition('one').image } }
  const files = huge.image.files.map((file) => ({ ...file, octets: 2 ** 60 }))
  await t.rejects(add({ name: 'one', image: { ...huge.image, files } }), /is required$/)
  t.same(server.asked, [], 'nothing was fetched')
})
