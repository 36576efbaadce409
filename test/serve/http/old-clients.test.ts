/** Boot loaders with simple HTTP clients: GRUB, shim, U-Boot, busybox. */
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { startHttp } from '../../../src/serve/http/service.ts'
import { evaluateConditions } from '../../../src/serve/http/images.ts'
import { customaryName } from '../../../src/serve/http/response.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import { createRoutes } from '../../../src/serve/http/routes.ts'
import { httpWorld, rootfs, routesWorld } from '../../support/http-service.ts'
import { exchangeRaw, rawConnection } from '../../support/raw-http.ts'

const image = '/images/rhcos/rhcos-live-rootfs.x86_64.img'
const script = '/boot/ocp45/m1/boot.ipxe'

async function running(t: Test) {
  const world = httpWorld(t)
  const service = await startHttp({ ...world.options, sockets: createSockets({}), onLost: () => {} })
  t.teardown(() => service.close(0))
  return { ...world, service, port: Number(service.listening[0]!.split(':')[1]) }
}

/** The header of each response, without its status line. */
const fieldsOf = (response: string) =>
  (response.split('\r\n\r\n')[0] ?? '')
    .split('\r\n')
    .slice(1)
    .map((line) => line.slice(0, line.indexOf(':')))

const customary = new Set([
  ...[
    'Accept-Ranges',
    'Allow',
    'Cache-Control',
    'Connection',
    'Content-Length',
    'Content-Range',
    'Content-Type',
  ],
  ...['Date', 'ETag', 'Keep-Alive', 'Last-Modified', 'Slipway-Code', 'Retry-After'],
])

const requests = [
  { name: 'a script', request: `GET ${script}`, status: 200 },
  { name: 'the header of a script', request: `HEAD ${script}`, status: 200 },
  { name: 'a file', request: `GET ${image}`, status: 200 },
  { name: 'the header of a file', request: `HEAD ${image}`, status: 200 },
  { name: 'a part of a file', request: `GET ${image}`, fields: 'Range: bytes=2-4', status: 206 },
  { name: 'an unsatisfiable range', request: `GET ${image}`, fields: 'Range: bytes=99-', status: 416 },
  { name: 'a file that the client has', request: `GET ${image}`, fields: 'If-None-Match: *', status: 304 },
  { name: 'a file that changed', request: `GET ${image}`, fields: 'If-Match: "x"', status: 412 },
  { name: 'a loader', request: 'GET /loaders/efi/ipxe.efi', status: 200 },
  { name: 'a missing loader', request: 'GET /loaders/efi/snponly.efi', status: 404 },
  { name: 'the health', request: 'GET /health', status: 200 },
  { name: 'the metrics', request: 'GET /metrics', status: 200 },
  { name: 'nothing', request: 'GET /nothing', status: 404 },
  { name: 'an invalid path', request: 'GET /%ff', status: 400 },
  { name: 'another method', request: 'PUT /health', status: 405 },
  { name: 'an expectation', request: 'GET /health', fields: 'Expect: x', status: 417 },
  { name: 'a request without Host', request: 'GET /health', host: '', status: 400 },
  {
    name: 'a header that is too large',
    request: 'GET /health',
    fields: `X: ${'x'.repeat(9000)}`,
    status: 431,
  },
  { name: 'octets that are not a request', request: 'x', status: 400 },
]
for (const version of ['1.0', '1.1']) {
  for (const { name, request, fields, host = 'Host: x\r\n', status } of requests) {
    if (version === '1.0' && host === '') continue
    t.test(
      `HTTP/${version}: ${name} (${status}) has field names as other servers spell them, and a length`,
      async (t) => {
        const { port } = await running(t)
        const more = fields === undefined ? '' : `${fields}\r\n`
        const answer = await exchangeRaw(
          port,
          `${request} HTTP/${version}\r\n${host}${more}Connection: close\r\n\r\n`,
        )
        t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
        t.same(
          fieldsOf(answer).filter((field) => !customary.has(field)),
          [],
        )
        const end = answer.indexOf('\r\n\r\n')
        const [header, body] = [answer.slice(0, end), answer.slice(end + 4)]
        t.notMatch(header, /Transfer-Encoding/)
        const length = /\r\nContent-Length: (\d+)/.exec(header)?.[1]
        if (status === 304) return
        if (request.startsWith('HEAD')) t.equal(body, '')
        else t.equal(Number(length), body.length)
        if (status >= 400) t.match(body, /^[^<].+\n/, 'and a reason')
      },
    )
  }
}

t.test('names are capitalized once for all responses', (t) => {
  t.same(['content-length', 'etag', 'ETag', 'www-authenticate', 'x', 'slipway-code'].map(customaryName), [
    'Content-Length', 'ETag', 'ETag', 'WWW-Authenticate', 'X', 'Slipway-Code',
  ]) // prettier-ignore
  t.end()
})

for (const path of [
  script,
  image,
  '/boot/ocp45/m1/master.ign',
  '/boot/ocp45/m1/menu.ipxe',
  '/health',
  '/nothing',
]) {
  for (const version of ['1.0', '1.1']) {
    t.test(
      `a client that has closed its sending side gets ${path} over HTTP/${version} (RFC 9112 §9.6)`,
      async (t) => {
        const { port } = await running(t)
        const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
        let received = ''
        client.on('data', (octets: Buffer) => (received += octets.toString('latin1')))
        client.end(`GET ${path} HTTP/${version}\r\nHost: x\r\n\r\n`)
        await once(client, 'end')
        t.match(received, /^HTTP\/1\.1 (?:200|404) /)
        const length = Number(/\r\nContent-Length: (\d+)/.exec(received)?.[1])
        t.equal(received.length - received.indexOf('\r\n\r\n') - 4, length)
      },
    )
  }
}

t.test('an idle connection ends when the client closes its sending side', async (t) => {
  const { port } = await running(t)
  const idle = await rawConnection(port)
  idle.socket.end()
  t.equal(await idle.end(), '')
  const used = await rawConnection(port)
  used.socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
  await used.until((text) => text.endsWith('}'))
  used.socket.end()
  t.match(await used.end(), /}$/)
})

t.test('a client on the second address may close its sending side too', async (t) => {
  const world = httpWorld(t)
  const { app, http } = await createRoutes(world.options)
  const second = http.addListener()
  second.listen(0, '127.0.0.1')
  await once(second, 'listening')
  t.teardown(async () => {
    second.close()
    await app.close()
  })
  const client = connect({
    port: (second.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  })
  let received = ''
  client.on('data', (octets: Buffer) => (received += octets.toString('latin1')))
  client.end(`GET ${image} HTTP/1.0\r\n\r\n`)
  await once(client, 'end')
  t.match(received, new RegExp(`\r\n\r\n${rootfs}$`))
})

for (const path of [
  script,
  `${script}?skip`,
  '/boot/ocp45/m1/install-worker.ipxe',
  '/boot/ocp45/m1/menu.ipxe',
  '/boot/ocp45/m1/master.ign',
  image,
  '/health',
  '/nothing',
]) {
  // prettier-ignore
  for (const remoteAddress of ['192.0.2.11', '192.0.2.21', '203.0.113.7', '127.0.0.1']) {
    t.test(`HEAD of ${path} from ${remoteAddress} has the length of GET (RFC 9110 §8.6)`, async (t) => {
      const { app } = await routesWorld(t)
      const lengthOf = async (method: 'HEAD' | 'GET') =>
        (await app.inject({ method, url: path, remoteAddress })).headers['content-length']
      const head = await lengthOf('HEAD')
      t.equal(head, await lengthOf('GET'))
      t.equal(await lengthOf('HEAD'), await lengthOf('GET'), 'again, in the state that follows')
    })
  }
}

const tag = '"1-a-2"'
const modifiedMs = Date.parse('2026-01-02T03:04:05Z') + 250
const date = 'Fri, 02 Jan 2026 03:04:05 GMT'
const ranged = [
  { ifRange: tag, isKept: true },
  { ifRange: `W/${tag}`, isKept: false },
  { ifRange: '"1-a-3"', isKept: false },
  { ifRange: `${tag}, "x"`, isKept: false },
  { ifRange: date, isKept: true },
  { ifRange: 'Fri, 02 Jan 2026 03:04:06 GMT', isKept: false },
  { ifRange: 'Fri, 02 Jan 2026 03:04:04 GMT', isKept: false },
  { ifRange: 'yesterday', isKept: false },
]
for (const { ifRange, isKept } of ranged) {
  t.test(`If-Range ${ifRange}: the ${isKept ? 'range' : 'whole file'} (RFC 9110 §13.1.5)`, (t) => {
    const headers = { 'if-range': ifRange, range: 'bytes=4-7' }
    t.equal(evaluateConditions(headers, { tag, modifiedMs }), 'send')
    t.same(headers, isKept ? { range: 'bytes=4-7' } : {})
    t.end()
  })
}

const conditions = [
  { name: 'If-Match with the tag', headers: { 'if-match': `"x", ${tag}` }, result: 'send' },
  { name: 'If-Match with a weak tag', headers: { 'if-match': `W/${tag}` }, result: 'failed' },
  { name: 'If-Match *', headers: { 'if-match': '*' }, result: 'send' },
  { name: 'If-None-Match with the tag', headers: { 'if-none-match': `"x", ${tag}` }, result: 'not-modified' },
  { name: 'If-None-Match with a weak tag', headers: { 'if-none-match': `W/${tag}` }, result: 'not-modified' },
  { name: 'If-None-Match with another tag', headers: { 'if-none-match': '"x"' }, result: 'send' },
  { name: 'a reload', headers: { 'if-none-match': tag, 'cache-control': 'no-cache' }, result: 'send' },
  { name: 'no condition', headers: {}, result: 'send' },
]
for (const { name, headers, result } of conditions) {
  t.test(`conditions (RFC 9110 §13.1): ${name}`, (t) => {
    t.equal(evaluateConditions({ ...headers }, { tag, modifiedMs }), result)
    t.end()
  })
}

t.test('a download is resumed by the entity tag, which is strong', async (t) => {
  const { ask } = await routesWorld(t)
  const { etag = '' } = (await ask(image)).headers as Record<string, string>
  t.match(etag, /^"[\da-f]+-a-[\da-f]+"$/)
  t.match(await ask(image, { range: 'bytes=4-7', 'if-range': etag }), { statusCode: 206, body: '4567' })
  const weak = await ask(image, { range: 'bytes=4-7', 'if-range': `W/${etag}` })
  t.match(weak, { statusCode: 200, body: rootfs })
  t.match(await ask(image, { 'if-none-match': etag }), { statusCode: 304, headers: { etag } })
})

for (const range of [
  'bytes=4-99999999999999999999',
  'bytes=0-0,2-2,4-4',
  `bytes=${'0-0,'.repeat(1000)}1-1`,
]) {
  t.test(`a range is bounded by the file: ${range.slice(0, 40)}`, async (t) => {
    const { ask } = await routesWorld(t)
    const { statusCode, body } = await ask(image, { range })
    t.equal(rootfs.includes(body), true)
    t.equal(statusCode === 206 || statusCode === 200, true)
  })
}
