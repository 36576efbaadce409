/**
 * The loop of a lane: receives datagrams, answers them, and sends the answers, all in one thread and without waiting for
 * anything but datagrams. Messages of the main thread are read between two batches.
 */
import type { Recorder } from '../capture/recorder.ts'
import type { Recording } from '../capture/recording.ts'
import type { Clock } from '../clock.ts'
import type { SendGuard, Sending } from '../send-guard.ts'
import { familyOf } from './address-family.ts'
import { createBatch, slots, type Destination } from './batch.ts'
import { linux, systemError, type Libc } from './libc.ts'
import { createMailbox, idleMs, reportMs, type LaneSetup } from './mailbox.ts'
import type { Outbox } from './outbox.ts'

/** The sender of a datagram. */
export type Peer = {
  readonly address: string
  readonly port: number
  /** Index of the socket that received it. */
  readonly socket: number
  /** Identifies the answer until the end of the round. */
  readonly slot: number
  /** Where to send the answer instead of to the sender. */
  to: Destination | undefined
}

/** The protocol of a lane. */
export type LaneProgram = {
  /**
   * Answers a datagram.
   *
   * @param query valid until it returns
   * @param reply memory for the answer
   * @param peer valid until it returns
   * @returns the number of octets of the answer; 0 for none
   */
  answer(query: Uint8Array, reply: Uint8Array, peer: Peer): number
  /** Called for an answer that the system cannot send. */
  unsent?(slot: number, error: Error): void
  /** Called for a datagram that is longer than any datagram of this protocol. */
  tooLong(): void
  /** Whether it can answer; until then, datagrams wait in the sockets. */
  isReady(): boolean
  /** Handles a message of the main thread. */
  receive(message: unknown): void
  /** Does a part of other work; returns whether there is more. */
  step(): boolean
  /**
   * Adds the messages that it has gathered and that are due; all of them at the end of the lane.
   *
   * @returns whether others wait
   */
  reportDue?(isEnd: boolean): boolean
}

export type LaneLoop = {
  /**
   * Runs one round, and waits at its end if there was nothing to do.
   *
   * @returns false after the message {@link stopMessage}
   * @throws {Error} when a socket has failed
   */
  round(): boolean
}

/** How long a round waits at most while the program is not ready, for example because the main thread is behind. */
const notReadyMs = 1

/**
 * While many datagrams arrive, a round with messages is followed by the next one only after this time: each message wakes
 * the main thread, which costs more than the answer.
 */
const gatherMs = 1
/** More than this many datagrams for each millisecond, or so many more at once, are many. One client sends a few. */
const fewPerMs = 1
const fewAtOnce = 16
/** The memory of a flood ends within this many milliseconds. */
const maxExcess = slots
/** A round with so many datagrams is followed by the next one at once. */
const maxGathered = slots / 2

/** An answer waits at most this long for the others of its batch. */
const maxHoldMs = 2
/** The clock is read once for so many answers. */
const answersPerClock = 8

export function createLaneLoop<Message>(options: {
  readonly libc: Libc
  readonly setup: LaneSetup
  readonly program: LaneProgram
  readonly outbox: Outbox<Message>
  readonly sending: Sending
  readonly clock: Pick<Clock, 'monotonic' | 'now'>
  readonly recording: Recording
  /** Returns the next message of the main thread. */
  readonly nextMessage: () => { readonly message: unknown } | undefined
  readonly report: (report: unknown) => void
}): LaneLoop {
  const { libc, setup, program, outbox, sending, clock, recording } = options
  // All sockets of a lane have one family.
  const batch = createBatch(libc, familyOf(setup.sockets[0]?.local.address ?? ''))
  const mailbox = createMailbox({
    ...options,
    send: options.report,
    receive: (message) => program.receive(message),
  })
  const guards = setup.sockets.map(({ sendBufferOctets }) => sending.guard(sendBufferOctets))
  const sockets = setup.sockets.map(({ fd, local, replies }) => ({
    fd,
    local,
    replyLocal: setup.sockets[replies]?.local ?? local,
    replyFd: setup.sockets[replies]?.fd ?? fd,
    guard: guards[replies] as SendGuard,
  }))
  const waiting = createWait(libc, setup.wakeFd, setup.sockets)
  let lastAdmitted = ''
  /** How many more datagrams arrived lately than {@link fewPerMs}. */
  let excess = 0
  let arrivedAt = clock.monotonic()
  let isGathering = false
  /** Whether the program has gathered messages that are not due. */
  let isWaiting = false
  /** One object for all datagrams: they are answered one after the other. */
  const peer = { address: '', port: 0, socket: 0, slot: 0, to: undefined as Destination | undefined }

  function peerOf(slot: number, address: string, socket: number): Peer {
    peer.address = address
    peer.port = batch.port(slot)
    peer.socket = socket
    peer.slot = slot
    peer.to = undefined
    return peer
  }

  /** @returns the number of octets that are sent */
  function answer(slot: number, guard: SendGuard, socket: number): number {
    const query = batch.payload(slot)
    if (query === undefined) {
      program.tooLong()
      return 0
    }
    const address = batch.address(slot)
    const octets = program.answer(query, batch.reply(slot), peerOf(slot, address, socket))
    if (octets === 0) return 0
    const to = peer.to?.address ?? address
    // Consecutive replies to one destination need one check: the replies of a batch are sent together.
    const refusal = to === lastAdmitted ? undefined : guard.refusal(to, octets, 0)
    if (refusal !== undefined) {
      sending.dropped(refusal, to)
      return 0
    }
    lastAdmitted = to
    batch.queue(slot, octets, peer.to)
    return octets
  }

  /** Answers a datagram while a packet capture runs. */
  function answerRecorded(recorder: Recorder, slot: number, index: number): void {
    const { guard, local, replyLocal } = sockets[index] as (typeof sockets)[number]
    const from = { address: batch.address(slot), port: batch.port(slot) }
    const query = batch.payload(slot)
    if (query !== undefined) recorder.received(query, from, local)
    const octets = answer(slot, guard, index)
    if (octets > 0) recorder.sent(batch.reply(slot).subarray(0, octets), peer.to ?? from, replyLocal)
  }

  const failed =
    program.unsent &&
    ((slot: number, errno: number) => program.unsent?.(slot, systemError('sendmmsg', errno)))

  /** @returns whether there were messages for the main thread */
  function sendAnswers(replyFd: number): boolean {
    const hasMessages = outbox.hasMessages()
    // A client that gets an answer finds the main thread informed about it.
    if (hasMessages) mailbox.report()
    const dropped = batch.send(replyFd, failed)
    for (let index = 0; index < dropped; index++) sending.dropped('server.send-queue-full', '')
    lastAdmitted = ''
    return hasMessages
  }

  /** Counts datagrams. @returns whether many arrive */
  function areMany(count: number, now: number): boolean {
    excess = Math.min(Math.max(0, excess - fewPerMs * (now - arrivedAt)) + count, maxExcess)
    arrivedAt = now
    return excess > fewAtOnce
  }

  function serve({ fd, replyFd, guard }: (typeof sockets)[number], socket: number): number {
    const count = batch.receive(fd)
    if (count === 0) return 0
    const { recorder } = recording
    let heldSince = clock.monotonic()
    const isFlood = areMany(count, heldSince)
    let hasMessages = isWaiting
    for (let slot = 0; slot < count; slot++) {
      if (recorder === undefined) answer(slot, guard, socket)
      else answerRecorded(recorder, slot, socket)
      if (slot % answersPerClock !== answersPerClock - 1) continue
      const now = clock.monotonic()
      if (now - heldSince < maxHoldMs) continue
      if (sendAnswers(replyFd)) hasMessages = true
      heldSince = now
    }
    if (sendAnswers(replyFd)) hasMessages = true
    if (hasMessages && isFlood && count < maxGathered) isGathering = true
    return count
  }

  return {
    round() {
      if (isGathering) waiting.untilMessage(gatherMs)
      isGathering = false
      mailbox.begin()
      let count = 0
      for (const [index, socket] of sockets.entries()) if (program.isReady()) count += serve(socket, index)
      const hasWork = program.step()
      isWaiting = program.reportDue?.(mailbox.isStopped()) === true
      const isPending = mailbox.report() || isWaiting
      if (mailbox.isStopped()) return false
      if (count > 0 || hasWork) return true
      if (program.isReady()) waiting.untilInput(isPending ? reportMs : idleMs)
      else waiting.untilMessage(notReadyMs)
      return true
    },
  }
}

/** Waits with poll(2): for input of the sockets or a message, or only for a message. */
function createWait(libc: Libc, wakeFd: number, sockets: readonly { readonly fd: number }[]) {
  const fds = [wakeFd, ...sockets.map(({ fd }) => fd)]
  // The functions hold the memory: koffi knows only its address.
  const entries = new Uint8Array(fds.length * 8)
  const view = new DataView(entries.buffer)
  for (const [index, fd] of fds.entries()) {
    view.setInt32(index * 8, fd, true)
    view.setInt16(index * 8 + 4, linux.POLLIN, true)
  }
  return {
    untilInput: (ms: number) => void libc.poll(libc.address(entries), fds.length, ms),
    untilMessage: (ms: number) => void libc.poll(libc.address(entries), 1, ms),
  }
}
