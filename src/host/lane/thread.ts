/** The thread of a lane: connects its loop to the main thread and runs until the message to stop. */
import { receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads'
import type { Recording } from '../capture/recording.ts'
import { systemClock } from '../clock.ts'
import { createSending } from '../send-guard.ts'
import { createEventLoop } from './event-loop.ts'
import { createEventPorts, type EventPorts, type OpenDescriptors } from './event-ports.ts'
import { loadLibc } from './libc.ts'
import { createLaneLoop, type LaneProgram } from './loop.ts'
import { controlIndex, type LaneSetup } from './mailbox.ts'
import { createOutbox, type Outbox } from './outbox.ts'

/**
 * @param createProgram gets the data that the main thread gave to the lane
 * @param maxUnread see {@link createOutbox}
 */
export async function runLane<Message>(
  createProgram: (data: unknown, outbox: Outbox<Message>) => LaneProgram,
  maxUnread: number,
): Promise<void> {
  const { program: data, port, ...shared } = await connect<Message>(maxUnread)
  const loop = createLaneLoop({ ...shared, program: createProgram(data, shared.outbox) })
  while (loop.round());
  port.close()
}

/** A program that opens ports itself. */
export type EventLaneProgram = {
  /** Handles a message of the main thread. */
  receive(message: unknown): void
  /** Whether timers can expire soon. */
  isBusy(): boolean
  /** Whether files are being opened. */
  isOpening(): boolean
}

/** @param createProgram its data has `descriptors`, which the main thread closes after the end of the thread */
export async function runEventLane<Message>(
  createProgram: (
    data: unknown,
    outbox: Outbox<Message>,
    ports: EventPorts,
    setup: LaneSetup,
  ) => EventLaneProgram,
  maxUnread: number,
): Promise<void> {
  const { program: data, port, ...shared } = await connect<Message>(maxUnread)
  const { descriptors } = data as { readonly descriptors: OpenDescriptors }
  const ports = createEventPorts({ ...shared, descriptors, wakeFd: shared.setup.wakeFd })
  const program = createProgram(data, shared.outbox, ports, shared.setup)
  const loop = createEventLoop({
    ...{ ...shared, ports },
    send: shared.report,
    receive: (message) => program.receive(message),
    isBusy: () => program.isBusy(),
    isOpening: () => program.isOpening(),
    turn: () => new Promise((resolve) => void setImmediate(resolve)),
  })
  while (await loop.round());
  port.close()
}

/** Returns what all lanes use, and what the main thread gave to the program. */
export async function connect<Message>(maxUnread: number) {
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
  const recording: Recording = { recorder: undefined }
  return {
    ...{ libc, setup, outbox, port, recording, program: data },
    sending: createSending({ clock: systemClock, counters, log }),
    clock: systemClock,
    nextMessage: () => receiveMessageOnPort(port),
    report: (report: unknown) => port.postMessage(report),
  }
}
