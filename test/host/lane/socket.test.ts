import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { bindLaneSocket, kindOf, laneSocket } from '../../../src/host/lane/socket.ts'
import { createSending } from '../../../src/host/send-guard.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { silentLog } from '../../support/silent-log.ts'
import { clientOf, laneSocketOf, libcOf, loopback } from './lane-sockets.ts'

t.test('the main thread sends through the socket of a lane', async (t) => {
  const socket = await laneSocketOf(t)
  const client = await clientOf(t)
  t.equal(socket.local.address, '127.0.0.1')
  t.ok(socket.local.port > 0)
  t.ok(socket.sendBufferOctets > 0)
  socket.send(Uint8Array.of(7, 8), '127.0.0.1', client.port)
  t.same([...(await client.next())], [7, 8])
  const failures: Error[] = []
  socket.send(Uint8Array.of(1), '127.0.0.1', 0, (error) => void failures.push(error))
  t.match(failures, [{ code: 'EINVAL', syscall: 'sendto' }])
  socket.send(Uint8Array.of(1), '127.0.0.1', 0)
  socket.close()
  socket.close()
  socket.send(Uint8Array.of(9), '127.0.0.1', client.port)
})

t.test('the main thread receives while there is no lane', async (t) => {
  const socket = await laneSocketOf(t)
  const client = await clientOf(t)
  const first = new Promise<number[]>((resolve) => {
    socket.receive((payload, address, port) => {
      socket.send(Uint8Array.of(2), address, port)
      resolve([...payload])
    })
  })
  await client.send(Uint8Array.of(1), socket)
  t.same(await first, [1])
  t.same([...(await client.next())], [2])
  socket.receive(undefined)
  await client.send(Uint8Array.of(3), socket)
  const again = new Promise<number[]>((resolve) => socket.receive((payload) => resolve([...payload])))
  t.same(await again, [3], 'meanwhile, a datagram waits')
  socket.close()
  socket.receive(() => t.fail())
})

t.test(
  'a program that slipway starts inherits no socket, which it would keep open after the end of slipway',
  async (t) => {
    const socket = await laneSocketOf(t)
    socket.receive(() => t.fail())
    const port = socket.local.port.toString(16).toUpperCase().padStart(4, '0')
    const [, inode = ''] =
      new RegExp(`:${port} (?:\\S+ +){7}(\\d+)`).exec(readFileSync('/proc/net/udp', 'utf8')) ?? []
    const links = execFileSync('/bin/ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' })
    t.match(inode, /^\d+$/)
    t.notMatch(links, `socket:[${inode}]`)
  },
)

t.test('without a free descriptor, a socket is left to the lane', async (t) => {
  const { fd } = await laneSocketOf(t)
  const socket = laneSocket({ ...(await libcOf()), fcntl: () => -1 }, fd, {})
  socket.receive(() => t.fail())
  socket.receive(undefined)
})

t.test('a port that is taken has the usual error', async (t) => {
  const libc = await libcOf()
  const { local } = await laneSocketOf(t)
  t.throws(() => bindLaneSocket(libc, { ...loopback, port: local.port }), { code: 'EADDRINUSE' })
})

t.test('a system without descriptors has the usual error', async (t) => {
  const libc = { ...(await libcOf()), socket: () => -1, errno: () => 24 }
  t.throws(() => bindLaneSocket(libc, loopback), { code: 'EMFILE', syscall: 'socket' })
})

t.test('the kinds of sockets are known', async (t) => {
  const libc = await libcOf()
  t.equal(kindOf(libc, (await laneSocketOf(t)).fd), 'ipv4')
  t.equal(kindOf(libc, 0), 'not-udp')
  const fd = libc.socket(10, 2, 0)
  t.equal(kindOf(libc, fd), 'ipv6')
  libc.close(fd)
})

t.test('the send guard applies', async (t) => {
  const counters = new Counters()
  const neighbors = { stateOf: () => 'unresolved' as const }
  const sending = createSending({ clock: fakeClock(), counters, log: silentLog(), neighbors })
  const libc = await libcOf()
  const socket = laneSocket(libc, (await laneSocketOf(t)).fd, {}, sending)
  const client = createSocket('udp4')
  t.teardown(() => client.close())
  for (let index = 0; index < 9; index++) socket.send(Uint8Array.of(1), '127.0.0.1', 9)
  t.equal(counters.get('udp.dropped'), 1)
})
