/** Requests to a registry with TLS: certificates, passwords, and tokens, as the nodes of a disconnected site use them. */
import { once } from 'node:events'
import { createServer as createTlsServer } from 'node:https'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { askRegistry, connectProblem } from '../../src/preflight/registry-probe.ts'
import { makeAuthority } from '../support/certificates.ts'

const authority = makeAuthority()
const trustBundle = authority.certificate
const authorization = Buffer.from('user:pass').toString('base64')

type Answer = (request: IncomingMessage, response: ServerResponse, port: number) => void

async function registry(t: Test, answer: Answer, names = 'DNS:localhost,IP:127.0.0.1') {
  const { certificate: cert, key } = authority.server(names)
  const server = createTlsServer({ cert, key }, (request, response) => answer(request, response, port))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `https://localhost:${port}/v2/`
}

t.test('a registry gets the password, and shows when its certificate ends', async (t) => {
  const url = await registry(t, ({ headers }, response) => {
    response.statusCode = headers.authorization === `Basic ${authorization}` ? 200 : 401
    response.end('{}')
  })
  const { status, expiresAt = 0 } = await askRegistry(url, { trustBundle, authorization })
  t.equal(status, 200)
  t.ok(Math.abs(expiresAt - Date.now() - 86_400_000) < 3_600_000)
  t.match(await askRegistry(url, { trustBundle, authorization: undefined }), { status: 401 })
})

t.test('a certificate that nodes do not trust is named', async (t) => {
  const fine: Answer = (_, response) => void response.end()
  const url = await registry(t, fine)
  t.match(await askRegistry(url, { trustBundle: undefined, authorization }), {
    isCertificate: true,
    problem: 'the CA of its certificate is not in additionalTrustBundle',
  })
  const other = await registry(t, fine, 'DNS:mirror.example.net')
  t.match(await askRegistry(other, { trustBundle, authorization }), {
    isCertificate: true,
    problem: 'its certificate does not have this name in subjectAltName',
  })
  const { problem, isCertificate } = await askRegistry('https://127.0.0.1:1/v2/', {
    trustBundle,
    authorization,
  })
  t.match(problem, /ECONNREFUSED/)
  t.equal(isCertificate, undefined)
})

const challenge = (response: ServerResponse, realm: string) => {
  response.writeHead(401, {
    'www-authenticate': `Bearer realm="${realm}",service="mirror",scope="repository:a:pull"`,
  })
  response.end()
}

t.test('a registry with tokens gets the one that its token server gives for the password', async (t) => {
  const url = await registry(t, ({ headers, url: path = '' }, response, port) => {
    if (path.startsWith('/token')) {
      const isRight =
        headers.authorization === `Basic ${authorization}` && path.includes('service=mirror&scope=repository')
      response.statusCode = isRight ? 200 : 401
      response.end(JSON.stringify({ token: 'T' }))
    } else if (headers.authorization === 'Bearer T') response.end()
    else challenge(response, `https://localhost:${port}/token`)
  })
  t.match(await askRegistry(url, { trustBundle, authorization }), { status: 200 })
})

t.test(
  'a password is never sent to another domain or without TLS, and a broken token server is a refusal',
  async (t) => {
    const realms = ['https://other.example.org/token', 'http://localhost/token', 'not a url']
    for (const realm of realms) {
      const url = await registry(t, (_, response) => challenge(response, realm))
      t.match(await askRegistry(url, { trustBundle, authorization }), { status: 401 }, realm)
    }
    for (const body of ['no json', '{}', '{"access_token":"a b"}', `{"x":"${'y'.repeat(70_000)}"}`]) {
      const url = await registry(t, ({ url: path = '' }, response, port) =>
        path.startsWith('/token')
          ? void response.end(body)
          : challenge(response, `https://localhost:${port}/token`),
      )
      t.match(await askRegistry(url, { trustBundle, authorization }), { status: 401 }, body.slice(0, 20))
    }
  },
)

t.test('a registry that sends nothing is given up', { timeout: 20_000 }, async (t) => {
  const url = await registry(t, () => undefined)
  t.match(await askRegistry(url, { trustBundle, authorization }), { problem: 'no response within 8 s' })
})

t.test('a TCP connection succeeds, or has a reason', async (t) => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.equal(await connectProblem('127.0.0.1', port), undefined)
  server.close()
  await once(server, 'close')
  t.equal(await connectProblem('127.0.0.1', port), 'the connection is refused')
  t.match(await connectProblem('255.255.255.255', port), /^cannot connect \(|^no answer/)
})
