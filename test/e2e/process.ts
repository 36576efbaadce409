/**
 * Child processes that cannot outlive the test: each has a time limit or is stopped, and dies with
 * this process even when that is killed (prctl(2) PR_SET_PDEATHSIG, by setpriv).
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { splitLines, type OnLine } from './lines.ts'

export type Ended = {
  /** The exit code; `undefined` when a signal ended it. */
  readonly status: number | undefined
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
  readonly isTimedOut: boolean
}

export type RunOptions = { readonly limitMs?: number; readonly cwd?: string; readonly input?: string }

/** Runs a command to its end, which comes after `limitMs` (30 s) at the latest; any exit code is fine. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const startedAt = performance.now()
  const child = launch(command, options.cwd)
  const closed = once(child, 'close')
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  let isTimedOut = false
  const limit = setTimeout(() => {
    isTimedOut = true
    void stop(child)
  }, options.limitMs ?? 30_000)
  // A command that ends without reading its input is no error of ours.
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.input)
  await closed
  clearTimeout(limit)
  return {
    status: child.exitCode ?? undefined,
    stdout: stdout(),
    stderr: stderr(),
    durationMs: performance.now() - startedAt,
    isTimedOut,
  }
}

/** The standard output of a command that has to succeed. */
export async function output(command: readonly string[], options?: RunOptions): Promise<string> {
  const ended = await run(command, options)
  if (ended.status === 0) return ended.stdout
  const why = ended.isTimedOut ? 'took too long' : `exit code ${ended.status ?? 'none'}`
  throw new Error(`${command.join(' ')}: ${why}: ${lastLines(ended.stderr || ended.stdout, 5)}`)
}

export type Running = {
  readonly pid: number
  readonly isRunning: () => boolean
  signal(name: NodeJS.Signals): void
  /** Resolves with the exit code, `undefined` when a signal ended it. */
  readonly ended: Promise<number | undefined>
  /** SIGTERM, and SIGKILL five seconds later. */
  stop(): Promise<void>
}

/**
 * Starts a command that runs beside the test. Both its streams go to `logFile`; `onLine` sees the lines
 * of standard output with the time of their arrival.
 */
export function start(
  command: readonly string[],
  options: { readonly logFile: string; readonly onLine?: OnLine },
): Running {
  const child = launch(command)
  const log = createWriteStream(options.logFile)
  child.stdin?.end()
  child.stderr?.pipe(log, { end: false })
  child.stdout?.pipe(log, { end: false })
  if (options.onLine !== undefined) {
    const lines = splitLines(options.onLine)
    child.stdout?.setEncoding('utf8').on('data', lines.push).on('end', lines.end)
  }
  const ended = once(child, 'close').then(async () => {
    log.end()
    await finished(log)
    return child.exitCode ?? undefined
  })
  return {
    pid: child.pid ?? 0,
    isRunning: () => isRunning(child),
    signal: (name) => void child.kill(name),
    ended,
    stop: async () => {
      await stop(child)
      await ended
    },
  }
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n')
}

/** Quotes a word for a POSIX shell. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

function launch(command: readonly string[], cwd = process.cwd()): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], { cwd, stdio: 'pipe' })
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

async function stop(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return
  const gone = once(child, 'close')
  child.kill('SIGTERM')
  const kill = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(kill)
}

function collect(stream: ChildProcess['stdout']): () => string {
  const chunks: Buffer[] = []
  stream?.on('data', (chunk: Buffer) => void chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('utf8')
}
