/** Images that a lane sends, through the routes on a real socket of the loopback. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readlinkSync, renameSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadLibc, type Libc } from '../../../src/host/lane/libc.ts'
import { createImageLane, sentByLane } from '../../../src/serve/http/image-lane.ts'
import { createRoutes } from '../../../src/serve/http/routes.ts'
import type { Limits } from '../../../src/serve/http/server.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { httpWorld } from '../../support/http-service.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'
import { Counters } from '../../../src/host/counters.ts'

const path = '/images/rhcos/rhcos-live-rootfs.x86_64.img'
const request = (fields = '', method = 'GET') => `${method} ${path} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`
const mebibyte = 1024 * 1024

/** Counts the descriptors of connections and files; a thread has others. */
const fds = () => readdirSync('/proc/self/fd').filter((fd) => /^(socket:|\/(?!proc))/.test(linkOf(fd))).length

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return '' // the listing itself
  }
}

async function setUp(t: Test, megabytes = 3, limits?: Limits) {
  const world = httpWorld(t)
  const file = join(world.dir, 'images/rhcos-live-rootfs.x86_64.img')
  const content = randomBytes(megabytes * mebibyte + 17)
  writeFileSync(file, content)
  const { app, http, lane } = await createRoutes({ ...world.options, ...(limits && { limits }) })
  http.server.listen(0, '127.0.0.1')
  await once(http.server, 'listening')
  t.teardown(async () => {
    http.server.closeAllConnections()
    await http.close()
    await app.close()
  })
  const { port } = http.server.address() as AddressInfo
  const open = async () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    t.teardown(() => socket.destroy())
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }
  const probe = await open()
  await until(() => lane.canSend({ socket: probe } as unknown as ServerResponse))
  probe.destroy()
  return { ...world, world, file, content, lane, open, app }
}

/** Reads one response of a connection. Rejects if the connection ends before. */
async function readResponse(socket: Socket): Promise<{ header: string; body: Buffer }> {
  const chunks: Buffer[] = []
  let missing = Infinity
  let header = ''
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const failed = () => reject(new Error('the connection ended'))
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk)
    missing -= chunk.length
    if (header === '') {
      const start = Buffer.concat(chunks).toString('latin1')
      const end = start.indexOf('\r\n\r\n')
      if (end === -1) return
      header = start.slice(0, end)
      missing = end + 4 + Number(/content-length: (\d+)/i.exec(header)?.[1]) - start.length
    }
    if (missing <= 0) resolve(undefined)
  }
  socket.on('data', onData).on('end', failed).on('close', failed).resume()
  try {
    await promise
  } finally {
    socket.off('data', onData).off('end', failed).off('close', failed)
  }
  socket.pause()
  return { header, body: Buffer.concat(chunks).subarray(header.length + 4) }
}

t.test('a client gets whole files and ranges over one connection', async (t) => {
  const { open, content, line, seen } = await setUp(t)
  const before = fds()
  const socket = await open()
  for (let round = 0; round < 3; round++) {
    socket.write(request())
    const { header, body } = await readResponse(socket)
    t.match(header, /^HTTP\/1\.1 200 OK\r\n/)
    t.ok(body.equals(content))
  }
  socket.write(request('Range: bytes=100-1048675\r\n'))
  const { header, body } = await readResponse(socket)
  t.match(header, new RegExp(`Content-Range: bytes 100-1048675/${content.length}`))
  t.ok(body.equals(content.subarray(100, 1_048_676)))
  socket.write(request('', 'HEAD'))
  await until(() => socket.readableLength > 0)
  t.match(String(socket.read()), new RegExp(`Content-Length: ${content.length}\r\n`))
  t.match(await line('image file served'), { octets: content.length })
  socket.write(request('Connection: close\r\n'))
  t.ok((await readResponse(socket)).body.equals(content))
  await once(socket.resume(), 'end')
  socket.end()
  await until(() => fds() <= before)
  t.same(seen, [], 'this machine is not a node')
})

t.test('pipelined requests are answered in order', async (t) => {
  const { open, content } = await setUp(t, 1)
  const socket = await open()
  socket.write(request() + request() + request('Connection: close\r\n'))
  const chunks = (await socket.toArray()) as Buffer[]
  const parts = Buffer.concat(chunks).toString('latin1').split('HTTP/1.1 200 OK\r\n').slice(1)
  t.same(
    parts.map((part) => part.slice(part.indexOf('\r\n\r\n') + 4) === content.toString('latin1')),
    [true, true, true],
  )
})

t.test('a client that has closed its sending side gets the whole response', async (t) => {
  const { open, content } = await setUp(t, 12)
  const socket = await open()
  socket.end(request())
  const { body } = await readResponse(socket)
  t.ok(body.equals(content))
})

t.test('a client that does not read delays no other, and leaves nothing behind', async (t) => {
  const { open, content, line } = await setUp(t, 24)
  const before = fds()
  const slow = await open()
  slow.pause()
  slow.write(request())
  const fast = await open()
  fast.write(request())
  t.ok((await readResponse(fast)).body.equals(content))
  await line('image file served')
  slow.resetAndDestroy()
  fast.destroy()
  await until(() => fds() <= before)
})

t.test('a client that reads too slowly is disconnected, whatever the lane sends', async (t) => {
  const minute = 60_000
  const { open, line } = await setUp(t, 24, {
    ...{ headerOctets: 8192, headersTimeoutMs: minute, requestTimeoutMs: minute, keepAliveMs: minute },
    ...{ checkIntervalMs: 10, stalledMs: 200, minBytesPerSecond: 100_000_000 },
    connections: { total: 100, reserve: 10, perKnownClient: 50, perUnknownClient: 50 },
  })
  const socket = await open()
  socket.pause()
  socket.write(request())
  t.match(await line('slow reader disconnected'), { code: 'http.reader-too-slow' })
  t.match(await line('image file served'), { aborted: true })
})

t.test(
  'a file that is replaced stays the one of the header; one that is overwritten ends the connection',
  async (t) => {
    const { open, content, file } = await setUp(t, 24)
    const reader = async () => {
      const socket = await open()
      socket.pause()
      socket.write(request())
      await until(() => socket.readableLength > 0)
      return socket
    }
    const first = await reader()
    writeFileSync(`${file}.new`, randomBytes(content.length))
    renameSync(`${file}.new`, file)
    t.ok((await readResponse(first)).body.equals(content))
    const second = await reader()
    writeFileSync(file, randomBytes(content.length))
    await t.rejects(readResponse(second))
  },
)

t.test('a lane that stops ends its connections, and is started again', async (t) => {
  const clock = fakeClock()
  const counters = new Counters()
  const program = { url: import.meta.url, name: './failing-image-worker' }
  const lane = createImageLane({ clock, counters, log: silentLog(), program })
  t.teardown(() => lane.stop())
  const { socket, file, before } = await pair(t)
  await until(() => lane.canSend({ socket } as unknown as ServerResponse))
  const inUse = fds()
  const reasons: (string | undefined)[] = []
  socket.setTimeout(1234)
  const transfer = lane.send(socket, { file, version: '', from: 0, to: 9 }, (reason) => reasons.push(reason))
  t.equal(sentByLane(socket), 0)
  t.equal(socket.timeout, 0)
  await until(() => reasons.length > 0)
  t.same(reasons, ['the lane stopped'])
  t.same([socket.timeout, sentByLane(socket), transfer?.sent()], [1234, undefined, 0])
  transfer?.cancel()
  t.equal(fds(), inUse)
  t.match(lane.problems(), [{ code: 'server.lane-stopped' }])
  t.equal(counters.get('http.laneStopped'), 1)
  t.notOk(lane.canSend({ socket } as unknown as ServerResponse))
  clock.advance(100)
  await until(() => lane.canSend({ socket } as unknown as ServerResponse))
  t.ok(before)
})

t.test('a lane that does not respond gets no further transfers', async (t) => {
  const clock = fakeClock()
  const program = { url: import.meta.url, name: './failing-image-worker' }
  const lane = createImageLane({ clock, counters: new Counters(), log: silentLog(), program })
  t.teardown(() => lane.stop())
  const { socket } = await pair(t)
  const response = { socket } as unknown as ServerResponse
  await until(() => lane.canSend(response))
  clock.advance(5000)
  t.ok(lane.canSend(response))
  clock.advance(5000)
  t.notOk(lane.canSend(response))
  await until(() => lane.problems().length === 1)
})

t.test('what the lane cannot send, the main thread sends', async (t) => {
  const options = { clock: fakeClock(), counters: new Counters(), log: silentLog() }
  const { socket, file } = await pair(t)
  const none = createImageLane({ ...options, load: () => Promise.resolve({ reason: 'off' }) })
  t.notOk(none.canSend({ socket } as unknown as ServerResponse))
  await none.stop()
  t.notOk(none.canSend({ socket } as unknown as ServerResponse))
  t.same(none.problems(), [])
  const libc = (await loadLibc()) as Libc
  const calls = { fails: true }
  const fcntl: Libc['fcntl'] = (fd, ...rest) => (calls.fails && fd === file ? -1 : libc.fcntl(fd, ...rest))
  const lane = createImageLane({ ...options, load: () => Promise.resolve({ ...libc, fcntl }) })
  const part = { file, version: '', from: 0, to: 9 }
  t.equal(
    lane.send(socket, part, () => undefined),
    undefined,
    'not started',
  )
  await until(() => lane.canSend({ socket } as unknown as ServerResponse))
  const before = fds()
  t.equal(
    lane.send(socket, part, () => undefined),
    undefined,
    'no free descriptor',
  )
  t.equal(fds(), before)
  for (const other of [null, { encrypted: true }])
    t.notOk(lane.canSend({ socket: other } as unknown as ServerResponse))
  calls.fails = false
  const reasons: (string | undefined)[] = []
  lane.send(socket, part, (reason) => reasons.push(reason))
  await lane.stop()
  t.equal(reasons.length, 1, 'a transfer ends with the service')
})

/** A connection, and the descriptor of a file. */
async function pair(t: Test) {
  const { open, file } = await setUp(t, 1)
  const fd = openSync(file, 'r')
  t.teardown(() => closeSync(fd))
  return { socket: await open(), file: fd, before: fds() }
}
