import t from 'tap'
import { createBatch, receiveOctets, slots } from '../../../src/host/lane/batch.ts'
import type { Libc } from '../../../src/host/lane/libc.ts'
import { clientOf, laneSocketOf, libcOf } from './lane-sockets.ts'

t.test('datagrams are received together, and the replies reach their senders', async (t) => {
  const socket = await laneSocketOf(t)
  const [first, second] = [await clientOf(t), await clientOf(t)]
  const batch = createBatch(await libcOf())
  t.equal(batch.receive(socket.fd), 0, 'it does not wait')
  await first.send(Uint8Array.of(1, 2, 3), socket)
  await second.send(Uint8Array.of(4), socket)
  await first.send(Uint8Array.of(5), socket)
  t.equal(batch.receive(socket.fd), 3)
  t.same(batch.payload(0), Uint8Array.of(1, 2, 3))
  t.same(batch.payload(1), Uint8Array.of(4))
  t.equal(batch.address(0), '127.0.0.1')
  t.same(
    [0, 1, 2].map((slot) => batch.port(slot)),
    [first.port, second.port, first.port],
  )
  batch.reply(1).set([14])
  batch.queue(1, 1)
  batch.reply(2).set([15, 16])
  batch.queue(2, 2)
  t.equal(batch.send(socket.fd), 0)
  t.same([...(await second.next())], [14])
  t.same([...(await first.next())], [15, 16])
})

t.test('many datagrams use several batches, whose replies have other slots', async (t) => {
  const socket = await laneSocketOf(t)
  const client = await clientOf(t)
  const batch = createBatch(await libcOf())
  for (let index = 0; index < slots + 5; index++) await client.send(Uint8Array.of(index), socket)
  for (const expected of [slots, 5]) {
    const count = batch.receive(socket.fd)
    t.equal(count, expected)
    for (let slot = 0; slot < count; slot++) {
      batch.reply(slot).set(batch.payload(slot) as Uint8Array)
      batch.queue(slot, 1)
    }
    batch.send(socket.fd)
  }
  for (let index = 0; index < slots + 5; index++) t.same([...(await client.next())], [index])
})

t.test('a datagram that is too long is not passed on', async (t) => {
  const socket = await laneSocketOf(t)
  const client = await clientOf(t)
  const batch = createBatch(await libcOf())
  await client.send(new Uint8Array(receiveOctets), socket)
  await client.send(new Uint8Array(receiveOctets + 1), socket)
  t.equal(batch.receive(socket.fd), 2)
  t.equal(batch.payload(0)?.length, receiveOctets)
  t.equal(batch.payload(1), undefined)
})

t.test('datagrams are received one by one as they are together', async (t) => {
  const socket = await laneSocketOf(t)
  const [first, second] = [await clientOf(t), await clientOf(t)]
  const batch = createBatch(await libcOf())
  t.equal(batch.receive(socket.fd, 1), 0, 'it does not wait')
  await first.send(Uint8Array.of(1, 2, 3), socket)
  await second.send(new Uint8Array(receiveOctets), socket)
  await first.send(new Uint8Array(receiveOctets + 1), socket)
  await second.send(new Uint8Array(0), socket)
  const received = Array.from({ length: 4 }, () => {
    t.equal(batch.receive(socket.fd, 1), 1)
    return [batch.payload(0)?.length, batch.address(0), batch.port(0)]
  })
  const from = '127.0.0.1'
  t.same(received, [
    [3, from, first.port],
    [receiveOctets, from, second.port],
    [undefined, from, first.port],
    [0, from, second.port],
  ])
  await first.send(Uint8Array.of(4), socket)
  t.equal(batch.receive(socket.fd), 1)
  t.same(batch.payload(0), Uint8Array.of(4), 'a call for several follows')
})

t.test('a reply can have another destination than the sender', async (t) => {
  const socket = await laneSocketOf(t)
  const [sender, other] = [await clientOf(t), await clientOf(t)]
  const batch = createBatch(await libcOf())
  await sender.send(Uint8Array.of(1), socket)
  await sender.send(Uint8Array.of(2), socket)
  batch.receive(socket.fd)
  batch.reply(0).set([7])
  batch.queue(0, 1, { address: '127.0.0.1', port: other.port })
  batch.reply(1).set([8])
  batch.queue(1, 1)
  batch.send(socket.fd)
  t.same([...(await other.next())], [7])
  t.same([...(await sender.next())], [8])
  batch.queue(0, 1)
  batch.send(socket.fd)
  t.same([...(await sender.next())], [7], 'the next reply has the sender again')
})

/** Calls that return scripted results instead of those of the system. */
async function scripted(calls: Partial<Libc>): Promise<Libc> {
  return { ...(await libcOf()), ...calls }
}

t.test('a reply that cannot be sent does not delay the others', async (t) => {
  const counts: number[] = []
  const libc = await scripted({
    sendmmsg: (_fd, _headers, count) => {
      counts.push(count)
      return counts.length === 2 ? 1 : -1
    },
    errno: () => 113,
  })
  const batch = createBatch(libc)
  for (const slot of [0, 1, 2]) batch.queue(slot, 1)
  const failed: number[][] = []
  t.equal(
    batch.send(1, (slot, errno) => void failed.push([slot, errno])),
    0,
  )
  t.same(failed, [
    [0, 113],
    [2, 113],
  ])
  t.same(counts, [3, 2, 1], 'the first and the last one have no route')
})

t.test('replies wait for a full send buffer once', async (t) => {
  let isFull = true
  const libc = await scripted({
    sendmmsg: (_fd, _headers, count) => (isFull ? -1 : count),
    poll: () => {
      isFull = false
      return 1
    },
    errno: () => 11,
  })
  const batch = createBatch(libc)
  batch.queue(0, 1)
  t.equal(batch.send(1), 0)
  const stuck = createBatch(await scripted({ sendmmsg: () => -1, poll: () => 1, errno: () => 11 }))
  stuck.queue(0, 1)
  stuck.queue(1, 1)
  t.equal(stuck.send(1), 2, 'then they are dropped')
  t.equal(stuck.send(1), 0, 'and forgotten')
})

t.test('a socket that fails repeatedly is lost', async (t) => {
  const libc = await libcOf()
  t.throws(() => createBatch(libc).receive(-1), { code: 'EBADF', syscall: 'recvmmsg' })
  t.throws(() => createBatch(libc).receive(-1, 1), { code: 'EBADF', syscall: 'recvfrom' })
})
