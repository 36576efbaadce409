/** A benchmark: the same work for slipway and for other servers (peers). */
import type { Network } from './network.ts'
import type { Files } from './site.ts'

export type TestedServer = {
  readonly name: string
  /** Writes the configuration of the server. */
  readonly prepare?: (files: Files) => Promise<void>
  /** The command that runs the server in the foreground. */
  readonly command: (files: Files) => readonly string[]
}

export type Measurement = {
  readonly value: number
  /** Completed units of `work`. */
  readonly done: number
  /** Percentage of requests without a response. */
  readonly lostPercent?: number
  /** More figures for the table, by the head of their column. */
  readonly extras?: Readonly<Record<string, number>>
}

/** slipway must be at least `ratio` times as good as this peer. */
export type Target = { readonly peer: string; readonly ratio: number }

export type Benchmark = {
  /** The argument of `--only`. */
  readonly key: string
  readonly title: string
  readonly unit: string
  /** The unit of work for which processor time is reported. */
  readonly work: 'answer' | 'response' | 'exchange' | 'MiB' | 'node' | 'file' | 'boot'
  readonly better: 'more' | 'less'
  readonly port: { readonly transport: 'udp' | 'tcp'; readonly number: number }
  /** slipway with another site than that of most benchmarks. */
  readonly slipway?: TestedServer
  readonly peers: readonly TestedServer[]
  readonly targets: readonly Target[]
  /** The peer whose processor time per unit of work slipway must not exceed. */
  readonly noMoreProcessorThan?: string
  /** Maximum resident memory of slipway. */
  readonly maxMemoryMiB?: number
  /** Writes the input of the load programs. */
  readonly prepare?: (files: Files) => Promise<void>
  /** Does similar work without measuring, and checks the responses. @throws {Error} if a response is wrong */
  readonly warmUp: (network: Network, files: Files) => Promise<void>
  readonly measure: (network: Network, files: Files) => Promise<Measurement>
}

/** The results of all rounds for one server. */
export type ServerResult = {
  readonly name: string
  readonly values: readonly number[]
  readonly lostPercent: number
  /** Processor time of the server per unit of work. Other programs on the machine hardly affect it. */
  readonly microseconds: readonly number[]
  /** Utilization of the server's cores. If it is low, the server was not the bottleneck. */
  readonly busyPercent: readonly number[]
  /** Peak resident memory of its processes. */
  readonly memoryMiB: number
  readonly extras?: readonly Readonly<Record<string, number>>[]
}

export type BenchmarkResult = {
  readonly benchmark: Pick<
    Benchmark,
    'title' | 'unit' | 'work' | 'better' | 'targets' | 'noMoreProcessorThan' | 'maxMemoryMiB'
  >
  readonly slipway: ServerResult
  readonly peers: readonly ServerResult[]
}
