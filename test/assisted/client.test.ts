/** Requests to the assisted service: its path, the token, and bounds. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { fetchHosts } from '../../src/assisted/client.ts'
import { makeAuthority } from '../support/certificates.ts'

const infraEnv = '6e6c4b5a-3f0e-4a2c-9d1b-0f8f7c3a5d21'

async function service(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('the hosts of the InfraEnv are requested with the token of the file', async (t) => {
  const folder = t.testdir({ token: 'T0KEN\n' })
  const asked: unknown[] = []
  const url = await service(t, ({ url, method, headers }, response) => {
    asked.push([method, url, headers.authorization])
    response.end('[]')
  })
  t.same(await fetchHosts({ url: `${url}/`, infraEnv, tokenFile: `${folder}/token` }), [])
  t.same(await fetchHosts({ url, infraEnv }), [])
  const path = `/api/assisted-install/v2/infra-envs/${infraEnv}/hosts`
  t.same(asked, [
    ['GET', path, 'Bearer T0KEN'],
    ['GET', path, undefined],
  ])
})

t.test('every failure has a reason', async (t) => {
  const status = await service(t, (_, response) => response.writeHead(403).end())
  await t.rejects(fetchHosts({ url: status, infraEnv }), { message: 'the service answers with status 403' })
  const redirect = await service(t, (_, response) =>
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  )
  await t.rejects(fetchHosts({ url: redirect, infraEnv }), { message: /status 302/ })
  const short = await service(t, (_, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('[')
    response.destroy()
  })
  await t.rejects(fetchHosts({ url: short, infraEnv }), { message: /aborted|hang up/ })
  const large = await service(t, (_, response) => void response.end(Buffer.alloc(34 * 1024 * 1024)))
  await t.rejects(fetchHosts({ url: large, infraEnv }), { message: /more than 33554432 bytes|aborted/ })
  await t.rejects(fetchHosts({ url: 'http://127.0.0.1:1', infraEnv }), { message: /^127\.0\.0\.1:1: / })
  const none = { url: 'http://127.0.0.1:1', infraEnv, tokenFile: '/nonexistent/token' }
  await t.rejects(fetchHosts(none), { message: '/nonexistent/token cannot be read (ENOENT)' })
})

t.test('a service that sends nothing is given up', { timeout: 20_000 }, async (t) => {
  const url = await service(t, () => undefined)
  await t.rejects(fetchHosts({ url, infraEnv }), { message: /no response within 10 s/ })
})

t.test('https needs the CA of the service', async (t) => {
  const authority = makeAuthority()
  const { certificate: cert, key } = authority.server('IP:127.0.0.1')
  const server = createTlsServer({ cert, key }, (_, response) => response.end('[]')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const folder = t.testdir({ 'ca.crt': authority.certificate })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.same(await fetchHosts({ url, infraEnv, ca: `${folder}/ca.crt` }), [])
  await t.rejects(fetchHosts({ url, infraEnv }), { message: /certificate/ })
})
