import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createWeb, readBody, stallMs, watchStall } from '../../src/images/web.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { fileServer } from '../support/release.ts'

const most = 1000

t.test('redirects are followed, to other servers too (RFC 9110 §15.4)', async (t) => {
  const mirror = await fileServer(t, { '/real': 'found' })
  const server = await fileServer(t, {})
  const clock = fakeClock()
  const web = createWeb({}, clock)
  t.teardown(() => web.close())
  for (const status of [301, 302, 303, 307, 308]) {
    server.misbehave.set('/file', (_request, response) => {
      response.writeHead(status, { location: './next' }).end('moved')
      return true
    })
    server.misbehave.set('/next', (_request, response) => {
      response.writeHead(302, { location: `${mirror.base}/real` })
      // A body that never ends keeps nobody.
      response.write('moved')
      return true
    })
    t.equal(String(await readBody(web, `${server.base}/file`, most, clock)), 'found', String(status))
  }
  t.equal(clock.pending(), 0)
})

t.test('a redirect without Location, and other statuses, are returned', async (t) => {
  const server = await fileServer(t, {})
  const clock = fakeClock()
  const web = createWeb({}, clock)
  t.teardown(() => web.close())
  server.misbehave.set('/file', (_request, response) => {
    response.writeHead(302).end()
    return true
  })
  await t.rejects(readBody(web, `${server.base}/file`, most, clock), {
    message: 'the server responds 302 Found',
  })
  await t.rejects(readBody(web, `${server.base}/none`, most, clock), {
    message: 'the server responds 404 Not Found',
  })
})

t.test('redirects to invalid or unsupported URLs are refused', async (t) => {
  const server = await fileServer(t, {})
  const clock = fakeClock()
  const web = createWeb({}, clock)
  t.teardown(() => web.close())
  const cases = [
    { to: '/file', message: `${server.base}/file was redirected more than 10 times` },
    {
      to: 'ftp://mirror.example.net/file',
      message: 'redirects to "ftp://mirror.example.net/file", which is not an http or https URL',
    },
    {
      to: 'file:///etc/shadow',
      message: 'redirects to "file:///etc/shadow", which is not an http or https URL',
    },
    { to: 'http://', message: 'redirects to "http://", which is not an http or https URL' },
  ]
  for (const { to, message } of cases) {
    server.misbehave.set('/file', (_request, response) => {
      response.writeHead(302, { location: to }).end()
      return true
    })
    const host = new URL(server.base).host
    const whole = message.startsWith('http') ? message : `${host} ${message}`
    await t.rejects(readBody(web, `${server.base}/file`, most, clock), { message: whole })
  }
  t.equal(clock.pending(), 0)
})

t.test('a document that does not end is refused when it is too large', async (t) => {
  const server = await fileServer(t, { '/file': 'x'.repeat(1001) })
  const clock = fakeClock()
  const web = createWeb({}, clock)
  t.teardown(() => web.close())
  await t.rejects(readBody(web, `${server.base}/file`, most, clock), {
    message: 'it has more than 1000 bytes',
  })
})

t.test('an unreachable server is reported', async (t) => {
  const server = await fileServer(t, {})
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  await new Promise((resolve) => closed.close(resolve))
  const clock = fakeClock()
  const web = createWeb({}, clock)
  t.teardown(() => web.close())
  await t.rejects(readBody(web, `http://127.0.0.1:${port}/file`, most, clock), {
    message: `127.0.0.1: connect ECONNREFUSED 127.0.0.1:${port}`,
  })
  t.equal(server.asked.length, 0)
})

t.test('a body that stalls is aborted, counted from its last chunk', async (t) => {
  const server = await fileServer(t, {})
  const clock = fakeClock()
  const web = createWeb({}, clock)
  t.teardown(() => web.close())
  server.misbehave.set('/file', (_request, response) => {
    response.writeHead(200)
    response.write('half')
    return true
  })
  const answer = await web.open(`${server.base}/file`, { method: 'GET' })
  const stall = watchStall(answer, clock)
  clock.advance(stallMs - 1)
  stall.seen()
  clock.advance(stallMs - 1)
  t.equal(answer.destroyed, false)
  const failed = once(answer, 'error')
  clock.advance(1)
  t.match(await failed, [{ message: 'the response stalled for 30 s' }])
})

t.test('the proxy of the environment is used, except for hosts in NO_PROXY', async (t) => {
  const server = await fileServer(t, { '/file': 'direct' })
  const asked: string[] = []
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end('by proxy')
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  const { port } = proxy.address() as AddressInfo
  const clock = fakeClock()
  const environment = { HTTP_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: '127.0.0.1' }
  const web = createWeb(environment, clock)
  t.teardown(() => web.close())
  t.equal(String(await readBody(web, 'http://mirror.example.net/file', most, clock)), 'by proxy')
  t.same(asked, ['http://mirror.example.net/file'])
  t.equal(String(await readBody(web, `${server.base}/file`, most, clock)), 'direct')
  t.throws(() => createWeb({ HTTP_PROXY: 'http://[' }, clock), Error)
})
