/**
 * A lane that answers from a plan. Each new thread starts with the latest plan, and a reload waits until it is applied.
 * The main thread answers until the lane does, and while it is started again.
 */
import type { ActiveProblem, Finding } from '../../text/codes.ts'
import type { Timer } from '../clock.ts'
import type { HostCode } from '../codes.ts'
import type { Log } from '../log.ts'
import { startLane, type Lane, type LaneOptions } from './lane.ts'
import type { ReceiveHere } from './socket.ts'

/** What the program of the lane gets for each plan. */
export type PlanMessage<Plan> = { readonly version: number; readonly plan: Plan }

/** What it sends when all further answers are from the plan. */
export type AppliedMessage = { readonly kind: 'applied'; readonly version: number }

/** The state of a lane for an administrator. */
export type LaneState = {
  /** Whether the lane answers; else the main thread does. */
  isAnswering(): boolean
  /** Returns the problem of a lane that stopped. */
  problems(): readonly ActiveProblem[]
  /** Returns why there is no lane. */
  warnings(): readonly Finding[]
}

export type PlannedLane<Plan> = {
  readonly state: LaneState
  /**
   * Resolves when all answers are from the plan; never rejects. The thread starts `delayMs` after the first call.
   */
  apply(plan: Plan): Promise<void>
  /** Sends a message to the thread that runs now, if there is one. */
  send(message: unknown): void
  /** Receives the messages that the lane has sent up to now. */
  drain(): void
  /** Answers no further datagrams; the sockets can still send. Never rejects. */
  stop(): Promise<void>
}

/** The process has reported READY by then, and the threads do not slow the start of the services. */
export const startDelayMs = 1000

export function createPlannedLane<Plan, Message extends { readonly kind: string }>(
  options: Omit<LaneOptions<Message | AppliedMessage>, 'greet' | 'ended' | 'receive'> & {
    readonly first: Plan
    /**
     * Returns what the thread gets of a plan.
     *
     * @param previous what it got before; undefined for a new thread
     */
    readonly portable: (plan: Plan, previous: Plan | undefined) => unknown
    readonly receive: (message: Message) => void
    /** Returns how this thread answers on a socket. */
    readonly answerHere: (socket: number) => ReceiveHere
    /** Called when a thread has ended. */
    readonly ended?: () => void
    /** By default {@link startDelayMs}. */
    readonly delayMs?: number
  },
): PlannedLane<Plan> {
  const { sockets, portable, receive } = options
  let lane: Lane | undefined
  let starting: Timer | undefined
  let sent = options.first
  let version = 1
  let isAnswering = false
  let isStopped = false
  /** Resolves when the lane has applied the current version, or has ended. */
  let applied = Promise.withResolvers<undefined>()
  const message = (previous?: Plan): PlanMessage<unknown> => ({ version, plan: portable(sent, previous) })

  function answerHere(): void {
    isAnswering = false
    applied.resolve(undefined)
    if (isStopped) return
    for (const [index, socket] of sockets.entries()) socket.receive(options.answerHere(index))
  }

  function markApplied(message: AppliedMessage): void {
    if (message.version !== version) return
    applied.resolve(undefined)
    if (isAnswering) return
    isAnswering = true
    for (const socket of sockets) socket.receive(undefined)
  }

  function start(): void {
    lane = startLane<Message | AppliedMessage>({
      ...options,
      greet: () => [message()],
      ended() {
        options.ended?.()
        answerHere()
      },
      receive(received) {
        if (isApplied(received)) markApplied(received)
        else receive(received)
      },
    })
  }

  answerHere()
  return {
    state: {
      isAnswering: () => isAnswering,
      warnings: () => [],
      problems() {
        const problem = lane?.problem()
        return problem === undefined ? [] : [problem]
      },
    },
    async apply(plan) {
      if (plan !== sent) {
        const previous = sent
        sent = plan
        version++
        applied.resolve(undefined)
        applied = Promise.withResolvers()
        lane?.send(message(previous))
      }
      starting ??= options.clock.after(options.delayMs ?? startDelayMs, start)
      if (isAnswering) await applied.promise
    },
    send: (message) => lane?.send(message),
    drain: () => lane?.drain(),
    async stop() {
      isStopped = true
      starting?.cancel()
      for (const socket of sockets) socket.receive(undefined)
      await lane?.stop()
      options.ended?.()
    },
  }
}

function isApplied(message: { readonly kind: string }): message is AppliedMessage {
  return message.kind === 'applied'
}

/** Logs why a service has no lane, and returns its state. */
export function withoutLane(name: string, reason: string | undefined, log: Log): LaneState {
  const warnings: Finding[] = []
  if (reason !== undefined) {
    const code: HostCode = 'server.lane-unavailable'
    log.warn({ code, reason }, 'lane not available')
    const message = `the main thread answers, with less throughput, because ${reason}`
    warnings.push({ code, severity: 'warning', about: name, message })
  }
  return { isAnswering: () => false, problems: () => [], warnings: () => warnings }
}
