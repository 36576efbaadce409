import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { ipv4Family, ipv6Family, familyOf } from '../../../src/host/lane/address-family.ts'
import { createBatch } from '../../../src/host/lane/batch.ts'
import type { Libc } from '../../../src/host/lane/libc.ts'
import { bindLaneSocket } from '../../../src/host/lane/socket.ts'
import { clientOf, laneSocketOf, libcOf, loopback6 } from './lane-sockets.ts'

const zeros = (count: number) => Array.from({ length: count }, () => 0)

t.test('an IPv6 address is written as the kernel reads it, and formatted again', async (t) => {
  const libc = await libcOf()
  const octets = ipv6Family.write(libc, new Uint8Array(28), 'fe80::1%lo', 547)
  t.same([...octets], [10, 0, 2, 35, ...zeros(4), 0xfe, 0x80, ...zeros(13), 1, 1, 0, 0, 0])
  const view = new DataView(octets.buffer)
  t.equal(ipv6Family.format(libc, view, 0), 'fe80::1%lo')
  view.setUint32(24, 0x7fffffff, true)
  t.equal(ipv6Family.format(libc, view, 0), 'fe80::1', 'an interface that no longer exists')
  ipv6Family.write(libc, octets, 'fd00::1', 547)
  t.equal(ipv6Family.format(libc, view, 0), 'fd00::1', 'a global address has no interface')
  const ipv4 = ipv4Family.write(libc, new Uint8Array(16), '192.0.2.1', 67)
  t.equal(ipv4Family.format(libc, new DataView(ipv4.buffer), 0), '192.0.2.1')
  t.equal(familyOf('fe80::1%lo'), ipv6Family)
  t.equal(familyOf('0.0.0.0'), ipv4Family)
})

t.test('the text of the latest IPv6 address is kept until the next batch', async (t) => {
  let calls = 0
  const real = await libcOf()
  const libc: Libc = {
    ...real,
    if_indextoname(index, name) {
      calls++
      return real.if_indextoname(index, name)
    },
  }
  const texts = ipv6Family.createTexts(libc)
  const view = new DataView(ipv6Family.write(libc, new Uint8Array(28), 'fe80::1%lo', 1).buffer)
  const other = new DataView(ipv6Family.write(libc, new Uint8Array(28), 'fe80::2%lo', 1).buffer)
  t.same([texts.textAt(view, 0), texts.textAt(view, 0), calls], ['fe80::1%lo', 'fe80::1%lo', 1])
  t.same([texts.textAt(other, 0), calls], ['fe80::2%lo', 2])
  texts.forget()
  t.same([texts.textAt(other, 0), calls], ['fe80::2%lo', 3])
})

t.test('a batch of IPv6 datagrams is received and answered', async (t) => {
  const socket = await laneSocketOf(t, loopback6)
  t.equal(socket.local.address, '::1')
  const [client, other] = [await clientOf(t, loopback6), await clientOf(t, loopback6)]
  const batch = createBatch(await libcOf(), ipv6Family)
  for (const octet of [1, 2]) await client.send(Uint8Array.of(octet), socket)
  t.equal(batch.receive(socket.fd), 2)
  t.same([batch.address(1), batch.port(1)], ['::1', client.port])
  batch.reply(0).fill(7)
  batch.queue(0, 9216)
  batch.reply(1).set([8])
  batch.queue(1, 1, { address: '::1', port: other.port })
  t.equal(batch.send(socket.fd), 0)
  t.equal((await client.next()).length, 9216)
  t.same([...(await other.next())], [8])
})

t.test('the main thread sends and receives through an IPv6 socket while there is no lane', async (t) => {
  const socket = await laneSocketOf(t, loopback6)
  const client = await clientOf(t, loopback6)
  socket.receive((payload, address, port) => socket.send(payload, address, port))
  await client.send(Uint8Array.of(5), socket)
  t.same([...(await client.next())], [5])
})

t.test('a socket for all IPv6 addresses leaves those of IPv4 free', async (t) => {
  const socket = await laneSocketOf(t, { ...loopback6, address: '::' })
  const other = createSocket('udp4').bind(socket.local.port, '0.0.0.0')
  await once(other, 'listening')
  other.close()
})

t.test('a multicast group is joined once on each interface', async (t) => {
  const socket = await laneSocketOf(t, { ...loopback6, address: '::' })
  socket.join?.('ff02::1:2', 'lo')
  socket.join?.('ff02::1:2', 'lo')
  t.throws(() => socket.join?.('ff02::1:2', 'no-such-device'), { code: 'ENODEV' })
  const libc = await libcOf()
  t.throws(() => bindLaneSocket(libc, { ...loopback6, port: socket.local.port }), { code: 'EADDRINUSE' })
})
