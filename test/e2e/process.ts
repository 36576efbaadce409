/**
 * Child processes that cannot outlive the test: each has a time limit or is stopped, and the kernel kills it when this
 * process ends, even by SIGKILL (prctl(2) PR_SET_PDEATHSIG, set with setpriv).
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { splitLines, type OnLine } from './line-splitter.ts'

export type Ended = {
  /** The exit code; `undefined` if a signal ended the process. */
  readonly status: number | undefined
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
  readonly isTimedOut: boolean
}

export type RunOptions = { readonly limitMs?: number; readonly cwd?: string; readonly input?: string }

/** Runs a command until it exits, at most for `limitMs` (30 s by default). Accepts any exit code. */
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
  // A command may exit without reading its input.
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

/** Returns the standard output of a command. @throws {Error} if the command fails */
export async function output(command: readonly string[], options?: RunOptions): Promise<string> {
  const ended = await run(command, options)
  if (ended.status === 0) return ended.stdout
  const why = ended.isTimedOut ? 'timed out' : `exit code ${ended.status ?? 'none'}`
  throw new Error(`${command.join(' ')}: ${why}: ${lastLines(ended.stderr || ended.stdout, 5)}`)
}

export type Running = {
  readonly pid: number
  readonly isRunning: () => boolean
  signal(name: NodeJS.Signals): void
  /** Resolves with the exit code, or `undefined` if a signal ended the process. */
  readonly ended: Promise<number | undefined>
  /** Sends SIGTERM, and SIGKILL after 5 s. */
  stop(): Promise<void>
}

/**
 * Starts a command in the background. Writes both streams to `logFile` and calls `onLine` for each line of standard
 * output, with the time of its arrival.
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

/** Quotes an argument for a POSIX shell. */
export function shellQuote(argument: string): string {
  return `'${argument.replaceAll("'", `'\\''`)}'`
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
