import { syncBuiltinESMExports } from 'node:module'
import threads, { type WorkerOptions } from 'node:worker_threads'
import type { Test } from 'tap'

const { Worker } = threads

/**
 * Starts worker threads without the loaders and the coverage that tap adds to every thread, until the test ends. For
 * tests that start many services, which take most of their time for them, while other tests cover what the threads run.
 */
export function startUninstrumentedWorkers(t: Test): void {
  threads.Worker = class extends Worker {
    constructor(program: string | URL, options?: WorkerOptions) {
      super(program, { ...options, env: { ...process.env, NODE_OPTIONS: undefined }, execArgv: [] })
    }
  }
  syncBuiltinESMExports()
  t.teardown(() => {
    threads.Worker = Worker
    syncBuiltinESMExports()
  })
}
