import { mkdirSync, symlinkSync, utimesSync, writeFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { fastify } from 'fastify'
import t from 'tap'
import { createSharedFiles } from '../../../src/host/shared-files.ts'
import { createDownloads } from '../../../src/install/downloads.ts'
import { createReaders, defaultReaderLimits } from '../../../src/serve/http/readers.ts'
import { createImageLane } from '../../../src/serve/http/image-lane.ts'
import type { ImageDirectory } from '../../../src/plan/http/plan.ts'
import { sendImage } from '../../../src/serve/http/images.ts'
import { rootfs, routesWorld } from '../../support/http-service.ts'

const image = '/images/rhcos/rhcos-live-rootfs.x86_64.img'

t.test('an image file is served with the headers for resuming it', async (t) => {
  const { ask, lines, dir, options } = await routesWorld(t)
  const file = join(dir, 'images/rhcos-live-rootfs.x86_64.img')
  utimesSync(file, new Date(0), new Date('2026-01-02T03:04:05Z'))
  const response = await ask(image, { 'accept-encoding': 'gzip, br, deflate' })
  t.equal(response.statusCode, 200)
  t.equal(response.body, rootfs)
  t.match(response.headers, {
    'content-length': '10',
    'accept-ranges': 'bytes',
    'last-modified': 'Fri, 02 Jan 2026 03:04:05 GMT',
    etag: /^(?:W\/)?"[^"]+"$/,
    'cache-control': 'no-cache',
  })
  t.equal(response.headers['content-encoding'], undefined, 'never compressed')
  t.match(lines, [{ level: 'info', msg: 'image file served', node: 'ocp45/m1', file, octets: 10 }])
  t.equal(options.counters.get('http.imageOctets'), 10)
})

t.test(
  'a request without conditions gets the header fields that a request with a condition gets',
  async (t) => {
    const { ask } = await routesWorld(t)
    const plain = await ask(image)
    const conditional = await ask(image, { 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' })
    const part = await ask(image, { range: 'bytes=0-' })
    const { 'content-range': range, ...whole } = part.headers
    t.equal(range, 'bytes 0-9/10')
    t.same(
      [plain, conditional].map(({ body }) => body),
      [rootfs, rootfs],
    )
    for (const headers of [conditional.headers, whole]) {
      t.same({ ...headers, date: '' }, { ...plain.headers, date: '' })
    }
  },
)

const ranges = [
  { name: 'first to last octet', range: 'bytes=2-4', status: 206, body: '234', contentRange: 'bytes 2-4/10' },
  {
    name: 'from an octet to the end',
    range: 'bytes=7-',
    status: 206,
    body: '789',
    contentRange: 'bytes 7-9/10',
  },
  {
    name: 'the last octets (suffix)',
    range: 'bytes=-3',
    status: 206,
    body: '789',
    contentRange: 'bytes 7-9/10',
  },
  {
    name: 'a last octet beyond the end is cut',
    range: 'bytes=8-99',
    status: 206,
    body: '89',
    contentRange: 'bytes 8-9/10',
  },
  {
    name: 'a suffix longer than the file means the whole file (§14.1.2)',
    range: 'bytes=-99',
    status: 200,
    body: rootfs,
  },
  {
    name: 'several ranges: the whole file, as §14.2 allows',
    range: 'bytes=0-1,4-5',
    status: 200,
    body: rootfs,
  },
  { name: 'another unit is ignored', range: 'lines=1-2', status: 200, body: rootfs },
  { name: 'the unit in upper case', range: 'BYTES=2-4', status: 206, body: '234', contentRange: 'bytes 2-4/10' }, // prettier-ignore
  { name: 'blanks and empty elements', range: 'bytes=, 2 - 4 ,', status: 206, body: '234', contentRange: 'bytes 2-4/10' }, // prettier-ignore
  ...['', '-', 'x', '4', '4-x', 'x-4', '--4', '4-2', '0-0,x', '+0-4', '0x0-4', '0-4;q=1', ','].map((text) => {
    const name = `a range that cannot be read is ignored (§14.2): ${text}`
    return { name, range: `bytes=${text}`, status: 200, body: rootfs }
  }),
]

t.test('serves ranges (RFC 9110 §14)', async (t) => {
  const { ask } = await routesWorld(t)
  for (const { name, range, status, body, contentRange } of ranges) {
    const response = await ask(image, { range })
    t.equal(response.statusCode, status, name)
    t.equal(response.body, body, name)
    t.equal(response.headers['content-length'], String(body.length), name)
    t.equal(response.headers['content-range'], contentRange, name)
  }
  for (const range of ['bytes=10-', 'bytes=10-20', 'bytes=-0']) {
    t.equal((await ask(image, { range })).statusCode, 416, range)
  }
  const beyond = await ask(image, { range: 'bytes=10-' })
  t.equal(beyond.statusCode, 416)
  t.equal(beyond.headers['content-range'], 'bytes */10', 'has the length of the file (§15.5.17)')
  t.equal(beyond.headers['content-type'], 'text/plain; charset=utf-8')
})

t.test(
  'HEAD has the status and the length of the whole file, whatever its range (RFC 9110 §14.2)',
  async (t) => {
    const { ask } = await routesWorld(t)
    for (const range of ['bytes=0-1', 'bytes=-3', 'bytes=10-']) {
      const response = await ask(image, { range }, 'HEAD')
      t.equal(response.statusCode, 200, range)
      t.equal(response.headers['content-length'], String(rootfs.length), range)
      t.equal(response.headers['content-range'], undefined, range)
    }
  },
)

t.test('evaluates conditions (RFC 9110 §13)', async (t) => {
  const { ask } = await routesWorld(t)
  const { etag, 'last-modified': date } = (await ask(image)).headers as Record<string, string>
  const old = 'Thu, 01 Jan 1970 00:00:00 GMT'
  const cases = [
    {
      name: 'If-Range with the same tag: the range',
      headers: { range: 'bytes=0-1', 'if-range': etag },
      status: 206,
    },
    {
      name: 'If-Range with another tag: the whole file',
      headers: { range: 'bytes=0-1', 'if-range': '"x"' },
      status: 200,
    },
    {
      name: 'If-Range with the same date: the range',
      headers: { range: 'bytes=0-1', 'if-range': date },
      status: 206,
    },
    {
      name: 'If-Range with an older date: the whole file',
      headers: { range: 'bytes=0-1', 'if-range': old },
      status: 200,
    },
    { name: 'If-None-Match with the same tag', headers: { 'if-none-match': etag }, status: 304 },
    { name: 'If-None-Match with another tag', headers: { 'if-none-match': '"x"' }, status: 200 },
    { name: 'If-Modified-Since the same date', headers: { 'if-modified-since': date }, status: 304 },
    { name: 'If-Modified-Since an older date', headers: { 'if-modified-since': old }, status: 200 },
    { name: 'If-Match with another tag', headers: { 'if-match': '"x"' }, status: 412 },
  ]
  for (const { name, headers, status } of cases) {
    const response = await ask(image, headers as Record<string, string>)
    t.equal(response.statusCode, status, name)
    if (status !== 304) continue
    t.equal(response.body, '', name)
    t.notOk('content-type' in response.headers, `${name}: no content, so no type (RFC 9110 §15.4.5)`)
  }
})

t.test('serves no files outside of the directory, hidden files, listings, or redirects', async (t) => {
  const { ask, dir } = await routesWorld(t)
  const images = join(dir, 'images')
  writeFileSync(join(images, '.hidden'), 'secret')
  writeFileSync(join(dir, 'secret'), 'secret')
  symlinkSync(join(dir, 'secret'), join(images, 'leads-out'))
  symlinkSync('loop', join(images, 'loop'))
  mkdirSync(join(dir, 'images-of-others'))
  writeFileSync(join(dir, 'images-of-others/secret'), 'secret')
  symlinkSync(join(dir, 'images-of-others/secret'), join(images, 'leads-beside'))
  const refused = [
    '/images',
    '/images/',
    '/images/rhcos',
    '/images/rhcos/',
    '/images/rhcos/.',
    '/images/rhcos/..',
    '/images/rhcos/sub',
    '/images/rhcos/sub/',
    '/images/rhcos/absent',
    '/images/other/rhcos-live-kernel-x86_64',
    '/images/rhcos/.hidden',
    '/images/rhcos/%2ehidden',
    '/images/rhcos/../secret',
    '/images/rhcos/%2e%2e/secret',
    '/images/rhcos/%2e%2e%2fsecret',
    '/images/rhcos/..%5csecret',
    '/images/rhcos/%00',
    '/images/rhcos/leads-out',
    '/images/rhcos/leads-beside',
    '/images/rhcos/loop',
    `/images/rhcos/${'x'.repeat(256)}`,
    `${image}/`,
    '/images/__proto__/constructor',
    '/boot/ocp45/m1/boot.ipxe/',
    '/boot/ocp45/m1',
    '/boot/ocp45/m9/boot.ipxe',
    '/boot/ocp45/m1/infra.ign',
    '/',
  ]
  for (const path of refused) {
    const response = await ask(path)
    t.match(String(response.statusCode), /^40[04]$|^414$|^500$/, path)
    t.equal(response.body.includes('secret\n') || response.body === 'secret', false, path)
    t.equal(response.headers['content-type'], 'text/plain; charset=utf-8', path)
    t.equal(response.headers['location'], undefined, path)
  }
  for (const path of [
    `/${image}`,
    image.replaceAll('/', '//'),
    `${image}?x=1`,
    image.replace('rhcos-', '%72hcos-'),
  ]) {
    t.equal((await ask(path)).body, rootfs, path)
  }
  t.equal((await ask('http://192.0.2.2' + image)).body, rootfs, 'absolute form (RFC 9112 §3.2.2)')
})

t.test('a link out of the directory is followed for a file that the site boots', async (t) => {
  const { ask, dir } = await routesWorld(t)
  writeFileSync(join(dir, 'elsewhere.img'), 'initramfs')
  symlinkSync(join(dir, 'elsewhere.img'), join(dir, 'images/rhcos-live-initramfs.x86_64.img'))
  t.equal((await ask('/images/rhcos/rhcos-live-initramfs.x86_64.img')).body, 'initramfs')
})

t.test('a missing image file is an error only for a declared node', async (t) => {
  const { app, ask, lines, dir } = await routesWorld(t)
  const name = 'rhcos-live-kernel-x86_64'
  const file = join(dir, 'images', name)
  rmSync(file)
  const url = `/images/rhcos/${name}`
  const response = await ask(url)
  t.equal(response.statusCode, 404)
  t.equal(response.body, `${name} is not available: the log of the server has the reason\n`)
  t.equal(response.headers['slipway-code'], 'http.file-missing')
  await app.inject({ url, remoteAddress: '198.51.100.7' })
  await app.inject({ url, remoteAddress: '::ffff:192.0.2.21' })
  await app.inject({ url, remoteAddress: '2001:db8::11' })
  const reason = `${file} does not exist`
  t.match(lines, [
    { level: 'error', msg: 'image file cannot be served', node: 'ocp45/m1', file, reason },
    { level: 'debug', client: /^198\.51\.100\.7:\d+$/ },
    { level: 'error', node: 'ocp45/w1', client: /^192\.0\.2\.21:\d+$/ },
    { level: 'error', node: 'ocp45/m1', client: /^\[2001:db8::11\]:\d+$/ },
  ])
  const local = await app.inject({ url, remoteAddress: '127.0.0.1' })
  t.equal(local.body, `${file} does not exist\n`, 'with the path on this machine')
})

t.test('files that the plan does not boot are not served, whatever their names', async (t) => {
  const { ask, dir } = await routesWorld(t)
  const names = ['Worker.Ign', 'master.ign.orig', 'pull-secret.txt', 'rhcos-live-kernel.x86_64', 'kernel']
  for (const name of names.slice(0, 4)) writeFileSync(join(dir, 'images', name), 'secret')
  symlinkSync('pull-secret.txt', join(dir, 'images/kernel'))
  for (const name of names) {
    const response = await ask(`/images/rhcos/${name}`)
    t.equal(response.statusCode, 404, name)
    t.notMatch(response.body, 'secret', name)
  }
})

t.test('a file that is replaced while it is opened gets 503', async (t) => {
  const { options, dir } = await routesWorld(t)
  const directory: ImageDirectory = { dir: join(dir, 'images'), files: new Map(), secrets: new Set() }
  const name = 'rhcos-live-rootfs.x86_64.img'
  const real = createSharedFiles({ cacheOctets: 100, chunkOctets: 10 })
  let closed = 0
  const readers = createReaders({
    limits: defaultReaderLimits,
    heldBytes: () => 0,
    onClosed: () => {},
    clock: options.clock,
  })
  const earlier = {
    heldOctets: () => 0,
    async open(path: string) {
      const file = await real.open(path)
      return { ...file, modifiedMs: file.modifiedMs - 1000, close: () => (file.close(), closed++) }
    },
  }
  const lane = createImageLane({ ...options, load: () => Promise.resolve({ reason: 'a test' }) })
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(fastifyStatic, { serve: false })
  app.decorateRequest('makeBody')
  app.get('/', (_request, reply) =>
    sendImage(
      {
        reply,
        plan: options.plan(),
        client: '',
        address: '',
        node: '',
        isLocal: false,
        isHead: false,
        isSecure: false,
      },
      { ...options, tokens: { learn: () => {} } },
      { images: earlier, limitReads: (file) => file, downloads: createDownloads(options), readers, lane },
      directory,
      name,
    ),
  )
  const response = await app.inject('/')
  t.equal(response.statusCode, 503)
  t.match(response.json(), { message: 'the file was replaced at this moment, repeat the request' })
  t.equal(closed, 1)
})
