import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { openHttpClient } from '../../src/simulate/http-client.ts'
import { makeAuthority } from '../support/certificates.ts'

/** A server on a port that the system chooses. */
async function serve(
  t: Test,
  listener: RequestListener,
): Promise<{ base: string; connections: () => number }> {
  const server = createServer(listener)
  let count = 0
  server.on('connection', () => count++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => count }
}

const look = '; check the output of "slipway check", and the log of the server for this path'

t.test('complete files are received over one connection', async (t) => {
  const body = Buffer.alloc(200_000, 'abc')
  const { base, connections } = await serve(t, (request, response) => {
    response.setHeader('content-length', body.length)
    response.end(request.url === '/big' ? body : body)
  })
  const client = openHttpClient('iPXE')
  t.teardown(() => client.close())
  const sha256 = createHash('sha256').update(body).digest('hex')
  t.same(await client.fetch(`${base}/big`), { octets: body.length, sha256, text: '' })
  t.same(await client.fetch(`${base}/again`, { asText: true }), {
    octets: body.length,
    sha256,
    text: body.toString(),
  })
  t.equal(connections(), 1)
})

const cases: { name: string; listener: RequestListener; problem: (url: string) => string }[] = [
  {
    name: 'a status that is not 200',
    listener: (_request, response) => response.writeHead(404).end('no'),
    problem: (url) => `expected 200 for GET ${url}; got 404 Not Found${look}`,
  },
  {
    name: 'a redirect, which firmware does not follow',
    listener: (_request, response) => response.writeHead(301, { location: '/elsewhere' }).end(),
    problem: (url) => `expected 200 for GET ${url}; got 301 Moved Permanently to /elsewhere${look}`,
  },
  {
    name: 'a body without its length',
    listener: (_request, response) => response.write('abc', () => response.end()),
    problem: (url) => `expected Content-Length 3, the size of the body for GET ${url}; got none${look}`,
  },
  {
    name: 'a truncated body',
    listener: (_request, response) => {
      response.setHeader('content-length', 10)
      response.write('abc', () => response.destroy())
    },
    problem: (url) => `expected the whole body for GET ${url}; got 3 bytes, then aborted${look}`,
  },
  {
    name: 'a connection that is closed before the response',
    listener: (request) => request.socket.destroy(),
    problem: (url) => `expected a response for GET ${url}; got socket hang up${look}`,
  },
]
for (const { name, listener, problem } of cases) {
  t.test(`refused: ${name}`, async (t) => {
    const { base } = await serve(t, listener)
    const client = openHttpClient('iPXE')
    t.teardown(() => client.close())
    await t.rejects(client.fetch(`${base}/x`), { name: 'BootProblem', message: problem(`${base}/x`) })
  })
}

t.test('HEAD returns the size of a file without its content', async (t) => {
  const { base } = await serve(t, (request, response) => {
    t.equal(request.method, 'HEAD')
    if (request.url === '/unknown') response.writeHead(200, { 'transfer-encoding': 'chunked' }).end()
    else response.writeHead(request.url === '/loader' ? 200 : 404, { 'content-length': 850_528 }).end()
  })
  const client = openHttpClient('UefiHttpBoot/1.0')
  t.teardown(() => client.close())
  t.equal(await client.size(`${base}/loader`), 850_528)
  await t.rejects(client.size(`${base}/x`), {
    message: `expected 200 for HEAD ${base}/x; got 404 Not Found${look}`,
  })
  await t.rejects(client.size(`${base}/unknown`), {
    message: `expected Content-Length for HEAD ${base}/unknown; got none${look}`,
  })
})

t.test('files over HTTPS are received with any certificate', async (t) => {
  const { certificate, key } = makeAuthority().server('IP:127.0.0.1')
  const server = createSecureServer({ cert: certificate, key }, (_request, response) => {
    response.setHeader('content-length', 2).end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = openHttpClient('iPXE')
  t.teardown(() => {
    client.close()
    server.close()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/x`
  t.match(await client.fetch(url, { asText: true }), { octets: 2, text: 'ok' })
  t.equal(await client.size(url), 2)
})

t.test('only http and https URLs are loaded', async (t) => {
  const client = openHttpClient('iPXE')
  for (const url of ['tftp://192.0.2.2/x', 'efi/ipxe.efi']) {
    await t.rejects(client.fetch(url), {
      message: `expected an http:// or https:// URL for GET ${url}; got "${url}"${look}`,
    })
  }
  client.close()
})
