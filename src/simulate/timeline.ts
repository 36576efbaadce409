/** The timeline of a simulated boot: one event for each step, with its result, size, and duration. */
import type { Clock } from '../host/clock.ts'
import type { NodeModel } from '../plan/model.ts'
import type { Firmware } from './dhcp-profiles.ts'

export type BootEvent = {
  /** `DHCP firmware`, `TFTP loader`, …: protocol first. */
  readonly step: string
  /** Start of the step, since power-on. */
  readonly atMs: number
  readonly durationMs: number
  /** Received octets: payload of DHCP and DNS messages, and content of files. */
  readonly octets: number
  /** The result, or the problem that ended the boot. */
  readonly text: string
}

export type SimulatedBoot = {
  readonly node: NodeModel
  readonly firmware: Firmware
  readonly isBooted: boolean
  readonly events: readonly BootEvent[]
  /** The end of the boot: `installs to /dev/sda`; empty if it failed before. */
  readonly ending: string
  readonly durationMs: number
  readonly octets: number
}

/** The result of a step: a value for the next step, and the event. */
type StepResult<T> = { readonly value: T; readonly octets: number; readonly text: string }

export class Timeline {
  readonly #clock: Clock
  readonly #startMs: number
  readonly #events: BootEvent[] = []
  #step = ''
  #stepMs = 0
  #isFailed = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.monotonic()
  }

  async step<T>(step: string, run: () => Promise<StepResult<T>>): Promise<T> {
    this.#step = step
    this.#stepMs = this.#clock.monotonic()
    const { value, octets, text } = await run()
    this.#add(text, octets)
    return value
  }

  /** Records that the current step failed. */
  fail(text: string): void {
    this.#isFailed = true
    this.#add(text, 0)
  }

  finish(node: NodeModel, firmware: Firmware, ending: string): SimulatedBoot {
    return {
      node,
      firmware,
      isBooted: !this.#isFailed,
      events: this.#events,
      ending,
      durationMs: this.#clock.monotonic() - this.#startMs,
      octets: this.#events.reduce((sum, { octets }) => sum + octets, 0),
    }
  }

  #add(text: string, octets: number): void {
    const atMs = this.#stepMs - this.#startMs
    const durationMs = this.#clock.monotonic() - this.#stepMs
    this.#events.push({ step: this.#step, atMs, durationMs, octets, text })
  }
}

// Why a simulated boot failed: what the machine expected, what it got, and what the administrator should check.

/** Ends the boot of one node; the other nodes continue. */
export class BootProblem extends Error {
  override readonly name = 'BootProblem'

  /** Each part is a phrase without a full stop; together they make the message. */
  constructor(expected: string, got: string, check: string) {
    super(`expected ${expected}; got ${got}; check ${check}`)
  }
}
