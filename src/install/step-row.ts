/** The form of a row of the table of step kinds, and the values that its texts use. */
import type { InstallCode } from './codes.ts'

/** The progress of the current boot when a step is about to join it. */
export type BootProgress = {
  /** The highest stage that the boot reached. */
  readonly stage: number
  /** Whether a step with this key was seen in the boot. */
  readonly has: (key: string) => boolean
  /** Time since the last step of the boot. */
  readonly quietMs: number
}

/** Values that the texts of a step use, already formatted. */
export type StepText = {
  readonly what: string
  readonly reason: string | undefined
  readonly isActive: boolean
  readonly wasInterrupted: boolean
  /** Time since the step ended: `12 s ago`. */
  readonly ago: string
  /** Time since the step started: `12 s`. */
  readonly elapsed: string
  /** `43 %`, or bytes if the total is not known. */
  readonly progress: string
  /** Of a download: `, 118.4 MiB/s` or `, stalled for 34 s`; empty if not known. */
  readonly rate: string
}

/** Values that the sentence of a stalled step uses, already formatted. */
export type StallText = {
  readonly node: string
  readonly reason: string | undefined
  /** How long no further step followed: `12 min`. */
  readonly silent: string
  /** How many boots in a row ended here: `twice`. */
  readonly count: string
  /** The larger of that and the repetitions in this boot. */
  readonly repeats: string
}

/** The symptom of a node that reaches this step and no later one. */
export type StallSymptom = {
  readonly name: string
  readonly code: InstallCode
  readonly saw: (text: StallText) => string
  readonly likely: string
  readonly advice: string | ((text: StallText) => string)
}

export type StepKindRow = {
  /** Position in a boot: a step of an earlier stage than the boot has reached usually starts another boot. */
  readonly stage: number
  /** How long the next step may take; `Infinity` if no step has to follow. */
  readonly timeoutMs: number
  readonly startsBoot: (boot: BootProgress) => boolean
  /** At most 14 characters: a column of the timeline. */
  readonly title: string
  /** What slipway observes when a node takes this step. */
  readonly evidence: string
  /** Marks the step in the timeline if its outcome does not. */
  readonly mark?: 'failed' | 'pending'
  /** Names the subject of the step; the default is `what` and the protocol. */
  readonly subject?: (text: Pick<StepText, 'what'>) => string
  /** Replaces the subject, the outcome, and the reason in the timeline. */
  readonly detail?: (text: Pick<StepText, 'reason'>) => string
  /** Describes what the node does now; the default is the title, the count, the outcome, and the time. */
  readonly now?: (text: StepText) => string | undefined
  readonly stalled?: StallSymptom
}
