/** The receiver on sockets of loopback. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type AddressInfo, createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/host/clock.ts'
import { Counters } from '../../../src/host/counters.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import type { SyslogPlan } from '../../../src/plan/syslog.ts'
import { startSyslog } from '../../../src/serve/syslog/service.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'

const nodes: SyslogPlan = { address: '127.0.0.1', port: 0, senders: new Map([['127.0.0.1', 'ocp45/w1']]) }

async function setUp(t: Test, first: SyslogPlan = nodes) {
  const counters = new Counters()
  let plan = first
  const service = await startSyslog({
    plan: () => plan,
    sockets: createSockets({}),
    clock: systemClock,
    counters,
    log: silentLog(),
    onLost(error) {
      throw error
    },
  })
  t.teardown(() => service.close(0))
  const ports = (transport: string) =>
    service.listening
      .filter((text) => text.startsWith(transport))
      .map((text) => Number(/:(\d+)$/.exec(text)?.[1]))
  const texts = (node = 'ocp45/w1') => service.nodeLogs.read(node).lines.map(({ text }) => text)
  const open = async (port = ports('tcp')[0] ?? 0, host = '127.0.0.1') => {
    const socket = connect(port, host)
    t.teardown(() => socket.destroy())
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }
  const setPlan = (next: SyslogPlan): void => {
    plan = next
    service.apply()
  }
  return { service, counters, ports, texts, open, setPlan }
}

async function sendDatagram(port: number, text: string, host = '127.0.0.1'): Promise<void> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.send(text, port, host, () => socket.close())
  await once(socket, 'close')
}

t.test('messages arrive over UDP and over TCP, in both framings', async (t) => {
  const { counters, ports, texts, open } = await setUp(t)
  await sendDatagram(ports('udp')[0] ?? 0, '<14>datagram')
  await until(() => texts().length === 1)
  const socket = await open()
  socket.write('<14>li')
  socket.write('ne\n12 <14>counted!')
  await until(() => texts().length === 3)
  socket.end('<14>last')
  await until(() => texts().length === 4)
  t.same(texts(), ['datagram', 'line', 'counted!', 'last'])
  t.equal(counters.get('syslog.messages'), 4)
})

t.test('only declared nodes are heard, and nothing is kept of others', async (t) => {
  const { service, counters, ports, texts, open, setPlan } = await setUp(t)
  const socket = await open()
  socket.write('<14>one\n')
  await until(() => texts().length === 1)
  setPlan({ ...nodes, senders: new Map([['127.0.0.9', 'ocp45/w9']]) })
  await once(socket, 'close')
  t.same(texts(), [], 'the log of the node is deleted with its connections')
  await sendDatagram(ports('udp')[0] ?? 0, '<14>two')
  await once(await open(), 'close')
  await until(() => counters.get('syslog.dropped') === 2)
  t.same(counters.refusals(), { 'syslog.undeclared-sender': 2 })
  t.same(service.nodeLogs.read('ocp45/w9'), { lines: [], dropped: 0 })
})

t.test('a node has a maximum number of connections, and a rate', async (t) => {
  const { counters, texts, open } = await setUp(t)
  const sockets = await Promise.all([open(), open(), open(), open()])
  await once(await open(), 'close')
  t.same(counters.refusals(), { 'syslog.connection-limit': 1 })
  sockets[0].resetAndDestroy()
  await until(() => counters.get('syslog.tcpErrors') === 1)
  await open()
  sockets[1].write('<14>x\n'.repeat(9000))
  await until(() => counters.get('syslog.messages') === 9000)
  t.equal(texts().length, 4000)
  t.ok((counters.refusals()['syslog.rate-limit'] ?? 0) > 500)
})

t.test('a connection that sends too fast is read again after a second', async (t) => {
  const { counters, open } = await setUp(t)
  const socket = await open()
  const lines = 400_000
  socket.write('<14>x\n'.repeat(lines))
  await until(() => (counters.refusals()['syslog.rate-limit'] ?? 0) > 0)
  await setTimeout(250)
  const first = counters.get('syslog.messages')
  t.ok(first < lines / 4, `${first} messages took time from the other services`)
  await until(() => counters.get('syslog.messages') > first)
})

t.test('listens on the IPv6 address of the server too', async (t) => {
  const senders = new Map([['::1', 'ocp45/w1']])
  const { service, ports, texts, open } = await setUp(t, { ...nodes, address6: '::1', senders })
  t.equal(service.listening.length, 4)
  await sendDatagram(ports('udp')[1] ?? 0, '<14>datagram', '::1')
  await until(() => texts().length === 1)
  const socket = await open(ports('tcp')[1], '::1')
  socket.end('<14>stream\n')
  await until(() => texts().length === 2)
})

t.test('a taken port closes the sockets that were opened before', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  await t.rejects(setUp(t, { ...nodes, port }), { name: 'CannotListen' })
  const socket = createSocket('udp4').bind(port, '127.0.0.1')
  await once(socket, 'listening')
  socket.close()
})
