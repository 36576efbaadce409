/** Starts and stops the measured servers. Their output goes directly to a file, so that reading it does not use processor time. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lastLines, run, start } from '../test/e2e/process.ts'
import type { TestedServer, Benchmark } from './benchmark.ts'
import type { Network } from './network.ts'
import type { Files } from './site.ts'

/** Resident memory now, its peak, or the share now: a page that several processes use counts only partly (proc_pid_smaps(5)). */
type MemoryField = 'VmRSS' | 'VmHWM' | 'Pss'

export type Server = {
  /** Processor time of the server and its children since the start. */
  processorSeconds(): Promise<number>
  /** Time in which its threads could run, but other threads had the processor; the sum of all threads. */
  waitedSeconds(): Promise<number>
  /** Sum of the resident memory of each process: by default its peak. */
  memoryMiB(field?: MemoryField): Promise<number>
  stop(): Promise<void>
}

/** Starts a server. Resolves when it listens. */
export async function startServer(
  network: Network,
  { name, command }: TestedServer,
  port: Benchmark['port'],
  files: Files,
): Promise<Server> {
  const log = join(files.dir, `${name}.log`)
  const redirect = ['sh', '-c', 'log=$1; shift; exec "$@" >"$log" 2>&1', 'sh', log]
  const running = start([...redirect, ...network.onServer(...command(files))], { logFile: '/dev/null' })

  async function stop(): Promise<void> {
    await running.stop()
    const remaining = await network.serverPids()
    if (remaining.length > 0) await run(['kill', '-KILL', ...remaining.map(String)])
  }

  try {
    await network.untilListening(port.transport, port.number)
  } catch (error) {
    await stop()
    const tail = lastLines(await readFile(log, 'utf8'), 10)
    throw new Error(`${name}: ${(error as Error).message}; last lines of its log:\n${tail}`, { cause: error })
  }
  return {
    async processorSeconds() {
      const seconds = await Promise.all((await network.serverPids()).map(secondsOf))
      return seconds.reduce((sum, each) => sum + each, 0)
    },
    async waitedSeconds() {
      const pids = await network.serverPids()
      const tids = await Promise.all(
        pids.map(async (pid) => (await readdir(`/proc/${pid}/task`)).map((tid) => `${pid}/task/${tid}`)),
      )
      const seconds = await Promise.all(tids.flat().map(waitedSecondsOf))
      return seconds.reduce((sum, each) => sum + each, 0)
    },
    async memoryMiB(field = 'VmHWM') {
      const all = await Promise.all((await network.serverPids()).map((pid) => memoryKiB(pid, field)))
      return all.reduce((sum, each) => sum + each, 0) / 1024
    },
    stop,
  }
}

/** Reads user and system time of a process and its ended children (proc_pid_stat(5), fields 14 to 17, in ticks of 10 ms). */
export async function secondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return afterName.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100
}

/**
 * Reads the time that a thread waited for a processor (schedstats of Linux, the second field of `schedstat`).
 *
 * @param task below /proc: `PID` is the main thread of a process, `PID/task/TID` each of its threads
 */
export async function waitedSecondsOf(task: number | string): Promise<number> {
  const text = await readFile(`/proc/${task}/schedstat`, 'utf8').catch(() => '')
  return Number(text.split(' ')[1] ?? 0) / 1e9
}

/** Returns memory of a process, and 0 if the process has ended. */
export async function memoryKiB(pid: number, field: MemoryField): Promise<number> {
  const file = field === 'Pss' ? 'smaps_rollup' : 'status'
  const status = await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0)
}
