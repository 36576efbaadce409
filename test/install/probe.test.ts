import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { probeMachineConfig } from '../../src/install/gate.ts'

async function listen(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return (server.address() as AddressInfo).port
}

t.test('a server with a self-signed certificate is up if its health page returns 200', async (t) => {
  const dir = t.testdir()
  const [key, cert] = ['key', 'cert'].map((name) => join(dir, name)) as [string, string]
  const options = [
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=mcs',
  ]
  execFileSync('openssl', ['req', ...options, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  let status = 200
  const asked: (string | undefined)[] = []
  const server = createTlsServer(
    { key: readFileSync(key), cert: readFileSync(cert) },
    (request, response) => {
      asked.push(request.url)
      response.writeHead(status).end('ok')
    },
  )
  const port = await listen(t, server)
  t.equal(await probeMachineConfig({ address: '127.0.0.1' }, port), true)
  status = 500
  t.equal(await probeMachineConfig({ address: '127.0.0.1' }, port), false)
  t.same(asked, ['/healthz', '/healthz'])
})

t.test('a server that is unreachable, has no TLS, or does not respond is down', async (t) => {
  const port = await listen(
    t,
    createServer((socket) => socket.resume().end('nonsense')),
  )
  t.equal(await probeMachineConfig({ address: '127.0.0.1' }, port), false)
  const silent = await listen(
    t,
    createServer((socket) => socket.on('error', () => {}).resume()),
  )
  t.equal(await probeMachineConfig({ address: '127.0.0.1' }, silent), false)
  t.equal(await probeMachineConfig({ address: '127.0.0.1' }, 1), false)
})
