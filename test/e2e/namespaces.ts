/** Network namespaces of a run, named after its process, so that concurrent and abandoned runs are told apart. */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { output, run } from './process.ts'

export type Namespaces<Name extends string> = {
  /** Returns the name that `ip netns` uses. */
  readonly nameOf: (namespace: Name) => string
  /** Returns the command line that runs a command in a namespace. */
  readonly inside: (namespace: Name, ...command: string[]) => string[]
  /** Runs `ip` with the words of `text` in a namespace. */
  readonly ip: (namespace: Name, text: string) => Promise<string>
  /** Ends all processes in the namespaces and removes the namespaces; never rejects. */
  readonly close: () => Promise<void>
}

const prefix = 'slipway-e2e-'

/** Creates namespaces without IPv6, and removes those of runs that were killed. */
export async function createNamespaces<Name extends string>(
  names: readonly Name[],
): Promise<Namespaces<Name>> {
  const nameOf = (namespace: Name): string => `${prefix}${process.pid}-${namespace}`
  const inside = (namespace: Name, ...command: string[]): string[] => [
    ...['ip', 'netns', 'exec', nameOf(namespace)],
    ...command,
  ]
  const ip = (namespace: Name, text: string): Promise<string> =>
    output(['ip', '-n', nameOf(namespace), ...text.split(' ')])
  const close = async (): Promise<void> => {
    for (const name of names) await removeNamespace(nameOf(name))
  }
  await removeAbandoned()
  try {
    for (const name of names) {
      await output(['ip', 'netns', 'add', nameOf(name)])
      await run(inside(name, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1'))
      await run(inside(name, 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1'))
      await ip(name, 'link set lo up')
    }
  } catch (error) {
    await close()
    throw error
  }
  return { nameOf, inside, ip, close }
}

/** Removes namespaces of runs that were killed. Their processes ended with the run. */
async function removeAbandoned(): Promise<void> {
  const names = await readdir('/run/netns').catch(() => [])
  for (const name of names.filter((each) => each.startsWith(prefix))) {
    const [pid] = name.slice(prefix.length).split('-')
    const isAbandoned = pid !== undefined && !existsSync(`/proc/${pid}`)
    if (isAbandoned && (await processesIn(name)).length === 0) await run(['ip', 'netns', 'del', name])
  }
}

async function removeNamespace(name: string): Promise<void> {
  if (!existsSync(`/run/netns/${name}`)) return
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const remaining = await processesIn(name)
    for (const pid of remaining) signalQuietly(pid, signal)
    for (let wait = 0; wait < 20 && (await processesIn(name)).length > 0; wait++) await sleep(100)
  }
  await run(['ip', 'netns', 'del', name])
}

async function processesIn(name: string): Promise<number[]> {
  const { stdout } = await run(['ip', 'netns', 'pids', name])
  return stdout.split('\n').filter(Boolean).map(Number)
}

/** The process may have ended in the meantime. */
function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
