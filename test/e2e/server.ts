/** `slipway serve`, started as an operator would, and its log read line by line. */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Network, Place } from './network.ts'
import { start, type Running } from './process.ts'

/** A line of the log; only the fields that the test reads. */
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
  /** The line as it was written. */
  readonly text: string
}

export type Server = {
  readonly lines: readonly LogLine[]
  readonly process: Running
  /** The last lines as they were written. */
  tail(count: number): string
  /**
   * The first line, among those from `since` on, that `matches`; waits for it up to `limitMs`.
   *
   * @throws {Error} that names `what`, when none came
   */
  waitFor(
    what: string,
    matches: (line: LogLine) => boolean,
    options?: { readonly since?: number; readonly limitMs?: number },
  ): Promise<LogLine>
}

/** The command line of this project's own program. */
export function slipway(...args: string[]): string[] {
  return [process.execPath, join(import.meta.dirname, '../../src/main.ts'), ...args]
}

/** Where the local API of the server of that site is. */
export function controlSocket(sitePath: string): string {
  return join(dirname(sitePath), 'control.sock')
}

type ServerOptions = {
  /** `server` when absent. */
  readonly place?: Place
  /** What it finds as /etc/resolv.conf; the machine's own when absent. */
  readonly resolver?: string
}

/** Resolves when it serves. */
export async function startServer(
  network: Network,
  sitePath: string,
  logFile: string,
  { place = 'server', resolver }: ServerOptions = {},
): Promise<Server> {
  const lines: LogLine[] = []
  const command = network.inside(
    place,
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
          const why = running.isRunning() ? `within ${limitMs / 1000} s` : 'before it ended'
          throw new Error(`slipway's log did not say ${what} ${why}`)
        }
        await sleep(50)
      }
    },
  }
  try {
    await server.waitFor('"serving"', (line) => line.msg === 'serving', { limitMs: 30_000 })
  } catch (error) {
    await running.stop()
    throw new Error(`${(error as Error).message}; ${logFile} has:\n${await readFile(logFile, 'utf8')}`, {
      cause: error,
    })
  }
  return server
}

/** Runs the rest of a command with a resolv.conf of its own, in a mount namespace that ends with it. */
export function withResolver(file: string): string[] {
  const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
  return ['unshare', '-m', 'sh', '-c', script, file]
}

/** Long enough for lines that were said to be written and read: the log goes out in batches of a tenth of a second. */
export async function settleLog(): Promise<void> {
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
