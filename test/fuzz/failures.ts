/** Records failures that no input may cause: an error line with an exception, or a lost socket. */
import { createLog, type Log } from '../../src/host/log.ts'

export type Watched = {
  /** Failures so far; a test can add its own. */
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
