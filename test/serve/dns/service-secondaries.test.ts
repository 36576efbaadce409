/** The service and its secondaries. */
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import { silentLog } from '../../support/silent-log.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import { createFrameReader, frame } from '../../../src/proto/dns/message.ts'
import { startDns } from '../../../src/serve/dns/service.ts'
import { guideModel } from '../../plan/dns/guide.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { inbox, memorySockets } from '../../support/memory-sockets.ts'
import { encode, planOf } from './ask.ts'

t.test('secondaries are notified of the first plan and of later changes', async (t) => {
  const planned = (serial: number) =>
    planOf({ ...guideModel((site) => (site.dns['secondaries'] = ['192.0.2.53'])), serial })
  const sockets = { ...memorySockets(), tcp: () => Promise.resolve() }
  let plan = planned(5)
  const service = await startDns({
    plan: () => plan,
    sockets,
    log: silentLog(),
    counters: new Counters(),
    clock: fakeClock(),
    onLost: () => undefined,
  })
  const box = inbox(await sockets.bindUdp({ address: '192.0.2.53', port: 53 }))
  void service.apply()
  void service.apply()
  await sockets.settled()
  t.equal(box.all.length, 2, 'each zone once')
  plan = planned(6)
  void service.apply()
  await sockets.settled()
  t.equal(box.all.length, 4)
  await service.close(0)
  t.same(sockets.open(), ['192.0.2.53:53'])
})

t.test('a secondary transfers a zone over TCP, and the log has it', async (t) => {
  const plan = planOf(guideModel((site) => (site.dns['secondaries'] = ['127.0.0.1'])))
  const counters = new Counters()
  const lines: Record<string, unknown>[] = []
  const log = createLog('info', {
    write: (text) => void lines.push(JSON.parse(text) as Record<string, unknown>),
  })
  const service = await startDns({
    plan: () => ({ ...plan, listen: { address: '127.0.0.1', port: 0 } }),
    sockets: createSockets({}),
    log,
    counters,
    clock: fakeClock(),
    onLost: () => undefined,
  })
  const [, tcp = ''] = service.listening
  const socket = connect(Number(tcp.split(':')[1]), '127.0.0.1')
  socket.write(frame(encode({ name: 'example.localdomain', type: 'AXFR' })))
  const frames = createFrameReader()
  const records: string[] = []
  while (records.filter((type) => type === 'SOA').length < 2) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    for (const message of frames.push(chunk)) {
      records.push(...dnsPacket.decode(message).answers.map(({ type }) => type))
    }
  }
  socket.destroy()
  const count = plan.zones[0]?.records.length
  t.equal(records.length, (count ?? 0) + 1)
  t.match(lines, [{ msg: 'zone transferred', zone: 'example.localdomain', records: count }])
  t.match(counters.snapshot(), { 'dns.transfers': 1 })
  await service.close(0)
})
