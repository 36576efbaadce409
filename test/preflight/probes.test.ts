/** The probes against this machine: loopback, files in a temporary directory, and programs that every system has. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer as createWebServer } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { systemProbes } from '../../src/preflight/probes.ts'
import { checkContext } from '../support/probes.ts'
import { dnsPacket } from '../support/dns-packet.ts'

const { bind, run, read, freeBytes, writeProblem, resolverProblem, httpStatus, verifyImage } = systemProbes

t.test('a port is free, in use, or of an address that this machine does not have', async (t) => {
  const udp = createSocket('udp4').bind(0, '127.0.0.1')
  const tcp = createServer().listen(0, '127.0.0.1')
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')])
  const common = { service: 'http', address: '127.0.0.1' } as const
  const ports = { udp: udp.address().port, tcp: (tcp.address() as AddressInfo).port }
  for (const transport of ['udp', 'tcp'] as const) {
    t.equal(await bind({ ...common, transport, port: ports[transport] }), 'EADDRINUSE')
    t.equal(await bind({ ...common, transport, port: 0 }), undefined)
    t.equal(await bind({ ...common, transport, port: 0, address: '192.0.2.1' }), 'EADDRNOTAVAIL')
  }
  udp.close()
  tcp.close()
})

t.test('finds programs, files, and directories', async (t) => {
  const dir = t.testdir({ file: 'text', image: {} })
  t.match(await run('echo', ['one']), { kind: 'done', output: 'one' })
  t.equal(await read(join(dir, 'file')), 'text')
  t.equal(await read(join(dir, 'none')), undefined)
  t.ok((await freeBytes(dir)) > 0)
  t.equal(await writeProblem(dir), undefined)
  t.equal(await writeProblem(join(dir, 'to/be/created')), undefined)
  t.equal(await writeProblem(join(dir, 'file')), 'is not a directory')
  t.match(await writeProblem(join(dir, 'file/below')), /part of the path is a file/)
  t.same(await verifyImage(join(dir, 'image')), { kind: 'unknown' })
  t.equal(await verifyImage(join(dir, 'none')), undefined)
  t.equal(systemProbes.hasAddress('127.0.0.1'), true)
  t.ok('lo' in systemProbes.interfaces())
})

t.test('a resolver answers, fails, refuses, or does not exist', async (t) => {
  const server = createSocket('udp4').bind(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  let rcode = 0
  server.on('message', (query, sender) => {
    const { id, questions } = dnsPacket.decode(query)
    server.send(
      dnsPacket.encode({ type: 'response', id, questions, flags: rcode }),
      sender.port,
      sender.address,
    )
  })
  t.equal(await resolverProblem('127.0.0.1', port), undefined, 'no data')
  rcode = 2
  t.equal(await resolverProblem('127.0.0.1', port), 'answers with SERVFAIL')
  rcode = 5
  t.equal(await resolverProblem('127.0.0.1', port), 'refuses queries of this machine')
  server.close()
  await once(server, 'close')
  t.equal(await resolverProblem('127.0.0.1', port), 'no answer (ECONNREFUSED)')
})

t.test('returns the status of an HTTP server, or why there is none', async (t) => {
  const server = createWebServer((_request, response) => response.writeHead(401).end('text')).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/`
  t.same(await httpStatus(url), { status: 401 })
  t.equal(await systemProbes.httpText(url), 'text')
  server.close()
  t.equal(await systemProbes.httpText(url), undefined)
  t.match(await httpStatus(url), { problem: /127\.0\.0\.1.*(?:refused|ECONNREFUSED)/ })
})

t.test('a registry is reached through the proxy of the environment', async (t) => {
  const asked: string[] = []
  const proxy = createWebServer(({ url = '' }, response) => {
    asked.push(url)
    response.writeHead(401).end()
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close())
  process.env['http_proxy'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  t.teardown(() => Reflect.deleteProperty(process.env, 'http_proxy'))
  t.same(await httpStatus('http://registry.example.invalid/v2/'), { status: 401 })
  t.same(asked, ['http://registry.example.invalid/v2/'])
})

t.test('the probe for DHCP servers sends from the given address only', async (t) => {
  const found = await systemProbes.offers({ source: '192.0.2.1', serverPort: 1067, clientPort: 1068 })
  t.match(found, { problem: /192\.0\.2\.1/ })
})

t.test('names are compared over the network', async (t) => {
  const { model, plan } = checkContext()
  t.match(await systemProbes.compareNames(model, plan, []), { servers: [], records: [] })
  t.type(await systemProbes.resolvConf(), 'string')
})
