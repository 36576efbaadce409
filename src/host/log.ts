/** The log: one JSON line per decision on standard output, by pino. Constant messages, facts as fields. */
import { pino, type DestinationStream } from 'pino'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
type Line = (facts: Readonly<Record<string, unknown>>, message: string) => void

/**
 * What services may do with the log. Field names are shared by all services: `node` (`ocp45/m1`), `mac`,
 * `address`, `client` (`address:port` of the peer), `file`, `reason`, `octets`, `durationMs`, `err`.
 */
export type Log = Readonly<Record<LogLevel, Line>> & {
  /** A log whose lines also carry `service`. */
  for(service: string): Log
  isDebug(): boolean
}

/**
 * A system call for every line would be a quarter of a DHCP exchange, and a reader that stalls would stall the
 * services: so lines wait for their like, a tenth of a second at most, and for the end of the process.
 */
const output = { dest: 1, sync: false, minLength: 4096, periodicFlush: 100, maxLength: 16 * 1024 * 1024 }

export function createLog(level: LogLevel = 'info', stream?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return adapt(pino(options, stream ?? pino.destination(output)))
}

function adapt(logger: ReturnType<typeof pino>): Log {
  return {
    debug: (facts, message) => logger.debug(facts, message),
    info: (facts, message) => logger.info(facts, message),
    warn: (facts, message) => logger.warn(facts, message),
    error: (facts, message) => logger.error(facts, message),
    for: (service) => adapt(logger.child({ service })),
    isDebug: () => logger.isLevelEnabled('debug'),
  }
}
