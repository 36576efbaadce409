/**
 * The network of a bench: one server and four clients on a bridge, in network namespaces of their own, so that
 * no interface, port or file of the machine is touched. Each side has its own cores, the same for everybody.
 *
 *     server: br0 ---- client0 … client3      one veth pair per client
 */
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { output, run } from '../test/e2e/process.ts'

export const serverAddress = '172.16.0.1'
export const subnet = '172.16.0.0/21'
export const clients = [0, 1, 2, 3] as const
export type Client = (typeof clients)[number]

export type Network = {
  /** How many cores servers have. */
  readonly serverCores: number
  /** The command, to be run where the servers are, on their cores. */
  onServer(...command: string[]): string[]
  /** The command, to be run at that client, on the cores of the load programs. */
  onClient(client: Client, ...command: string[]): string[]
  /** Waits until something listens on that port of the server. @throws {Error} when nothing does */
  listening(transport: 'udp' | 'tcp', port: number): Promise<void>
  /** What runs where the servers are. */
  serverPids(): Promise<readonly number[]>
  close(): Promise<void>
}

const patienceMs = 15_000

/** Before whatever else the machine has to do: a busy machine makes the figures worse, but not those of one alone. */
const priority = '-15'

/** The first half of the cores for the server, the other for the load; both on one where there is but one. */
export function coresOf(count: number): { readonly server: string; readonly load: string } {
  const half = Math.floor(count / 2)
  if (half === 0) return { server: '0', load: '0' }
  return { server: range(0, half - 1), load: range(half, count - 1) }
}

const range = (first: number, last: number) => (first === last ? `${first}` : `${first}-${last}`)

export async function createNetwork(): Promise<Network> {
  const cores = coresOf(availableParallelism())
  const prefix = `slipway-bench-${process.pid}`
  const server = `${prefix}-server`
  const clientName = (client: Client) => `${prefix}-client${client}`
  const places = [server, ...clients.map(clientName)]
  const inside = (place: string, cpus: string, command: string[]): string[] => [
    ...['ip', 'netns', 'exec', place, 'nice', '-n', priority, 'taskset', '-c', cpus],
    ...command,
  ]
  const ip = (place: string, text: string) => output(['ip', '-n', place, ...text.split(' ')])
  const pidsIn = async (place: string) =>
    (await run(['ip', 'netns', 'pids', place])).stdout.split('\n').filter(Boolean).map(Number)

  async function close(): Promise<void> {
    for (const place of places) {
      const pids = await pidsIn(place)
      if (pids.length > 0) await run(['kill', '-KILL', ...pids.map(String)])
      await run(['ip', 'netns', 'del', place])
    }
  }

  try {
    for (const place of places) {
      await output(['ip', 'netns', 'add', place])
      await ip(place, 'link set lo up')
    }
    await ip(server, 'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0')
    await ip(server, `addr add ${serverAddress}/21 dev br0`)
    await ip(server, 'link set br0 up')
    for (const client of clients) {
      await ip(server, `link add to${client} type veth peer name eth0 netns ${clientName(client)}`)
      await ip(server, `link set to${client} master br0 up`)
      await ip(clientName(client), `addr add 172.16.7.${240 + client}/21 dev eth0`)
      await ip(clientName(client), 'link set eth0 up')
    }
  } catch (error) {
    await close()
    throw error
  }

  return {
    serverCores: Math.max(1, Math.floor(availableParallelism() / 2)),
    onServer: (...command) => inside(server, cores.server, command),
    onClient: (client, ...command) => inside(clientName(client), cores.load, command),
    async listening(transport, port) {
      const list = ['ip', 'netns', 'exec', server, 'ss', transport === 'udp' ? '-Hlun' : '-Hltn']
      const deadline = performance.now() + patienceMs
      while ((await output([...list, `sport = :${port}`])) === '') {
        if (performance.now() > deadline) throw new Error(`nothing listens on ${transport} port ${port}`)
        await sleep(50)
      }
    },
    serverPids: () => pidsIn(server),
    close,
  }
}
