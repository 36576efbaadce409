import { once } from 'node:events'
import { openSync, closeSync, fstatSync, writeFileSync, appendFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { linux, type Libc } from '../../../src/host/lane/libc.ts'
import { controlIndex, stopMessage } from '../../../src/host/lane/mailbox.ts'
import { createOutbox, type Report } from '../../../src/host/lane/outbox.ts'
import { versionOf } from '../../../src/host/shared-files.ts'
import {
  createImageLaneLoop,
  type ImageLaneReport,
  type ImageLaneRequest,
} from '../../../src/serve/http/image-lane-loop.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { libcOf } from '../../host/lane/lane-sockets.ts'

/** A loop in this thread, a connection that it can send on, and a file of 100 bytes. */
async function setUp(t: Test, calls: Partial<Libc> = {}) {
  const libc = { ...(await libcOf()), ...calls }
  const wakeFd = libc.eventfd(0, linux.EFD_NONBLOCK | linux.EFD_CLOEXEC)
  const epoll = libc.epoll_create1(linux.EPOLL_CLOEXEC)
  const control = new SharedArrayBuffer(12)
  const progress = new SharedArrayBuffer(8 * 8)
  const inbox: { message: unknown }[] = []
  const reports: ImageLaneReport[] = []
  const loop = createImageLaneLoop({
    libc,
    setup: { wakeFd, control, sockets: [], isDebug: false },
    clock: systemClock,
    recording: { recorder: undefined },
    data: { progress },
    outbox: createOutbox<ImageLaneReport>(false, new Int32Array(control, 8, 1), 10),
    nextMessage: () => inbox.shift(),
    send: (report) => reports.push(...(report as Report<ImageLaneReport>).messages),
  })
  const path = join(t.testdir(), 'image')
  const content = Array.from({ length: 10 }, (_, index) => `${index}`.repeat(10)).join('')
  writeFileSync(path, content)
  const file = openSync(path, 'r')
  const server = createServer({ pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  const received: Buffer[] = []
  client.on('data', (chunk: Buffer) => received.push(chunk))
  client.on('error', () => undefined)
  t.teardown(() => {
    client.destroy()
    socket.destroy()
    server.close()
    for (const fd of [wakeFd, epoll]) libc.close(fd)
    closeSync(file)
  })
  const post = (message: ImageLaneRequest | typeof stopMessage): void => {
    inbox.push({ message })
    libc.write(wakeFd, new Uint8Array(new BigUint64Array([1n]).buffer), 8)
    Atomics.add(new Int32Array(control), controlIndex.sent, 1)
  }
  const connection = (socket as unknown as { _handle: { fd: number } })._handle.fd
  const send = (part: Partial<Extract<ImageLaneRequest, { kind: 'send' }>>): void => {
    const version = versionOf(fstatSync(file, { bigint: true }))
    post({ kind: 'send', slot: 3, connection, file, version, from: 0, to: 100, ...part })
  }
  const sent = (slot = 3) => Number(new BigInt64Array(progress)[slot])
  /** Runs rounds until a transfer ends. */
  const untilEnd = () => {
    for (let rounds = 0; rounds < 50 && !reports.some(({ kind }) => kind === 'ended'); rounds++) {
      post({ kind: 'cancel', slot: 7 })
      loop.round()
    }
    return reports.find(({ kind }) => kind === 'ended')
  }
  post({ kind: 'start', epoll })
  return { loop, post, send, sent, untilEnd, reports, client, socket, path, content, received, control }
}

t.test('a part of a file is sent on a connection', async (t) => {
  const { loop, send, sent, untilEnd, reports, content, received, control } = await setUp(t)
  send({ from: 15, to: 45 })
  t.same(untilEnd(), { kind: 'ended', slot: 3 })
  t.same(reports[0], { kind: 'ready' })
  t.equal(sent(), 30)
  t.ok(new Int32Array(control)[controlIndex.rounds]! > 0)
  while (Buffer.concat(received).length < 30) await new Promise((resolve) => setTimeout(resolve, 5))
  t.equal(Buffer.concat(received).toString(), content.slice(15, 45))
  t.ok(loop)
})

t.test('a file that changed is not sent any further, not even its last byte', async (t) => {
  const counts: number[] = []
  const { send, sent, untilEnd, path } = await setUp(t, {
    sendfile(...args) {
      counts.push(args[3])
      appendFileSync(path, 'more')
      return 99
    },
  })
  send({})
  t.match(untilEnd(), { slot: 3, reason: 'the file changed while it was being sent' })
  t.same(counts, [99])
  t.equal(sent(), 99)
})

t.test('a transfer ends with its reason', async (t) => {
  const early = await setUp(t)
  early.send({ to: 200 })
  t.match(early.untilEnd(), { reason: 'the file ended early' })
  t.equal(early.sent(), 100)
  const closed = await setUp(t)
  closed.send({ connection: -1 })
  t.match(closed.untilEnd(), { reason: 'epoll_ctl EBADF' })
  const reset = await setUp(t)
  reset.socket.end()
  await once(reset.socket, 'finish')
  reset.send({})
  t.match(reset.untilEnd(), { reason: 'sendfile EPIPE' })
  const missing = await setUp(t)
  missing.send({ file: 1_000_000 })
  t.match(missing.untilEnd(), { reason: /^EBADF/ })
})

t.test('a connection that accepts nothing keeps its transfer, until it is canceled', async (t) => {
  const { loop, send, post, untilEnd, reports } = await setUp(t, {
    sendfile: () => -1,
    errno: () => constants.errno.EAGAIN,
  })
  send({})
  for (let rounds = 0; rounds < 5; rounds++) loop.round()
  t.same(reports, [{ kind: 'ready' }])
  post({ kind: 'cancel', slot: 3 })
  t.same(untilEnd(), { kind: 'ended', slot: 3, reason: 'canceled' })
})

t.test('the loop ends with the stop message', async (t) => {
  const { loop, post } = await setUp(t)
  t.ok(loop.round())
  post(stopMessage)
  t.notOk(loop.round())
})
