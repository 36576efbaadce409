import t, { type Test } from 'tap'
import { linux, type Libc } from '../../../src/host/lane/libc.ts'
import { createSendQueue, createSendQueues, knowsSegments } from '../../../src/host/lane/send-queue.ts'
import { clientOf, laneSocketOf, libcOf } from './lane-sockets.ts'

/** A queue that records its calls: how many datagrams each one sends. */
async function setUp(t: Test, calls: Partial<Libc> = {}) {
  const libc = await libcOf()
  const socket = await laneSocketOf(t)
  const counts: number[] = []
  const queue = createSendQueue({
    ...libc,
    sendmmsg(fd, headers, count, flags) {
      counts.push(count)
      return libc.sendmmsg(fd, headers, count, flags)
    },
    ...calls,
  })
  const errors: (string | undefined)[] = []
  const dropped: string[] = []
  const sender = {
    fd: socket.fd,
    canSegment: true,
    failed: ({ code }: NodeJS.ErrnoException) => void errors.push(code),
    dropped: (address: string, count: number) => void dropped.push(`${address} ${count}`),
  }
  return { libc, queue, sender, counts, errors, dropped, client: await clientOf(t) }
}

const block = (octets: number, value: number) => new Uint8Array(octets).fill(value)

t.test('datagrams of one size are sent as one that the kernel cuts', async (t) => {
  const { libc, queue, sender, counts, client } = await setUp(t)
  t.equal(knowsSegments(libc, sender.fd), true)
  t.equal(queue.isNext(sender, '127.0.0.1', client.port), false)
  for (const each of [block(600, 1), block(600, 2), block(20, 3)]) {
    queue.add(sender, each, '127.0.0.1', client.port)
  }
  t.equal(queue.isNext(sender, '127.0.0.1', client.port), true)
  t.same(counts, [], 'nothing is sent before the end')
  queue.flush()
  queue.flush()
  for (const expected of [block(600, 1), block(600, 2), block(20, 3)]) {
    t.same(new Uint8Array(await client.next()), expected)
  }
  t.same(counts, [1])
  t.equal(sender.canSegment, true)
})

t.test('datagrams of different sizes are sent in one call', async (t) => {
  const { queue, sender, counts, client } = await setUp(t)
  for (const octets of [20, 600, 600]) queue.add(sender, block(octets, octets), '127.0.0.1', client.port)
  queue.flush()
  for (const octets of [20, 600, 600]) t.equal((await client.next()).length, octets)
  for (const octets of [600, 20, 600]) queue.add(sender, block(octets, octets), '127.0.0.1', client.port)
  queue.flush()
  for (const octets of [600, 20, 600]) t.equal((await client.next()).length, octets)
  t.same(counts, [3, 3])
})

t.test('another destination, and a full queue, send what waits', async (t) => {
  const { queue, sender, counts, client } = await setUp(t)
  const other = await clientOf(t)
  queue.add(sender, block(10, 1), '127.0.0.1', client.port)
  queue.add(sender, block(10, 2), '127.0.0.1', other.port)
  t.same([...(await client.next())], [...block(10, 1)])
  for (let index = 0; index < 64; index++) queue.add(sender, block(10, 3), '127.0.0.1', other.port)
  queue.add(sender, block(60_000, 4), '127.0.0.1', other.port)
  queue.add(sender, block(6000, 5), '127.0.0.1', other.port)
  queue.flush()
  t.same([...(await other.next())], [...block(10, 2)])
  for (let index = 0; index < 64; index++) t.same([...(await other.next())], [...block(10, 3)])
  for (const octets of [60_000, 6000]) t.equal((await other.next()).length, octets)
  t.same(counts, [1, 1, 2, 1], 'the last ones differ in size')
})

t.test('datagrams are sent separately where the path refuses long ones', async (t) => {
  const libc = await libcOf()
  const counts: number[] = []
  const { queue, sender, client } = await setUp(t, {
    sendmmsg(fd, headers, count, flags) {
      counts.push(count)
      return count === 1 ? -1 : libc.sendmmsg(fd, headers, count, flags)
    },
    errno: () => 22,
  })
  for (let time = 0; time < 2; time++) {
    for (const value of [1, 2]) queue.add(sender, block(100, value), '127.0.0.1', client.port)
    queue.flush()
    for (const value of [1, 2]) t.same(new Uint8Array(await client.next()), block(100, value))
  }
  t.equal(sender.canSegment, false)
  t.same(counts, [1, 2, 2], 'the socket does not try it again')
})

t.test('a full send buffer drops datagrams, and other errors are reported', async (t) => {
  let errno = 11
  const results = [-1, -1, 1, -1, -1]
  const { queue, sender, errors, dropped } = await setUp(t, {
    sendmmsg: () => results.shift() ?? 0,
    errno: () => errno,
  })
  for (const value of [1, 2]) queue.add(sender, block(100, value), '192.0.2.1', 9)
  queue.flush()
  t.same(dropped, ['192.0.2.1 2'])
  t.equal(sender.canSegment, true, 'a full buffer does not mean that the kernel cannot cut')
  errno = 113
  sender.canSegment = false
  for (const value of [1, 2, 3]) queue.add(sender, block(100, value), '192.0.2.1', 9)
  queue.flush()
  t.same(errors, ['EHOSTUNREACH', 'EHOSTUNREACH'])
})

t.test('a kernel that cannot cut datagrams is recognized', async (t) => {
  const libc = await libcOf()
  t.equal(knowsSegments(libc, -1), false)
  t.equal(linux.UDP_SEGMENT, 103)
})

t.test('the groups of several destinations wait for each other, up to sixteen', async (t) => {
  const { libc, sender, client } = await setUp(t)
  const other = await clientOf(t)
  const counts: number[] = []
  const queues = createSendQueues({
    ...libc,
    sendmmsg(fd, headers, count, flags) {
      counts.push(count)
      return libc.sendmmsg(fd, headers, count, flags)
    },
  })
  t.equal(queues.isNext(sender, '127.0.0.1', client.port), false)
  for (let index = 0; index < 17; index++) {
    const to = index % 2 === 0 ? client : other
    for (const octets of [20, 30]) queues.add(sender, block(octets, index), '127.0.0.1', to.port)
    t.equal(queues.isNext(sender, '127.0.0.1', to.port), true)
    t.equal(counts.length, index < 16 ? 0 : 16)
  }
  queues.flush()
  queues.flush()
  t.equal(counts.length, 17)
  for (const first of [0, 2, 4]) {
    for (const octets of [20, 30]) t.same(new Uint8Array(await client.next()), block(octets, first))
  }
  t.same(new Uint8Array(await other.next()), block(20, 1))
})
