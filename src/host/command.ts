/** Runs another program with bounds on time and output, and without a shell. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

export type CommandResult = {
  /** `missing`: the program is not installed. */
  readonly kind: 'done' | 'failed' | 'missing'
  /** How it ended: `exit code 0`, `signal SIGSEGV`, `did not finish within 30 s`, `not found`. */
  readonly ending: string
  /** Its standard output and standard error, at most 4 KiB unless the caller allows more. */
  readonly output: string
}

export type CommandOptions = {
  readonly environment?: NodeJS.ProcessEnv
  readonly maxOutputBytes?: number
  /** Its working directory; by default that of this process. */
  readonly directory?: string
  /** Written to its standard input, which is empty otherwise. */
  readonly input?: string
  /** Kills the program and its children. */
  readonly signal?: AbortSignal
}

type Ending = Pick<CommandResult, 'kind' | 'ending'>

type Child = ChildProcessByStdio<Writable | null, Readable, Readable>

const defaultMaxOutputBytes = 4096

// A daemon that the program leaves behind can keep the pipes open forever.
const outputGraceMs = 250

/** Runs a program. Never rejects; kills the program and its children after `timeoutMs`. */
export async function runCommand(
  program: string,
  args: readonly string[],
  timeoutMs: number,
  {
    environment = childEnvironment(),
    maxOutputBytes = defaultMaxOutputBytes,
    directory,
    input,
    signal,
  }: CommandOptions = {},
): Promise<CommandResult> {
  let child: Child
  try {
    // A separate process group, so that its children can be killed with it.
    const common = { env: environment, detached: true, cwd: directory } as const
    child =
      input === undefined
        ? spawn(program, args, { ...common, stdio: ['ignore', 'pipe', 'pipe'] })
        : spawn(program, args, { ...common, stdio: ['pipe', 'pipe', 'pipe'] })
  } catch (error) {
    return { kind: 'failed', ending: (error as Error).message, output: '' }
  }
  // A program that does not read its input closes the pipe.
  child.stdin?.on('error', () => undefined).end(input)
  const output = collect(child, maxOutputBytes)
  return { ...(await waitForEnd(child, timeoutMs, signal)), output: output() }
}

/** Returns our environment without systemd's notification socket. Adds sbin, which a user's PATH can lack. */
function childEnvironment(): NodeJS.ProcessEnv {
  const environment = {
    ...process.env,
    PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin`,
  }
  Reflect.deleteProperty(environment, 'NOTIFY_SOCKET')
  return environment
}

function collect(child: Child, maxOutputBytes: number): () => string {
  const chunks: Buffer[] = []
  let remaining = maxOutputBytes
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk.subarray(0, remaining))
      remaining = Math.max(0, remaining - chunk.length)
    })
  }
  return () => Buffer.concat(chunks).toString('utf8').trim()
}

function waitForEnd(child: Child, timeoutMs: number, signal?: AbortSignal): Promise<Ending> {
  return new Promise((resolve) => {
    let killed: Ending | undefined
    const kill = (ending: string) => {
      killed = { kind: 'failed', ending }
      process.kill(-(child.pid as number), 'SIGKILL')
    }
    const abort = () => kill('was stopped')
    const deadline = setTimeout(() => kill(`did not finish within ${timeoutMs / 1000} s`), timeoutMs)
    signal?.addEventListener('abort', abort)
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(deadline)
      signal?.removeEventListener('abort', abort)
      if (error.code === 'ENOENT') resolve({ kind: 'missing', ending: 'not found' })
      else resolve({ kind: 'failed', ending: error.message })
    })
    child.once('exit', (code, endSignal) => {
      clearTimeout(deadline)
      signal?.removeEventListener('abort', abort)
      const grace = setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
      }, outputGraceMs)
      const ending = endSignal === null ? `exit code ${code}` : `signal ${endSignal}`
      child.once('close', () => {
        clearTimeout(grace)
        resolve(killed ?? { kind: code === 0 ? 'done' : 'failed', ending })
      })
    })
  })
}
