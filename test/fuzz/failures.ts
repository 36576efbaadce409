/** What no input may bring a service to: an error line that carries an exception, or a lost socket. */
import { createLog, type Log } from '../../src/host/log.ts'

export type Watched = {
  /** Grows while the service runs, and a test may add what it saw itself; empty is what it expects. */
  readonly failures: string[]
  readonly log: Log
  readonly onLost: (error: Error) => void
}

export function watchFailures(): Watched {
  const failures: string[] = []
  const write = (line: string) => {
    if (line.includes('"err":')) failures.push(line)
  }
  return {
    failures,
    log: createLog('debug', { write }),
    onLost: (error) => void failures.push(error.message),
  }
}
