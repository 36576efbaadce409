import t from 'tap'
import { isCaptureMessage, type CaptureMessage, type LaneTap } from '../../../src/host/capture/recording.ts'
import type { CapturedFrame } from '../../../src/host/capture/recorder.ts'
import { createCapture } from '../../../src/host/capture/tap.ts'
import type { Libc } from '../../../src/host/lane/libc.ts'
import type { LaneSocket, ReceiveHere } from '../../../src/host/lane/socket.ts'
import type { LaneSockets } from '../../../src/host/udp.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memorySockets } from '../../support/memory-sockets.ts'

const filter = {
  macs: ['00:50:56:96:7a:21' as Mac],
  addresses: ['172.16.0.61'],
  server: { address: '172.16.0.101' },
}

const payloads = (frames: readonly CapturedFrame[]) =>
  frames.map(({ frame }) => Buffer.from(frame.subarray(42)).toString())

t.test('datagrams of the main thread are captured while a capture runs', async (t) => {
  const network = memorySockets()
  const capture = createCapture(fakeClock())
  const sockets = capture.tap(network)
  t.notOk('lane' in sockets, 'a network without lanes still has none')
  const [server] = await sockets.udp('dns', { address: '172.16.0.101', port: 53 })
  const transfer = await sockets.bindUdp({ address: '172.16.0.101', port: 4001 })
  const [log] = await sockets.udp('syslog', { address: '172.16.0.101', port: 514 })
  const node = await network.bindUdp({ address: '172.16.0.61', port: 4000 })
  const heard: string[] = []
  for (const port of [server!, transfer, log!]) {
    port.receive((batch) => {
      for (const { payload, address, port: from } of batch) {
        heard.push(Buffer.from(payload).toString())
        port.send(Buffer.from('answer'), address, from)
      }
    })
  }
  const ask = async (text: string) => {
    for (const port of [53, 4001, 514]) node.send(Buffer.from(`${text} ${port}`), '172.16.0.101', port)
    await network.settled()
  }
  await ask('before')
  const frames: CapturedFrame[] = []
  const end = capture.start(filter, (captured) => frames.push(captured))
  t.equal(
    capture.start(filter, () => undefined),
    undefined,
    'one at a time',
  )
  await ask('during')
  end?.()
  end?.()
  await ask('after')
  t.same(payloads(frames).sort(), ['answer', 'answer', 'during 4001', 'during 53'], 'no messages of syslog')
  t.equal(heard.length, 9)
  t.type(
    capture.start(filter, () => undefined),
    'function',
    'then the next one',
  )
})

t.test('sockets of a lane are captured in this thread, and the lane is informed', async (t) => {
  const capture = createCapture(fakeClock())
  let receive: ReceiveHere | undefined
  const sent: string[] = []
  const socket: LaneSocket = {
    fd: 3,
    local: { address: '172.16.0.101', port: 53 },
    sendBufferOctets: 1,
    send: (payload) => void sent.push(Buffer.from(payload).toString()),
    receive: (handler) => void (receive = handler),
    close: () => undefined,
  }
  const network = { ...memorySockets(), lane: () => Promise.resolve({ libc: {} as Libc, sockets: [socket] }) }
  const opened = (await capture.tap(network).lane?.('dns', { address: '', port: 0 })) as LaneSockets
  const tapped = opened.sockets[0] as LaneSocket
  const messages: CaptureMessage[] = []
  const tap = tapped.tap as LaneTap
  const unwatch = tap.watch((message) => messages.push(message))
  tapped.receive((payload, address, port) => tapped.send(payload, address, port))
  const frames: CapturedFrame[] = []
  receive?.(Buffer.from('before'), '172.16.0.61', 4000)
  const end = capture.start(filter, (captured) => frames.push(captured))
  receive?.(Buffer.from('during'), '172.16.0.61', 4000)
  t.same(payloads(frames), ['during', 'during'])
  tap.receive([{ at: 0, frame: new Uint8Array(43).fill(65), octets: 43 }])
  t.equal(payloads(frames).at(-1), 'A', 'what the lane recorded')
  const late: CaptureMessage[] = []
  tap.watch((message) => late.push(message))()
  t.same(late, [{ capture: filter }], 'a lane that starts later')
  unwatch()
  end?.()
  tap.receive([{ at: 0, frame: new Uint8Array(43), octets: 43 }])
  t.equal(frames.length, 3, 'late reports are ignored')
  t.same(messages, [{ capture: filter }])
  tapped.receive(undefined)
  t.equal(receive, undefined)
  t.same(sent, ['before', 'during'])
  t.ok(isCaptureMessage(messages[0]))
  t.notOk([null, 'stop', { plan: 1 }].some(isCaptureMessage))
})

t.test('a network whose lanes are not available says so', async (t) => {
  const network = { ...memorySockets(), lane: () => Promise.resolve({ reason: 'no koffi' }) }
  const tapped = createCapture(fakeClock()).tap(network)
  t.same(await tapped.lane?.('dns', { address: '', port: 0 }), { reason: 'no koffi' })
})
