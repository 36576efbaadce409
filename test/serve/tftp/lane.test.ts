/** The lane in this thread: its program and its loop, on real sockets. */
import { setImmediate } from 'node:timers/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/host/clock.ts'
import { createEventLoop } from '../../../src/host/lane/event-loop.ts'
import {
  closeDescriptors,
  createEventPorts,
  createOpenDescriptors,
} from '../../../src/host/lane/event-ports.ts'
import { linux } from '../../../src/host/lane/libc.ts'
import { controlIndex, stopMessage } from '../../../src/host/lane/mailbox.ts'
import { createOutbox } from '../../../src/host/lane/outbox.ts'
import type { AppliedMessage } from '../../../src/host/lane/planned.ts'
import { createSending } from '../../../src/host/send-guard.ts'
import type { TftpPlan } from '../../../src/plan/tftp.ts'
import { createTftpProgram, maxUnreadOfTftp } from '../../../src/serve/tftp/lane.ts'
import type { TftpLaneMessage } from '../../../src/serve/tftp/listen.ts'
import { fetchLockstep } from '../../support/tftp-lockstep.ts'
import { until } from '../../support/until.ts'
import { clientOf, laneSocketOf, libcOf } from '../../host/lane/lane-sockets.ts'

const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, at) => (at * 31) ^ (at >> 9)))

async function setUp(t: Test) {
  const libc = await libcOf()
  const socket = await laneSocketOf(t)
  const control = new SharedArrayBuffer(12)
  const numbers = new Int32Array(control)
  const wakeFd = libc.eventfd(0, linux.EFD_NONBLOCK | linux.EFD_CLOEXEC)
  const descriptors = createOpenDescriptors()
  const outbox = createOutbox<TftpLaneMessage | AppliedMessage>(
    false,
    numbers.subarray(controlIndex.unread),
    maxUnreadOfTftp,
  )
  const sending = createSending({ clock: systemClock, counters: outbox.counters, log: outbox.log })
  const recording = { recorder: undefined }
  const ports = createEventPorts({ libc, descriptors, wakeFd, sending, recording })
  const program = createTftpProgram({ sockets: [socket], ports, outbox, clock: systemClock })
  const inbox: unknown[] = []
  const reports: { readonly messages: readonly (TftpLaneMessage | AppliedMessage)[] }[] = []
  const loop = createEventLoop({
    ...{ libc, outbox, recording, clock: systemClock },
    setup: { sockets: [], wakeFd, control, isDebug: false },
    // The client is in this thread.
    ports: { wait: (ms) => ports.wait(Math.min(ms, 2)) },
    nextMessage: () => (inbox.length === 0 ? undefined : { message: inbox.shift() }),
    receive: (message) => program.receive(message),
    send: (report) => void reports.push(report as (typeof reports)[number]),
    isBusy: () => program.isBusy(),
    isOpening: () => program.isOpening(),
    turn: () => setImmediate(),
  })
  const post = (message: unknown) => {
    inbox.push(message)
    libc.write(wakeFd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), 8)
    Atomics.add(numbers, controlIndex.sent, 1)
  }
  const run = async () => {
    while (await loop.round());
  }
  const ended = run()
  t.teardown(async () => {
    post(stopMessage)
    await ended
    closeDescriptors(libc, descriptors)
    libc.close(wakeFd)
  })
  const folder = t.testdir({ 'image.bin': content })
  const plan: TftpPlan = {
    address: '127.0.0.1',
    port: 0,
    transfers: { kind: 'any' },
    files: new Map([['image.bin', join(folder, 'image.bin')]]),
    missing: new Map(),
    root: undefined,
    networks: [],
    mtus: [],
    nodeByAddress: new Map([['127.0.0.1', 'ocp45/m1']]),
  }
  const messages = () => reports.flatMap((report) => report.messages)
  const openPorts = () => ports.open()
  return { socket, port: socket.local.port, plan, post, messages, program, openPorts }
}

t.test('requests wait for the first plan, and get the file', async (t) => {
  const { port, plan, post, messages, program, openPorts } = await setUp(t)
  const early = fetchLockstep(port, '\0\x01image.bin\0octet\0blksize\x001432\0', 1432)
  await setImmediate()
  t.equal(program.isBusy(), false)
  post({ version: 7, plan })
  t.equal((await early).equals(content), true)
  await until(() => messages().length === 2)
  t.match(messages(), [
    { kind: 'applied', version: 7 },
    { kind: 'observed', seen: { node: 'ocp45/m1', by: 'tftp', outcome: 'sent', octets: 300_000 } },
  ])
  await until(() => !program.isBusy())
  t.equal(openPorts(), 1, 'the port of the transfer is closed')
  post({ version: 8, plan: { ...plan, files: new Map() } })
  await until(() => messages().length === 3)
  const client = await clientOf(t)
  client.socket.send('\0\x01image.bin\0octet\0', port, '127.0.0.1')
  t.same([...(await client.next()).subarray(0, 4)], [0, 5, 0, 1])
})

t.test('a lane that closes gives its transfers time to end', async (t) => {
  const { socket, port, plan, post, messages, openPorts, program } = await setUp(t)
  post({ version: 1, plan })
  const client = await clientOf(t)
  client.socket.send('\0\x01image.bin\0octet\0', port, '127.0.0.1')
  t.equal((await client.next()).length, 516)
  t.equal(program.isOpening(), false)
  post({ close: { graceMs: 50 } })
  await until(() => openPorts() === 1)
  await client.send(Buffer.from('\0\x01image.bin\0octet\0'), socket)
  // On a busy machine, the lane sends the first block again.
  let reply = await client.next()
  while (reply[1] === 3) reply = await client.next()
  t.match(Buffer.from(reply).toString(), 'the server is stopping')
  await until(() => messages().some(({ kind }) => kind === 'closed'))
  t.equal(openPorts(), 0)
})

t.test('a file of a node comes from the main thread, which has the installations', async (t) => {
  const { port, plan, post, messages } = await setUp(t)
  post({ version: 1, plan })
  await until(() => messages().length > 0)
  const request = '\0\x01boot/ocp45/m1/boot.grub\0octet\0blksize\x001000\0'
  const sent = fetchLockstep(port, request, 1000)
  const asked = () => messages().filter((message) => message.kind === 'find')
  await until(() => asked().length === 1)
  t.match(asked(), [{ name: 'boot/ocp45/m1/boot.grub', address: '127.0.0.1' }])
  post({ found: { id: asked()[0]!.id, file: { kind: 'text', text: 'exit 1\n' } } })
  t.equal((await sent).toString(), 'exit 1\n')

  const client = await clientOf(t)
  client.socket.send('\0\x01boot/ocp45/m1/menu.grub\0octet\0', port, '127.0.0.1')
  await until(() => asked().length === 2)
  post({ found: { id: asked()[1]!.id, problem: 'the store is closed' } })
  t.match(Buffer.from(await client.next()).toString(), 'the server cannot start a transfer')
  post({ found: { id: 99 } })
})
