import t, { type Test } from 'tap'
import type { Recording } from '../../../src/host/capture/recording.ts'
import { Counters } from '../../../src/host/counters.ts'
import {
  closeDescriptors,
  createEventPorts,
  createOpenDescriptors,
  eventLayout,
} from '../../../src/host/lane/event-ports.ts'
import { linux, type Libc } from '../../../src/host/lane/libc.ts'
import { createSending } from '../../../src/host/send-guard.ts'
import type { UdpPort } from '../../../src/host/udp.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { silentLog } from '../../support/silent-log.ts'
import { clientOf, laneSocketOf, libcOf, type Client } from './lane-sockets.ts'

async function setUp(t: Test, calls: Partial<Libc> = {}) {
  const libc = { ...(await libcOf()), ...calls }
  const descriptors = createOpenDescriptors()
  const wakeFd = libc.eventfd(0, linux.EFD_NONBLOCK | linux.EFD_CLOEXEC)
  const counters = new Counters()
  const unresolved = new Set<string>()
  const neighbors = {
    stateOf: (address: string) =>
      unresolved.has(address) ? ('unresolved' as const) : ('reachable' as const),
  }
  const sending = createSending({ clock: fakeClock(), counters, log: silentLog(), neighbors })
  const recording: Recording = { recorder: undefined }
  const ports = createEventPorts({ libc, descriptors, wakeFd, sending, recording })
  t.teardown(() => {
    closeDescriptors(libc, descriptors)
    libc.close(wakeFd)
  })
  const bind = (port = 0) =>
    ports.bindUdp({ address: '127.0.0.1', port, onLost: (error) => void lost.push(error) })
  const lost: Error[] = []
  return { libc, ports, recording, bind, lost, descriptors, counters, unresolved, wakeFd }
}

const sendTo = (client: Client, port: { readonly local: { readonly port: number } }, text: string) =>
  new Promise<void>((resolve) => client.socket.send(text, port.local.port, '127.0.0.1', () => resolve()))

t.test('a port receives, and sends together what its handler sends', async (t) => {
  const { ports, bind, recording } = await setUp(t)
  const [first, second] = [await bind(), await bind()]
  const client = await clientOf(t)
  const heard: string[] = []
  first.receive((batch) => {
    for (const { payload, address, port } of batch) {
      heard.push(`${address} ${port === client.port} ${Buffer.from(payload).toString()}`)
      for (const reply of ['one', 'two']) first.send(Buffer.from(reply), address, port)
    }
  })
  await sendTo(client, first, 'hello')
  await sendTo(client, second, 'without a handler')
  const seen: string[] = []
  recording.recorder = {
    received: (payload) => seen.push(`received ${Buffer.from(payload).toString()}`),
    sent: (payload, peer) => seen.push(`sent ${Buffer.from(payload).toString()} to ${peer.address}`),
  }
  t.equal(ports.wait(100), 2)
  t.same(seen, [
    'received hello',
    'sent one to 127.0.0.1',
    'sent two to 127.0.0.1',
    'received without a handler',
  ])
  t.same(heard, ['127.0.0.1 true hello'])
  t.equal(Buffer.from(await client.next()).toString(), 'one')
  t.equal(Buffer.from(await client.next()).toString(), 'two')
  t.equal(ports.wait(0), 0)
  t.equal(ports.open(), 2)
})

t.test(
  'what is sent outside of a handler leaves with the next wait, or before the port is closed',
  async (t) => {
    const { ports, bind, descriptors } = await setUp(t)
    const port = await bind()
    const client = await clientOf(t)
    port.send(Buffer.from('a'), '127.0.0.1', client.port)
    ports.wait(0)
    t.equal(Buffer.from(await client.next()).toString(), 'a')
    port.send(Buffer.from('b'), '127.0.0.1', client.port)
    await port.close()
    await port.close()
    port.send(Buffer.from('c'), '127.0.0.1', client.port)
    t.equal(Buffer.from(await client.next()).toString(), 'b')
    t.equal(ports.open(), 0)
    t.equal(descriptors.filter((fd) => fd !== -1).length, 1, 'epoll remains')
  },
)

t.test('a port that a handler closes gets nothing more', async (t) => {
  const { ports, bind } = await setUp(t)
  const port = await bind()
  const client = await clientOf(t)
  let count = 0
  port.receive(() => {
    count++
    void port.close()
  })
  await sendTo(client, port, 'a')
  await sendTo(client, port, 'b')
  ports.wait(100)
  t.equal(count, 1)
})

t.test('an adopted socket stays open', async (t) => {
  const { ports } = await setUp(t)
  const socket = await laneSocketOf(t)
  const client = await clientOf(t)
  const heard: string[] = []
  const port = ports.adopt(socket)
  port.receive((batch) => void heard.push(...batch.map(({ payload }) => Buffer.from(payload).toString())))
  t.same(port.local, socket.local)
  await client.send(Buffer.from('a'), socket)
  await client.send(new Uint8Array(5000), socket)
  ports.wait(100)
  await port.close()
  await client.send(Buffer.from('b'), socket)
  t.equal(ports.wait(0), 0)
  t.same(heard, ['a'], 'a datagram that is too long is ignored')
  socket.send(Buffer.from('c'), '127.0.0.1', client.port)
  t.equal(Buffer.from(await client.next()).toString(), 'c')
})

t.test('a port that is taken, and too many ports, are errors', async (t) => {
  const { bind, descriptors } = await setUp(t)
  const port = await bind()
  await t.rejects(bind(port.local.port), { name: 'CannotListen', message: /another process uses the port/ })
  const before = descriptors.slice()
  descriptors.forEach((fd, index) => (descriptors[index] = fd === -1 ? 1_000_000 : fd))
  await t.rejects(bind(), { message: /more than 2048 descriptors are open/ })
  descriptors.set(before)
})

t.test('a message of the main thread ends a wait', async (t) => {
  const { libc, ports, wakeFd } = await setUp(t)
  libc.write(wakeFd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), 8)
  t.equal(ports.wait(10_000), 0)
})

t.test('a connected port reports that its peer has closed', async (t) => {
  const { ports, bind } = await setUp(t)
  const [port, gone] = [await bind(), await bind()]
  const closedPort = gone.local.port
  await gone.close()
  let refusals = 0
  const connect = () => port.connect?.('127.0.0.1', closedPort, () => refusals++)
  const failures: (string | undefined)[] = []
  const failed = (error: NodeJS.ErrnoException) => void failures.push(error.code)
  connect()
  port.send(Buffer.from('a'), '127.0.0.1', closedPort)
  ports.wait(0)
  ports.wait(100)
  t.equal(refusals, 1, 'found when receiving')
  for (const text of ['b', 'c']) {
    port.send(Buffer.from(text), '127.0.0.1', closedPort, failed)
    connect()
  }
  t.same(failures, ['ECONNREFUSED'], 'found when sending')
  t.equal(refusals, 2)
})

t.test('unresolved neighbors get few datagrams', async (t) => {
  const { ports, bind, counters, unresolved } = await setUp(t)
  unresolved.add('127.0.0.1')
  const port = await bind()
  const client = await clientOf(t)
  for (let index = 0; index < 20; index++) {
    port.send(Buffer.from('a'), '127.0.0.1', client.port)
    ports.wait(0)
  }
  t.equal(counters.get('udp.dropped'), 12)
})

t.test('the destination of a transfer is checked for every sixteenth datagram', async (t) => {
  const { ports, bind, counters, unresolved } = await setUp(t)
  const [port, adopted] = [await bind(), ports.adopt(await laneSocketOf(t))]
  const client = await clientOf(t)
  const send = (from: UdpPort, count: number) => {
    for (let index = 0; index < count; index++) {
      from.send(Buffer.from('a'), '127.0.0.1', client.port)
      ports.wait(0)
    }
  }
  send(port, 1)
  send(adopted, 1)
  unresolved.add('127.0.0.1')
  send(port, 15)
  t.equal(counters.get('udp.dropped'), 0)
  send(port, 20)
  t.equal(counters.get('udp.dropped'), 12, 'eight are admitted to an unresolved neighbor')
  send(adopted, 20)
  t.equal(counters.get('udp.dropped'), 24, 'a socket of many destinations is always checked')
})

t.test('a port of a transfer reads one datagram in each round', async (t) => {
  const { ports, bind } = await setUp(t)
  const [port, client] = [await bind(), await clientOf(t)]
  let count = 0
  port.receive((batch) => (count += batch.length))
  for (const text of ['a', 'b']) await sendTo(client, port, text)
  ports.wait(100)
  t.equal(count, 1)
  ports.wait(100)
  t.equal(count, 2)
})

t.test('a full send buffer is counted', async (t) => {
  const { ports, bind, counters } = await setUp(t, { sendmmsg: () => -1, errno: () => 11 })
  const port = await bind()
  for (const text of ['a', 'b']) port.send(Buffer.from(text), '127.0.0.1', 9)
  ports.wait(0)
  t.same(counters.refusals(), { 'server.send-queue-full': 2 })
})

t.test('a port that fails is closed, and an adopted one ends the thread', async (t) => {
  const { ports, bind, lost } = await setUp(t, { recvfrom: () => -1, recvmmsg: () => -1 })
  const [port, socket, client] = [await bind(), await laneSocketOf(t), await clientOf(t)]
  await sendTo(client, port, 'a')
  ports.wait(100)
  t.match(lost, [{ syscall: 'recvfrom' }])
  t.equal(ports.open(), 0)
  ports.adopt(socket)
  await client.send(Buffer.from('a'), socket)
  t.throws(() => ports.wait(100), { message: /recvmmsg/ })
})

t.test('a descriptor that epoll refuses is an error', async (t) => {
  await t.rejects(setUp(t, { epoll_ctl: () => -1 }), { message: /epoll_ctl/ })
})

t.test('only amd64 packs events', (t) => {
  t.same(eventLayout('x64'), { octets: 12, dataAt: 4 })
  t.same(eventLayout('arm64'), { octets: 16, dataAt: 8 })
  t.end()
})
