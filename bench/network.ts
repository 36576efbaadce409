/**
 * The network of the benchmarks: one server, a second appliance, and four clients on a bridge, in network namespaces, so
 * that no interface or port of the machine is used. Servers and clients use different cores, the same in all measurements.
 *
 *     server: br0 ---- client0 … client3, second      one veth pair each
 */
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { output, run } from '../test/e2e/process.ts'

export const serverAddress = '172.16.0.1'
export const secondAddress = '172.16.0.2'
export const subnet = '172.16.0.0/21'
export const clients = [0, 1, 2, 3] as const
export type Client = (typeof clients)[number]

/** The addresses of the last declared nodes, because slipway limits what it reads for machines that are not declared. */
export const clientAddress = (client: Client) => `172.16.4.${250 - client}`

export type Network = {
  /** Number of cores of the server. */
  readonly serverCores: number
  /** Returns a command line that runs in the namespace and on the cores of the server. */
  onServer(...command: string[]): string[]
  /** Returns a command line that runs in the namespace of a client, on the cores of the load programs. */
  onClient(client: Client, ...command: string[]): string[]
  /** Waits until a process listens on this port of the server. @throws {Error} if none does within 15 s */
  untilListening(transport: 'udp' | 'tcp', port: number): Promise<void>
  /**
   * Limits what each of the two servers sends, as the link of a real one does.
   *
   * @returns a function that removes the limit
   */
  limitServers(megabits: number): Promise<() => Promise<void>>
  /** Returns the processes in the namespaces of the servers. */
  serverPids(): Promise<readonly number[]>
  close(): Promise<void>
}

const timeoutMs = 15_000

/** A nice value: a higher priority than other processes, so that a busy machine affects the figures less. */
const priority = '-15'

/** Returns the cores: the first half for the server, the others for the load programs. With one core they share it. */
export function coresOf(count: number): { readonly server: string; readonly load: string } {
  const half = Math.floor(count / 2)
  if (half === 0) return { server: '0', load: '0' }
  return { server: range(0, half - 1), load: range(half, count - 1) }
}

const prefix = `slipway-bench-${process.pid}`
const secondServer = `${prefix}-second`

/** Returns a command line that the server runs in the namespace of the second server. */
export const onSecondServer = (...command: readonly string[]) => [
  ...['ip', 'netns', 'exec', secondServer],
  ...command,
]

const range = (first: number, last: number) => (first === last ? `${first}` : `${first}-${last}`)

export async function createNetwork(): Promise<Network> {
  const cores = coresOf(availableParallelism())
  const server = `${prefix}-server`
  const clientName = (client: Client) => `${prefix}-client${client}`
  const namespaces = [server, secondServer, ...clients.map(clientName)]
  const inside = (namespace: string, cpus: string, command: string[]): string[] => [
    ...['ip', 'netns', 'exec', namespace, 'nice', '-n', priority, 'taskset', '-c', cpus],
    ...command,
  ]
  const ip = (namespace: string, text: string) => output(['ip', '-n', namespace, ...text.split(' ')])
  const pidsIn = async (namespace: string) =>
    (await run(['ip', 'netns', 'pids', namespace])).stdout.split('\n').filter(Boolean).map(Number)

  async function close(): Promise<void> {
    for (const namespace of namespaces) {
      const pids = await pidsIn(namespace)
      if (pids.length > 0) await run(['kill', '-KILL', ...pids.map(String)])
      await run(['ip', 'netns', 'del', namespace])
    }
  }

  try {
    for (const namespace of namespaces) {
      await output(['ip', 'netns', 'add', namespace])
      await ip(namespace, 'link set lo up')
    }
    await ip(server, 'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0')
    await ip(server, `addr add ${serverAddress}/21 dev br0`)
    await ip(server, 'link set br0 up')
    for (const client of clients) {
      await ip(server, `link add to${client} type veth peer name eth0 netns ${clientName(client)}`)
      await ip(server, `link set to${client} master br0 up`)
      await ip(clientName(client), `addr add ${clientAddress(client)}/21 dev eth0`)
      await ip(clientName(client), 'link set eth0 up')
    }
    await ip(server, `link add second type veth peer name eth0 netns ${secondServer}`)
    await ip(server, 'link set second master br0 up')
    await ip(secondServer, `addr add ${secondAddress}/21 dev eth0`)
    await ip(secondServer, 'link set eth0 up')
  } catch (error) {
    await close()
    throw error
  }

  return {
    serverCores: Math.max(1, Math.floor(availableParallelism() / 2)),
    onServer: (...command) => inside(server, cores.server, command),
    onClient: (client, ...command) => inside(clientName(client), cores.load, command),
    async untilListening(transport, port) {
      const list = ['ip', 'netns', 'exec', server, 'ss', transport === 'udp' ? '-Hlun' : '-Hltn']
      const deadline = performance.now() + timeoutMs
      while ((await output([...list, `sport = :${port}`])) === '') {
        if (performance.now() > deadline) throw new Error(`no process listens on ${transport} port ${port}`)
        await sleep(50)
      }
    },
    async limitServers(megabits) {
      const limited = [
        ['-n', server, 'qdisc', 'replace', 'dev', 'br0'],
        ['-n', secondServer, 'qdisc', 'replace', 'dev', 'eth0'],
      ]
      const rate = ['root', 'tbf', 'rate', `${megabits}mbit`, 'burst', '256kb', 'latency', '20ms']
      for (const device of limited) await output(['tc', ...device, ...rate])
      return async () => {
        for (const device of limited) await output(['tc', ...device.with(3, 'del'), 'root'])
      }
    },
    serverPids: async () => [...(await pidsIn(server)), ...(await pidsIn(secondServer))],
    close,
  }
}
