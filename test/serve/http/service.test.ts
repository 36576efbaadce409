/** The service on a real socket of the loopback: connections, downloads, and how they end. */
import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { truncateSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createSockets } from '../../../src/host/sockets.ts'
import type { Sockets } from '../../../src/host/udp.ts'
import { startHttp } from '../../../src/serve/http/service.ts'
import { httpWorld, masterIgnition, rootfs } from '../../support/http-service.ts'
import { exchangeRaw, rawConnection } from '../../support/raw-http.ts'

const image = '/images/rhcos/rhcos-live-rootfs.x86_64.img'
const kernel = '/images/rhcos/rhcos-live-kernel-x86_64'
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`

async function running(t: Test) {
  const world = httpWorld(t)
  const sockets = createSockets({})
  let server: { emit(event: 'error', error: Error): unknown } | undefined
  let backlog: number | undefined
  const tcp: Sockets['tcp'] = (name, listener, where) => {
    server = listener
    backlog = where.backlog
    return sockets.tcp(name, listener, where)
  }
  const lost: Error[] = []
  const onLost = (error: Error) => void lost.push(error)
  const service = await startHttp({ ...world.options, sockets: { ...sockets, tcp }, onLost })
  t.teardown(() => service.close(0))
  const port = Number(service.listening[0]!.split(':')[1])
  /** Makes the kernel a file of this many octets that need no room on the disk. */
  const bigKernel = (octets: number) =>
    truncateSync(join(world.dir, 'images/rhcos-live-kernel-x86_64'), octets)
  return {
    ...world,
    world,
    service,
    port,
    lost,
    backlog,
    bigKernel,
    lose: (error: Error) => server!.emit('error', error),
  }
}

t.test('iPXE fetches script, kernel, and initramfs over one connection', async (t) => {
  const { port, lines } = await running(t)
  const connection = await rawConnection(port)
  for (const path of ['/boot/ocp45/m1/boot.ipxe', kernel, image]) {
    const before = connection.text().length
    connection.socket.write(get(path, 'Connection: keep-alive\r\n'))
    const answer = await connection.until((text) => complete(text.slice(before)))
    t.match(answer.slice(before), /^HTTP\/1\.1 200 OK\r\n/)
    t.match(answer.slice(before), /Keep-Alive: timeout=15\r\n/)
  }
  t.equal(new Set(lines.map(({ client }) => client)).size, 1)
  connection.socket.destroy()
})

t.test('a rack of 1,000 nodes can connect while the process writes to the disk', async (t) => {
  const { backlog, service } = await running(t)
  t.equal(backlog, 1024)
  t.same(service.problems(), [])
})

t.test('pipelined requests are answered in order (RFC 9112 §9.3.2)', async (t) => {
  const { port } = await running(t)
  const answers = await exchangeRaw(port, get(kernel) + get(image) + get('/health', 'Connection: close\r\n'))
  t.match(answers, /\r\n\r\nkernelHTTP\/1\.1 200 OK[^]*\r\n\r\n0123456789HTTP\/1\.1 200 OK[^]*"nodes":4}$/)
})

t.test('an HTTP/1.0 client gets a length and the end of the connection', async (t) => {
  const { port } = await running(t)
  const answer = await exchangeRaw(port, `GET ${image} HTTP/1.0\r\n\r\n`)
  t.match(answer, /\r\ncontent-length: 10\r\n/i)
  t.match(answer, /\r\nConnection: close\r\n/)
  t.equal(answer.endsWith('\r\n\r\n0123456789'), true)
  t.notMatch(answer, /transfer-encoding/i)
})

t.test('bytes that are not a request get an error and are counted (RFC 9112 §2.2)', async (t) => {
  const { port, options, lines } = await running(t)
  const cases = [
    {
      text: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS handshake\r\n\r\n',
      status: '400 Bad Request',
    },
    { text: 'GET / HTTP/1.1\r\n\r\n', status: '400 Bad Request' }, // no Host
    {
      text: `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(9000)}\r\n\r\n`,
      status: '431 Request Header Fields Too Large',
    },
  ]
  for (const { text, status } of cases) {
    t.equal((await exchangeRaw(port, text)).startsWith(`HTTP/1.1 ${status}\r\n`), true, status)
  }
  t.equal(options.counters.get('http.malformed'), 3)
  t.match(lines[0], { level: 'debug', msg: 'bad request', client: /^127\.0\.0\.1:\d+$/ })
})

t.test('invalid bytes after a request do not become part of the download', async (t) => {
  const { port, bigKernel } = await running(t)
  bigKernel(4_000_000)
  const connection = await rawConnection(port)
  connection.socket.write(get(kernel) + 'nonsense\r\n\r\n')
  const answer = await connection.end()
  const body = answer.indexOf('\r\n\r\n') + 4
  t.equal(answer.indexOf('HTTP/1.1 ', body), body + 4_000_000, 'the next response follows the whole file')
  t.match(answer.slice(body + 4_000_000), /^HTTP\/1\.1 400 Bad Request\r\n/)
})

t.test('a request with a body is refused before the body is sent', async (t) => {
  const { port } = await running(t)
  const request = `POST ${image} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n`
  const answer = await exchangeRaw(port, request)
  t.match(answer, /^HTTP\/1\.1 405 Method Not Allowed\r\n/, 'and no 100 Continue')
})

t.test(
  'a download that the client aborts is logged with the bytes sent, not with those requested',
  async (t) => {
    const { port, bigKernel, line, options } = await running(t)
    bigKernel(400_000_000)
    const connection = await rawConnection(port)
    connection.socket.write(get(kernel))
    await connection.until((text) => text.length > 2_000_000)
    connection.socket.destroy()
    const { aborted, octets } = await line('image file served')
    t.equal(aborted, true)
    t.equal(Number(octets) > 1_000_000 && Number(octets) < 200_000_000, true, String(octets))
    t.equal(options.counters.get('http.imageOctets'), octets)
  },
)

t.test('a file that is truncated while it is sent ends the connection', async (t) => {
  const { port, bigKernel, line } = await running(t)
  bigKernel(400_000_000)
  const connection = await rawConnection(port)
  connection.socket.write(get(kernel))
  await connection.until((text) => text.length > 1_000_000)
  connection.socket.pause()
  bigKernel(20_000_000)
  connection.socket.resume()
  const answer = await connection.end()
  t.equal(answer.length < 400_000_000, true)
  t.match(await line('image file served'), { aborted: true })
})

t.test('a transfer ends with the plan it started with; the next request uses the new one', async (t) => {
  const { world, port, bigKernel } = await running(t)
  bigKernel(8_000_000)
  const connection = await rawConnection(port)
  connection.socket.write(get(kernel))
  await connection.until((text) => text.length > 1000)
  world.plan = { ...world.plan, images: new Map() }
  const body = (text: string) => text.length - text.indexOf('\r\n\r\n') - 4
  await connection.until((text) => body(text) === 8_000_000)
  t.match(await exchangeRaw(port, get(kernel, 'Connection: close\r\n')), /^HTTP\/1\.1 404 Not Found\r\n/)
  connection.socket.destroy()
})

t.test('close ends idle connections at once and waits for downloads', async (t) => {
  const { service, port, bigKernel, line } = await running(t)
  bigKernel(8_000_000)
  const idle = await rawConnection(port)
  idle.socket.write(get('/health'))
  await idle.until(complete)
  const silent = await rawConnection(port)
  const reader = await rawConnection(port)
  reader.socket.write(get(kernel))
  await reader.until((text) => text.length > 1000)
  reader.socket.pause()

  const closed = service.close(60_000)
  await Promise.all([idle.end(), silent.end()])
  await t.rejects(rawConnection(port), { code: 'ECONNREFUSED' })
  reader.socket.resume()
  const answer = await reader.end()
  t.equal(answer.length - answer.indexOf('\r\n\r\n') - 4, 8_000_000)
  t.equal((await line('image file served'))['aborted'], undefined)
  await closed
})

t.test('close answers a pending request', async (t) => {
  const { service, port, bigKernel } = await running(t)
  bigKernel(8_000_000)
  const reader = await rawConnection(port)
  reader.socket.write(get(kernel))
  await reader.until((text) => text.length > 1000)
  const closed = service.close(60_000)
  reader.socket.write(get(image))
  const answer = await reader.end()
  t.match(answer.slice(-400), /\r\nconnection: close\r\n[^]*\r\n\r\n0123456789$/i)
  await closed
})

t.test('close aborts responses that are unfinished after the grace period', async (t) => {
  const { service, port, bigKernel, options, line } = await running(t)
  bigKernel(400_000_000)
  const reader = await rawConnection(port)
  reader.socket.write(get(kernel))
  await reader.until((text) => text.length > 1000)
  reader.socket.pause()
  const closed = service.close(5000)
  options.clock.advance(5000)
  await closed
  reader.socket.destroy()
  t.match(await line('image file served'), { aborted: true })
})

t.test('close leaves no timer, and can be called twice', async (t) => {
  const { service, options } = await running(t)
  await service.close(5000)
  t.equal(options.clock.pending(), 0)
  await service.close(5000)
})

t.test('a lost socket is reported, and a port in use fails the start', async (t) => {
  const { world, lost, lose } = await running(t)
  lose(new Error('gone'))
  t.match(lost, [{ message: 'gone' }])

  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  world.plan = { ...world.plan, port }
  await t.rejects(startHttp({ ...world.options, sockets: createSockets({}), onLost: () => {} }), {
    name: 'CannotListen',
  })
})

const withoutCurl = spawnSync('curl', ['--version']).error !== undefined && 'curl is not installed'

t.test(
  'curl fetches, resumes, and requests the bytes without compression',
  { skip: withoutCurl },
  async (t) => {
    const { port } = await running(t)
    const base = `http://127.0.0.1:${port}`
    const curl = async (...args: string[]) => {
      const run = promisify(execFile)
      const { stdout } = await run('curl', ['-sS', '--max-time', '20', ...args], { encoding: 'latin1' })
      return stdout
    }
    t.equal(await curl(base + image), rootfs)
    t.equal(await curl('-C', '7', base + image), '789')
    t.equal(await curl('-r', '-2', base + image), '89')
    t.equal(await curl('--http1.0', base + image), rootfs)
    t.equal(await curl(`${base}/boot/ocp45/m1/master.ign`), masterIgnition.toString('latin1'))
    t.match(await curl('-I', base + image), /^HTTP\/1\.1 200 OK\r\n[^]*Content-Length: 10\r\n/)
    t.equal(
      await curl('-o', '/dev/null', '-w', '%{http_code} %{num_redirects}', '-L', `${base}/images`),
      '404 0',
    )
    t.equal(
      await curl(
        '--path-as-is',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        `${base}/images/rhcos/../../etc/passwd`,
      ),
      '404',
    )
  },
)

function complete(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  const octets = Number(/content-length: (\d+)/i.exec(text)?.[1])
  return end !== -1 && text.length >= end + 4 + octets
}

t.test('it listens on IPv4 and IPv6, and closes both', async (t) => {
  const world = httpWorld(t)
  world.plan = { ...world.plan, address6: '::1' }
  const lost: Error[] = []
  const listeners: { emit(event: 'error', error: Error): unknown }[] = []
  const sockets = createSockets({})
  const tcp: Sockets['tcp'] = (name, listener, where) => {
    listeners.push(listener)
    return sockets.tcp(name, listener, where)
  }
  const onLost = (error: Error) => void lost.push(error)
  const service = await startHttp({ ...world.options, sockets: { ...sockets, tcp }, onLost })
  t.match(service.listening, [/^tcp 127\.0\.0\.1:\d+$/, /^tcp \[::1\]:\d+$/])
  const [base4, base6] = service.listening.map((where) => `http://${where.slice('tcp '.length)}`)
  for (const base of [base4, base6]) t.equal(await (await fetch(`${base}${image}`)).text(), rootfs)
  t.match((await world.line('image file served')).client, /^(?:127|\[::1\])/)
  listeners[1]!.emit('error', new Error('gone'))
  t.same(lost, [new Error('gone')])
  await service.close(0)
  await t.rejects(fetch(`${base4}/health`))
  await t.rejects(fetch(`${base6}/health`))
})

t.test('an IPv6 address that is not available closes the IPv4 socket', async (t) => {
  const world = httpWorld(t)
  // RFC 3849: documentation addresses are on no interface.
  world.plan = { ...world.plan, address6: '2001:db8::1' }
  const sockets = createSockets({})
  const names: string[] = []
  const tcp: Sockets['tcp'] = (name, listener, where) => {
    names.push(name)
    return sockets.tcp(name, listener, where)
  }
  const started = startHttp({ ...world.options, sockets: { ...sockets, tcp }, onLost: () => undefined })
  await t.rejects(started, { name: 'CannotListen', message: /2001:db8::1/ })
  t.same(names, ['http', 'http6'])
})
