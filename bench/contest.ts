/** What is compared: the same work, done by us and by the peers. */
import type { Network } from './network.ts'
import type { Files } from './site.ts'

export type Contender = {
  readonly name: string
  /** Writes its configuration. */
  readonly prepare?: (files: Files) => Promise<void>
  /** How it is started, in the foreground. */
  readonly command: (files: Files) => readonly string[]
}

export type Measurement = {
  readonly value: number
  /** How much work was done for it, in the contest's `work`. */
  readonly done: number
  /** Percent of what was asked that came to nothing. */
  readonly lostPercent?: number
}

/** Ours has to be at least `ratio` times as good as that peer. */
export type Target = { readonly peer: string; readonly ratio: number }

export type Contest = {
  /** One word, for `--only`. */
  readonly key: string
  readonly title: string
  readonly unit: string
  /** Of what the processor time is told. */
  readonly work: 'answer' | 'exchange' | 'MiB'
  readonly better: 'more' | 'less'
  readonly port: { readonly transport: 'udp' | 'tcp'; readonly number: number }
  readonly peers: readonly Contender[]
  readonly targets: readonly Target[]
  /** Resident memory that ours may take at most. */
  readonly mostMemoryMiB?: number
  /** Prepares what the load programs read. */
  readonly prepare?: (files: Files) => Promise<void>
  /** The same work once more or less, unmeasured, and whether the answers are right. @throws {Error} when not */
  readonly warmUp: (network: Network, files: Files) => Promise<void>
  readonly measure: (network: Network, files: Files) => Promise<Measurement>
}

/** What all rounds gave for one contender. */
export type Result = {
  readonly name: string
  readonly values: readonly number[]
  readonly lostPercent: number
  /** Processor time of the server, for one unit of work. Other programs on the machine hardly change it. */
  readonly microseconds: readonly number[]
  /** How much of its cores the server used: when they were not full, something else set the limit. */
  readonly busyPercent: readonly number[]
  /** The most that its processes had resident at once. */
  readonly memoryMiB: number
}
