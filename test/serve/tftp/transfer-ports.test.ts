/** The service with a fixed range of ports, and with the request port only. */
import t, { type Test } from 'tap'
import type { Sockets } from '../../../src/host/udp.ts'
import type { TransferPorts } from '../../../src/plan/tftp.ts'
import { createTransferPorts } from '../../../src/serve/tftp/transfer-ports.ts'
import { hex, hexFixture } from '../../support/hex.ts'
import { inbox } from '../../support/memory-sockets.ts'
import { listenForFile, type TestClient } from '../../support/tftp-client.ts'
import { ask, loader, read, serve } from '../../support/tftp-service.ts'
import { until } from '../../support/until.ts'

const range: Extract<TransferPorts, { kind: 'range' }> = { kind: 'range', from: 30_000, to: 30_015 }
const serveRange = (t: Test) => serve(t, { transfers: range })
const serveSingle = (t: Test) => serve(t, { transfers: { kind: 'single' } })

t.test('every transfer uses a port of the range, and frees it', async (t) => {
  const { bind, counters, sockets } = await serveRange(t)
  const slow = await bind()
  ask(slow, 'own')
  const taken = (await inbox(slow).next()).port
  const used: number[] = []
  for (let count = 0; count < 40; count++) {
    const port = await bind(3000 + count, `198.51.100.${count}`)
    const answers = inbox(port)
    ask(port, 'own')
    const { address, port: from } = await answers.next()
    used.push(from)
    port.send(hex('00 04 00 01'), address, from)
    await until(() => counters.get('tftp.finished') === count + 1)
    await port.close()
  }
  const others = Array.from({ length: 16 }, (_, index) => 30_000 + index).filter((port) => port !== taken)
  t.same(used.slice(0, 15).sort(), others, 'a port that was freed just now comes last')
  t.notOk(used.includes(taken), 'a port in use is not used again')
  t.not(used.slice(0, 15).join(), others.join(), 'in an order that a forger cannot predict')
  t.same(sockets.open(), ['192.0.2.2:69', '192.0.2.11:2000', `192.0.2.2:${taken}`])
})

t.test('a port that another program uses is skipped', async (t) => {
  const { bind, sockets } = await serveRange(t)
  for (let taken = 30_000; taken < 30_015; taken++) {
    if (taken !== 30_002) await sockets.bindUdp({ address: '0.0.0.0', port: taken })
  }
  await sockets.bindUdp({ address: '0.0.0.0', port: 30_015 })
  const port = await bind()
  const answers = inbox(port)
  ask(port, 'own')
  t.equal((await answers.next()).port, 30_002)
})

t.test(
  'all ports of the range are in use: the client gets an ERROR, the log warns, and the next transfer gets a free port',
  async (t) => {
    const { bind, sockets, lines, counters } = await serveRange(t)
    const others = []
    for (let port = range.from; port <= range.to; port++) {
      others.push(await sockets.bindUdp({ address: '0.0.0.0', port }))
    }
    const port = await bind()
    const answers = inbox(port)
    ask(port, 'own')
    const { payload, port: from } = await answers.next()
    t.equal(read(payload), '\0\x05\0\0all ports from 30000 to 30015 are in use, try again later\0')
    t.equal(from, 69)
    t.match(lines, [
      {
        level: 'warn',
        node: 'ocp45/m1',
        reason: 'all ports from 30000 to 30015 are in use, try again later',
        msg: 'transfer not started',
      },
    ])
    t.equal(counters.get('tftp.portsExhausted'), 1)
    await others[7]?.close()
    ask(port, 'own')
    t.equal((await answers.next()).port, 30_007)
  },
)

t.test('a port that cannot be opened for another reason is an error', async (t) => {
  const { bind, lines, sockets } = await serveRange(t)
  const port = await bind()
  sockets.bindUdp = () => Promise.reject(new Error('bind EMFILE'))
  ask(port, 'own')
  await until(() => lines.length > 0)
  t.match(lines, [{ level: 'error', err: { message: 'bind EMFILE' }, msg: 'transfer not started' }])
})

t.test('many nodes boot while one machine floods (a range of sixteen ports)', async (t) => {
  const { bind, counters } = await serveRange(t)
  for (let count = 0; count < 50; count++) ask(await bind(5000 + count, '192.0.2.66'), 'own')
  await until(() => counters.refusals()['tftp.never-acknowledged'] === 46)
  const rack: TestClient[] = []
  for (let count = 0; count < 4; count++) {
    const port = await bind(2000, `198.51.100.${count}`)
    rack.push(listenForFile(port))
    ask(port, 'ipxe.efi')
  }
  await until(() => rack.every((each) => each.isComplete()))
  t.same(
    rack.map(({ errors }) => errors),
    [[], [], [], []],
  )
})

t.test("one port: OVMF's probe and its read are answered from the request port", async (t) => {
  const { bind, counters, sockets, clock } = await serveSingle(t)
  const first = await bind(1290)
  const answers = inbox(first)
  first.send(hexFixture('tftp/ovmf-size'), '192.0.2.2', 69)
  t.equal((await answers.next()).port, 69)
  first.send(hexFixture('tftp/ovmf-probe'), '192.0.2.2', 69)
  await until(() => counters.get('tftp.probes') === 1)
  const second = await bind(1291)
  const heard = listenForFile(second, { blksize: 1024, windowsize: 1 })
  second.send(hexFixture('tftp/ovmf-read'), '192.0.2.2', 69)
  await until(() => counters.get('tftp.finished') === 1)
  t.equal(Buffer.from(heard.received).equals(loader), true)
  t.same(sockets.open(), ['192.0.2.2:69', '192.0.2.11:1290', '192.0.2.11:1291'])
  t.equal(clock.pending(), 0)
})

t.test('one port: the client port distinguishes machines behind one address', async (t) => {
  const { bind, counters, sockets } = await serveSingle(t)
  const clients: TestClient[] = []
  for (let count = 0; count < 100; count++) {
    const port = await bind(10_000 + count, '198.51.100.1')
    clients.push(listenForFile(port, { blksize: 64, windowsize: 1 }))
    ask(port, 'ipxe.efi', { blksize: '64', windowsize: '8' })
  }
  await until(() => clients.every((each) => each.isComplete()))
  t.equal(
    clients.every(({ received }) => Buffer.from(received).equals(loader)),
    true,
  )
  await until(() => counters.get('tftp.finished') === 100)
  t.equal(sockets.open().filter((socket) => socket.startsWith('192.0.2.2:')).length, 1)
})

t.test(
  'one port: a client without a transfer gets ERROR 5, and an ERROR gets no answer (RFC 1350 §4)',
  async (t) => {
    const { bind, counters, sockets } = await serveSingle(t)
    const port = await bind()
    const answers = inbox(port)
    for (const octets of ['00 04 00 01', '00 03 00 01 41', '00 06', '00 05 00 00 00']) {
      port.send(hex(octets), '192.0.2.2', 69)
    }
    port.send(hex('00'), '192.0.2.2', 69)
    await sockets.settled()
    t.same(
      answers.all.map(({ payload }) => read(payload)),
      Array.from({ length: 3 }, () => '\0\x05\0\x05unknown transfer identifier\0'),
    )
    t.same(counters.snapshot(), {
      'tftp.malformed': 1,
      'tftp.unexpected': 1,
      'tftp.unknownTransferIds': 3,
    })
  },
)

t.test('one port: a repeated last ACK is recognized for a while', async (t) => {
  const { bind, counters, sockets, clock } = await serveSingle(t)
  const port = await bind()
  const answers = inbox(port)
  ask(port, 'own')
  await answers.next()
  port.send(hex('00 04 00 01'), '192.0.2.2', 69)
  await until(() => counters.get('tftp.finished') === 1)
  clock.advance(4999)
  port.send(hex('00 04 00 01'), '192.0.2.2', 69)
  await sockets.settled()
  t.equal(answers.all.length, 1)
  clock.advance(1)
  port.send(hex('00 04 00 01'), '192.0.2.2', 69)
  t.equal(read((await answers.next()).payload), '\0\x05\0\x05unknown transfer identifier\0')
})

t.test('one port: only the last 512 transfers are remembered', async (t) => {
  const { state, sockets, clock } = await serveSingle(t)
  const transferPorts = createTransferPorts(sockets, clock)
  const requestPort = await sockets.bindUdp({ address: '192.0.2.2', port: 6969 })
  const clientOf = (index: number) => ({ address: '203.0.113.1', port: 10_000 + index })
  for (let index = 0; index < 513; index++) {
    const ends = { requestPort, client: clientOf(index), onLost: () => undefined }
    const port = await transferPorts.open(state.plan, ends)
    port.receive(() => undefined)
    await port.close()
  }
  const outcomeOf = (index: number) =>
    transferPorts.deliver({ payload: hex('00 04 00 01'), ...clientOf(index) })
  t.same([0, 1, 512].map(outcomeOf), ['unknown', 'late', 'late'])
})

t.test('one port: a client that starts again from its port gets the new file', async (t) => {
  const { bind, counters, lines } = await serveSingle(t)
  const port = await bind()
  const answers = inbox(port)
  ask(port, 'ipxe.efi')
  await answers.next()
  ask(port, 'own')
  t.equal(read((await answers.next()).payload), '\0\x03\0\x01own file')
  port.send(hex('00 04 00 01'), '192.0.2.2', 69)
  await until(() => counters.get('tftp.finished') === 1)
  t.match(lines, [
    { file: 'ipxe.efi', reason: 'the client sent a new request' },
    { file: 'own', msg: 'file sent' },
  ])
})

t.test('one port: each of several sockets from systemd answers its own requests', async (t) => {
  const { bind, counters, sockets, service } = await serve(
    t,
    { transfers: { kind: 'single' } },
    (machine): Sockets => ({
      ...machine,
      udp: async () => [
        await machine.bindUdp({ address: '192.0.2.2', port: 69 }),
        await machine.bindUdp({ address: '198.51.100.2', port: 69 }),
      ],
    }),
  )
  t.same(service.listening, ['udp 192.0.2.2:69', 'udp 198.51.100.2:69'])
  const here = await bind()
  const there = await bind(2000, '198.51.100.11')
  const heardHere = listenForFile(here)
  const heardThere = listenForFile(there)
  ask(here, 'ipxe.efi')
  ask(there, 'ipxe.efi', {}, 'rrq', '198.51.100.2')
  await until(() => counters.get('tftp.finished') === 2)
  t.equal(Buffer.from(heardHere.received).equals(loader), true)
  t.equal(Buffer.from(heardThere.received).equals(loader), true)
  const senders = sockets.flights.filter(({ to }) => to.port === 2000)
  t.equal(
    senders.every(({ from, to }) => (from.address === '192.0.2.2') === (to.address === '192.0.2.11')),
    true,
  )
})

t.test('one port: it stays open until its transfers have ended, and starts no new ones', async (t) => {
  const { bind, service, sockets, counters, clock } = await serveSingle(t)
  const port = await bind()
  const answers = inbox(port)
  ask(port, 'own')
  await answers.next()
  const closed = service.close(5000)
  const late = await bind(2001)
  const lateAnswers = inbox(late)
  ask(late, 'own')
  await sockets.settled()
  t.equal(lateAnswers.all.length, 0, 'it queries again, and finds the next process')
  port.send(hex('00 04 00 01'), '192.0.2.2', 69)
  await closed
  t.equal(counters.get('tftp.finished'), 1)
  t.same(sockets.open(), ['192.0.2.11:2000', '192.0.2.11:2001'])
  t.equal(clock.pending(), 0)
})

t.test('a reload changes the port of new transfers and does not affect active ones', async (t) => {
  const { bind, state, counters } = await serveSingle(t)
  const port = await bind()
  const answers = inbox(port)
  ask(port, 'own')
  t.equal((await answers.next()).port, 69)
  state.plan = { ...state.plan, transfers: range }
  const other = await bind(2001)
  const otherAnswers = inbox(other)
  ask(other, 'own')
  const { port: from } = await otherAnswers.next()
  t.ok(from >= range.from && from <= range.to)
  port.send(hex('00 04 00 01'), '192.0.2.2', 69)
  other.send(hex('00 04 00 01'), '192.0.2.2', from)
  await until(() => counters.get('tftp.finished') === 2)
})
