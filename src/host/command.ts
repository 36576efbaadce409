/** Running another program: bounded in time and in output, never through a shell unless it is named. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable } from 'node:stream'

export type CommandResult = {
  /** `missing`: there is no such program. */
  readonly kind: 'done' | 'failed' | 'missing'
  /** How it ended: `exit code 0`, `signal SIGSEGV`, `no end within 30 s`, `not found`. */
  readonly ending: string
  /** What it wrote to both its outputs, cut after {@link outputOctets}. */
  readonly output: string
}

type Ending = Pick<CommandResult, 'kind' | 'ending'>

type Child = ChildProcessByStdio<null, Readable, Readable>

const outputOctets = 4096

// A program that goes to the background may keep its outputs open for ever; nobody waits for that.
const outputGraceMs = 250

/** Never rejects. The program and its children are killed when `timeoutMs` have passed. */
export async function runCommand(
  program: string,
  args: readonly string[],
  timeoutMs: number,
  environment = environmentOfChildren(),
): Promise<CommandResult> {
  let child: Child
  try {
    // In a process group of its own, so that what it starts can be ended with it.
    child = spawn(program, args, { env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    return { kind: 'failed', ending: (error as Error).message, output: '' }
  }
  const output = collect(child)
  return { ...(await ended(child, timeoutMs)), output: output() }
}

/** Ours, without what systemd meant for this process only. Daemons live in sbin, which a user's PATH may lack. */
function environmentOfChildren(): NodeJS.ProcessEnv {
  const environment = {
    ...process.env,
    PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin`,
  }
  Reflect.deleteProperty(environment, 'NOTIFY_SOCKET')
  return environment
}

function collect(child: Child): () => string {
  const chunks: Buffer[] = []
  let room = outputOctets
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk.subarray(0, room))
      room = Math.max(0, room - chunk.length)
    })
  }
  return () => Buffer.concat(chunks).toString('utf8').trim()
}

function ended(child: Child, timeoutMs: number): Promise<Ending> {
  return new Promise((resolve) => {
    let late: Ending | undefined
    const deadline = setTimeout(() => {
      late = { kind: 'failed', ending: `no end within ${timeoutMs / 1000} s` }
      process.kill(-(child.pid as number), 'SIGKILL')
    }, timeoutMs)
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(deadline)
      if (error.code === 'ENOENT') resolve({ kind: 'missing', ending: 'not found' })
      else resolve({ kind: 'failed', ending: error.message })
    })
    child.once('exit', (code, signal) => {
      clearTimeout(deadline)
      const grace = setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
      }, outputGraceMs)
      const ending = signal === null ? `exit code ${code}` : `signal ${signal}`
      child.once('close', () => {
        clearTimeout(grace)
        resolve(late ?? { kind: code === 0 ? 'done' : 'failed', ending })
      })
    })
  })
}
