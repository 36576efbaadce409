/** What happened to a node and when: one event per step, with what came, its octets and how long it took. */
import type { Clock } from '../host/clock.ts'
import type { NodeModel } from '../plan/model.ts'
import type { Firmware } from './dhcp-profiles.ts'

export type BootEvent = {
  /** `DHCP firmware`, `TFTP loader`, …: protocol first. */
  readonly step: string
  /** When the step began, since power-on. */
  readonly atMs: number
  readonly durationMs: number
  /** Octets that came: payload of DHCP, DNS and scripts, files as they are. */
  readonly octets: number
  /** What came, or the problem that ended the boot. */
  readonly text: string
}

export type SimulatedBoot = {
  readonly node: NodeModel
  readonly firmware: Firmware
  readonly isBooted: boolean
  readonly events: readonly BootEvent[]
  /** How it ended: `installs to /dev/sda`; empty when it did not get there. */
  readonly ending: string
  readonly durationMs: number
  readonly octets: number
}

/** What a step gives: a value for the next one, and what to write down. */
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

  /** The step that was begun last ended with a problem. */
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
