/** The thread of a lane: connects its loop to the main thread and runs until the message to stop. */
import { receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads'
import { systemClock } from '../clock.ts'
import { createSending } from '../send-guard.ts'
import { loadLibc } from './libc.ts'
import { controlIndex, createLaneLoop, type LaneProgram, type LaneSetup } from './loop.ts'
import { createOutbox, type Outbox } from './outbox.ts'

/**
 * @param createProgram gets the data that the main thread gave to the lane
 * @param maxUnread see {@link createOutbox}
 */
export async function runLane<Message>(
  createProgram: (data: unknown, outbox: Outbox<Message>) => LaneProgram,
  maxUnread: number,
): Promise<void> {
  const { setup, data, port } = workerData as {
    readonly setup: LaneSetup
    readonly data: unknown
    readonly port: MessagePort
  }
  const libc = await loadLibc()
  if ('reason' in libc) throw new Error(libc.reason)
  const unread = new Int32Array(setup.control, controlIndex.unread * Int32Array.BYTES_PER_ELEMENT)
  const outbox = createOutbox<Message>(setup.isDebug, unread, maxUnread)
  const { counters, log } = outbox
  const loop = createLaneLoop({
    libc,
    setup,
    outbox,
    program: createProgram(data, outbox),
    sending: createSending({ clock: systemClock, counters, log }),
    clock: systemClock,
    nextMessage: () => receiveMessageOnPort(port),
    report: (report) => port.postMessage(report),
  })
  while (loop.round());
  port.close()
}
