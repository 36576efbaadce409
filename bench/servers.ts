/** A contender's server, from its start to its end. Its output goes straight to a file, not through the bench. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lastLines, run, start } from '../test/e2e/process.ts'
import type { Contender, Contest } from './contest.ts'
import type { Network } from './network.ts'
import type { Files } from './site.ts'

export type Server = {
  /** Processor time that it and its children used so far. */
  processorSeconds(): Promise<number>

  /** The most that its processes had resident, each at its own worst moment. */
  memoryMiB(): Promise<number>
  stop(): Promise<void>
}

/** Resolves when it listens. */
export async function startServer(
  network: Network,
  { name, command }: Contender,
  port: Contest['port'],
  files: Files,
): Promise<Server> {
  const log = join(files.dir, `${name}.log`)
  const quiet = ['sh', '-c', 'log=$1; shift; exec "$@" >"$log" 2>&1', 'sh', log]
  const running = start([...quiet, ...network.onServer(...command(files))], { logFile: '/dev/null' })

  async function stop(): Promise<void> {
    await running.stop()
    const left = await network.serverPids()
    if (left.length > 0) await run(['kill', '-KILL', ...left.map(String)])
  }

  try {
    await network.listening(port.transport, port.number)
  } catch (error) {
    await stop()
    const said = lastLines(await readFile(log, 'utf8'), 10)
    throw new Error(`${name}: ${(error as Error).message}; its log ends:\n${said}`, { cause: error })
  }
  return {
    async processorSeconds() {
      const seconds = await Promise.all((await network.serverPids()).map(secondsOf))
      return seconds.reduce((sum, each) => sum + each, 0)
    },
    async memoryMiB() {
      const peaks = await Promise.all((await network.serverPids()).map(peakKiB))
      return peaks.reduce((sum, each) => sum + each, 0) / 1024
    },
    stop,
  }
}

/** utime, stime, and both of the children that ended (proc_pid_stat(5), fields 14 to 17), in ticks of 10 ms. */
async function secondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return afterName.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100
}

/** Of a process that has ended: nothing. */
async function peakKiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
}
