/** Starts `slipway serve` as an administrator does, and reads its log line by line. */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Namespaces } from './namespaces.ts'
import { start, type Running } from './process.ts'

/** A line of the log, with the fields that the checks use. */
export type LogLine = {
  readonly atMs: number
  readonly level: string
  readonly service?: string
  readonly msg: string
  readonly node?: string
  readonly mac?: string
  readonly file?: string
  readonly bootFile?: string
  readonly reason?: string
  /** The unparsed line. */
  readonly text: string
}

export type Server = {
  readonly lines: readonly LogLine[]
  readonly process: Running
  /** Returns the last lines, unparsed. */
  tail(count: number): string
  /**
   * Returns the first matching line, starting at index `since`. Waits for it up to `limitMs`.
   *
   * @param what completes "slipway did not log …"
   * @throws {Error} if there is no such line in time
   */
  waitFor(
    what: string,
    matches: (line: LogLine) => boolean,
    options?: { readonly since?: number; readonly limitMs?: number },
  ): Promise<LogLine>
}

/** Returns the command line of this project's program. */
export function slipway(...args: string[]): string[] {
  return [process.execPath, join(import.meta.dirname, '../../src/main.ts'), ...args]
}

/** Returns the socket of the local API of the server with this site file. */
export function controlSocket(sitePath: string): string {
  return join(dirname(sitePath), 'control.sock')
}

type ServerOptions<Name> = {
  readonly namespace: Name
  /** File to use as /etc/resolv.conf; the file of the machine if absent. */
  readonly resolver?: string
  /** How long it may take until it serves; 30 s if absent. */
  readonly startMs?: number
}

/** Starts the server. Resolves when it serves. */
export async function startServer<Name extends string>(
  network: Pick<Namespaces<Name>, 'inside'>,
  sitePath: string,
  logFile: string,
  { namespace, resolver, startMs = 30_000 }: ServerOptions<Name>,
): Promise<Server> {
  const lines: LogLine[] = []
  const command = network.inside(
    namespace,
    ...(resolver === undefined ? [] : withResolver(resolver)),
    ...slipway(
      'serve',
      '--state',
      join(dirname(sitePath), 'state'),
      '--control',
      controlSocket(sitePath),
      sitePath,
    ),
  )
  const running = start(command, { logFile, onLine: (text, atMs) => lines.push(parseLine(text, atMs)) })
  const server: Server = {
    lines,
    process: running,
    tail: (count) =>
      lines
        .slice(-count)
        .map((line) => line.text)
        .join('\n'),
    async waitFor(what, matches, { since = 0, limitMs = 10_000 } = {}) {
      const deadline = performance.now() + limitMs
      for (;;) {
        const found = lines.slice(since).find(matches)
        if (found !== undefined) return found
        if (performance.now() > deadline || !running.isRunning()) {
          const when = running.isRunning() ? `within ${limitMs / 1000} s` : 'before it exited'
          throw new Error(`slipway did not log ${what} ${when}`)
        }
        await sleep(50)
      }
    },
  }
  try {
    await server.waitFor('"serving"', (line) => line.msg === 'serving', { limitMs: startMs })
    if (lines.some(({ msg }) => msg === 'probing for other DHCP servers before leasing')) {
      await server.waitFor('the result of the probe', ({ msg }) =>
        / other DHCP server found|leasing refused/.test(msg),
      )
    }
  } catch (error) {
    await running.stop()
    throw new Error(
      `${(error as Error).message}; contents of ${logFile}:\n${await readFile(logFile, 'utf8')}`,
      {
        cause: error,
      },
    )
  }
  return server
}

/** Returns a prefix that runs a command with another /etc/resolv.conf, in a mount namespace that ends with the command. */
export function withResolver(file: string): string[] {
  const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
  return ['unshare', '-m', 'sh', '-c', script, file]
}

/** Waits until lines that are already logged have been written and read: the log is written in batches every 0.1 s. */
export async function waitForLogFlush(): Promise<void> {
  await sleep(500)
}

function parseLine(text: string, arrivedMs: number): LogLine {
  try {
    const line = JSON.parse(text) as { time: string; level: string; msg: string }
    return { ...line, atMs: Date.parse(line.time), text }
  } catch {
    return { atMs: arrivedMs, level: 'error', msg: text, text }
  }
}
