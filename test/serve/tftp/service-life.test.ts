/** The whole service: repeated requests, limits, a replaced plan, lost ports, and closing. */
import { join } from 'node:path'
import t from 'tap'
import type { UdpPort } from '../../../src/host/udp.ts'
import { hex } from '../../support/hex.ts'
import { inbox } from '../../support/memory-sockets.ts'
import { openFilesBelow } from '../../support/open-files.ts'
import { listenForFile } from '../../support/tftp-client.ts'
import { ask, loader, read, serve } from '../../support/tftp-service.ts'
import { until } from '../../support/until.ts'

t.test('a retransmitted request does not start a second transfer (RFC 1350 §4)', async (t) => {
  const { counters, bind, sockets } = await serve(t)
  const port = await bind()
  const answers = inbox(port)
  ask(port, 'ipxe.efi')
  ask(port, 'ipxe.efi')
  await answers.next()
  ask(port, 'ipxe.efi')
  await sockets.settled()
  t.equal(counters.get('tftp.repeatedRequests'), 2)
  t.equal(sockets.open().length, 3)
  t.equal(answers.all.length, 1)
})

t.test('another request from the same port ends the first transfer without an ERROR', async (t) => {
  const { lines, bind, counters } = await serve(t)
  const port = await bind()
  const answers = inbox(port)
  ask(port, 'ipxe.efi')
  const first = await answers.next()
  ask(port, 'own')
  const second = await answers.next()
  t.equal(first.port === second.port, false)
  t.equal(read(second.payload), '\0\x03\0\x01own file')
  await until(() => lines.length > 0)
  t.match(lines, [
    { level: 'warn', file: 'ipxe.efi', reason: 'the client sent a new request', msg: 'file not sent' },
  ])
  ask(port, 'own')
  await until(() => counters.get('tftp.repeatedRequests') === 1)
  port.send(hex('00 04 00 01'), second.address, second.port)
  await until(() => counters.get('tftp.finished') === 1)
})

t.test('the same request from an unresponsive client starts a new transfer', async (t) => {
  const { bind, clock, sockets } = await serve(t)
  const port = await bind()
  const answers = inbox(port)
  ask(port, 'ipxe.efi')
  const first = await answers.next()
  port.send(hex('00 04 00 01'), first.address, first.port)
  await answers.next()
  clock.advance(1000)
  t.equal(read((await answers.next()).payload.subarray(0, 4)), '\0\x03\0\x02')
  ask(port, 'ipxe.efi')
  const again = await answers.next()
  t.equal(read(again.payload.subarray(0, 4)), '\0\x03\0\x01')
  t.equal(again.port === first.port, false)
  await sockets.settled()
  t.equal(sockets.open().length, 3)
})

t.test('a request that is replaced before its file is open starts no transfer', async (t) => {
  const { bind, lines, counters, sockets } = await serve(t)
  const port = await bind()
  const heard = listenForFile(port)
  ask(port, 'ipxe.efi')
  ask(port, 'own')
  await until(() => counters.get('tftp.finished') === 1)
  await until(() => sockets.open().length === 2)
  t.equal(Buffer.from(heard.received).toString(), 'own file')
  t.match(lines, [{ file: 'own', msg: 'file sent' }])
})

/** Starts a transfer and acknowledges its first block. */
async function acknowledged(client: UdpPort): Promise<void> {
  const answers = inbox(client)
  ask(client, 'ipxe.efi')
  const { address, port } = await answers.next()
  client.send(hex('00 04 00 01'), address, port)
  await answers.next()
}

t.test('one client has at most sixteen transfers', async (t) => {
  const { bind, lines } = await serve(t)
  for (let count = 0; count < 16; count++) await acknowledged(await bind(3000 + count))
  const one = await bind(4000)
  ask(one, 'own')
  const answers = inbox(one)
  t.equal(read((await answers.next()).payload), '\0\x05\0\x0016 transfers to 192.0.2.11 are in progress\0')
  t.match(lines, [
    { level: 'warn', reason: '16 transfers to 192.0.2.11 are in progress', msg: 'request refused' },
  ])
  const other = await bind(4000, '192.0.2.12')
  const heard = listenForFile(other)
  ask(other, 'own')
  await until(() => heard.isComplete())
})

t.test('sixteen forged requests in the name of a node do not keep it from its file', async (t) => {
  const { bind, lines, counters } = await serve(t)
  for (let count = 0; count < 16; count++) {
    const forged = await bind(3000 + count)
    const answers = inbox(forged)
    ask(forged, 'own')
    await answers.next()
  }
  const node = await bind(4000)
  const heard = listenForFile(node)
  ask(node, 'ipxe.efi')
  await until(() => heard.isComplete())
  t.match(lines, [
    { level: 'warn', node: 'ocp45/m1', code: 'tftp.never-acknowledged', msg: 'file not sent' },
    { level: 'info', node: 'ocp45/m1', msg: 'file sent' },
  ])
  t.same(counters.refusals(), { 'tftp.never-acknowledged': 1 })
})

t.test('acknowledged transfers are not replaced', async (t) => {
  const { bind, counters } = await serve(t)
  for (let count = 0; count < 15; count++) await acknowledged(await bind(3000 + count))
  ask(await bind(3500), 'own')
  for (let count = 0; count < 5; count++) ask(await bind(4000 + count), 'own')
  await until(() => counters.refusals()['tftp.never-acknowledged'] === 5)
  t.equal(counters.get('tftp.refused'), 0)
})

t.test('undeclared addresses get half of all transfers; the rest is for nodes', async (t) => {
  const { bind, counters } = await serve(t)
  const undeclared = (number: number) => `192.0.2.${100 + number}`
  for (let count = 0; count < 256; count++) {
    await acknowledged(await bind(3000 + (count >> 5), undeclared(count & 31)))
  }
  const client = await bind(2000, undeclared(99))
  const answers = inbox(client)
  ask(client, 'own')
  t.equal(
    read((await answers.next()).payload),
    '\0\x05\0\x00256 transfers to undeclared addresses are in progress, try again later\0',
  )
  t.equal(counters.get('tftp.refused'), 1)
  const node = await bind()
  const heard = listenForFile(node)
  ask(node, 'ipxe.efi')
  await until(() => heard.isComplete())
})

t.test('abandoned transfers end after their timeouts, with ports, timers, and files', async (t) => {
  const nodes = Array.from({ length: 64 }, (_, index) => `198.51.100.${index}`)
  const nodeByAddress = new Map(nodes.map((address) => [address, `ocp45/${address}`]))
  const { bind, counters, clock, sockets, folder } = await serve(t, { nodeByAddress })
  const clients = []
  for (let count = 0; count < 1025; count++) {
    const client = await bind(3000 + (count >> 6), nodes[count & 63])
    clients.push(client)
    // The last one replaces the first; the clients request a timeout of one second, or none.
    ask(client, 'ipxe.efi', count % 2 === 0 ? {} : { timeout: '1' })
  }
  await until(() => counters.refusals()['tftp.never-acknowledged'] === 1)
  await until(() => sockets.open().length === 1 + 1025 + 1024)
  t.equal(clock.pending(), 1024)
  t.equal(
    openFilesBelow(folder).length <= 1,
    true,
    'one descriptor for all transfers of a file, none when it is in memory',
  )
  // A retransmission is read from the disk, which can take longer than a second of this clock.
  await until(() => {
    clock.advance(1000)
    return counters.get('tftp.failed') >= 1024
  })
  t.equal(clock.pending(), 0)
  t.equal(sockets.open().length, 1 + 1025, 'the request port, and the clients’ own')
  await until(() => openFilesBelow(folder).length === 0)
})

t.test('a transfer keeps the plan that it started with', async (t) => {
  const { bind, state, folder, counters } = await serve(t)
  const port = await bind()
  const answers = inbox(port)
  ask(port, 'ipxe.efi', { blksize: '1400' })
  const oack = await answers.next()
  state.plan = { ...state.plan, files: new Map([['ipxe.efi', join(folder, 'root', 'own')]]) }
  const heard = listenForFile(port, { blksize: 1400 })
  port.send(hex('00 04 00 00'), oack.address, oack.port)
  await until(() => counters.get('tftp.finished') === 1)
  t.equal(Buffer.from(heard.received).equals(loader), true)
  const next = await bind(2001)
  const other = listenForFile(next)
  ask(next, 'ipxe.efi')
  await until(() => other.isComplete())
  t.equal(Buffer.from(other.received).toString(), 'own file')
})

t.test('without a port for the transfer the client gets an ERROR', async (t) => {
  const { bind, lines, sockets } = await serve(t)
  const port = await bind()
  const answers = inbox(port)
  sockets.bindUdp = () => Promise.reject(new Error('bind EMFILE'))
  ask(port, 'own')
  t.equal(read((await answers.next()).payload), '\0\x05\0\0the server cannot start a transfer\0')
  t.match(lines, [{ level: 'error', err: { message: 'bind EMFILE' }, msg: 'transfer not started' }])
})

t.test('a transfer whose port is lost fails; the loss of the request port is reported', async (t) => {
  const { bind, lines, sockets, lost } = await serve(t)
  const port = await bind()
  const answers = inbox(port)
  const bound: UdpPort[] = []
  const bindUdp = sockets.bindUdp.bind(sockets)
  sockets.bindUdp = async (options) => {
    const made = await bindUdp(options)
    bound.push(made)
    return made
  }
  ask(port, 'own')
  await answers.next()
  sockets.lose(bound[0]!, new Error('port gone'))
  await until(() => lines.length > 0)
  t.match(lines, [{ level: 'warn', reason: 'port gone', msg: 'file not sent' }])
  t.same(lost, [])
})

t.test('closing lets transfers end within the grace period', async (t) => {
  const { bind, service, clock, sockets, lines } = await serve(t)
  const port = await bind()
  const answers = inbox(port)
  ask(port, 'own')
  const { address, port: from } = await answers.next()
  const closed = service.close(5000)
  await sockets.settled()
  t.equal(sockets.open().includes('192.0.2.2:69'), false, 'no more requests')
  port.send(hex('00 04 00 01'), address, from)
  await closed
  t.match(lines, [{ msg: 'file sent' }])
  t.equal(clock.pending(), 0)
})

t.test('closing before the file is open: no transfer starts', async (t) => {
  const { bind, service, clock, sockets, counters } = await serve(t)
  ask(await bind(), 'own')
  // Promises only: the file system would need a turn of the event loop.
  while (counters.get('tftp.requests') === 0) await Promise.resolve()
  const closed = service.close(0)
  while (clock.pending() === 0) await Promise.resolve()
  clock.advance(0)
  await closed
  t.equal(sockets.flights.length, 1, 'the request')
  t.same(sockets.open(), ['192.0.2.11:2000'])
})

t.test('closing ends longer transfers with an ERROR', async (t) => {
  const { bind, service, clock, sockets } = await serve(t)
  const port = await bind()
  const answers = inbox(port)
  ask(port, 'own')
  await answers.next()
  const closed = service.close(5000)
  await sockets.settled()
  clock.advance(5000)
  await closed
  await sockets.settled()
  t.equal(read(answers.all.at(-1)!.payload), '\0\x05\0\0the server is stopping\0')
  t.same(sockets.open(), ['192.0.2.11:2000'])
})
