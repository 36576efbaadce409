/**
 * A server, an attacker, and a client on one bridge, in network namespaces of their own. The attacker sends from
 * addresses for which no machine answers ARP requests, so the server's kernel cannot deliver the replies.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const serverAddress = '172.16.0.101'
export const clientAddress = '172.16.0.61'

export type Role = 'server' | 'attacker' | 'client'

export type FloodNetwork = {
  /** Starts a command in a namespace; it is killed when the network is closed. */
  start(role: Role, command: readonly string[]): ChildProcess
  /** Gives the attacker more addresses to send from; all of 172.16.0.0/16. */
  addSources(addresses: readonly string[]): void
  close(): Promise<void>
}

/** Whether this process can create network namespaces: it is root, and iproute2 is installed. */
export function canCreateNamespaces(): boolean {
  if (process.getuid?.() !== 0) return false
  const name = `slipway-probe-${process.pid}`
  const { status } = spawnSync('ip', ['netns', 'add', name])
  if (status === 0) spawnSync('ip', ['netns', 'del', name])
  return status === 0
}

export function createFloodNetwork(): FloodNetwork {
  const roles: readonly Role[] = ['server', 'attacker', 'client']
  const nameOf = (role: Role) => `slipway-flood-${process.pid}-${role}`
  const children = new Set<ChildProcess>()
  const ip = (role: Role, text: string) => run(['ip', '-n', nameOf(role), ...text.split(' ')])
  for (const role of roles) {
    run(['ip', 'netns', 'add', nameOf(role)])
    ip(role, 'link set lo up')
  }
  ip('server', 'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0')
  ip('server', `addr add ${serverAddress}/16 dev br0`)
  ip('server', 'link set br0 address 02:00:00:00:01:01')
  ip('server', 'link set br0 up')
  for (const [role, address] of [
    ['attacker', '172.16.0.66'],
    ['client', clientAddress],
  ] as const) {
    ip('server', `link add to-${role} type veth peer name eth0 netns ${nameOf(role)}`)
    ip('server', `link set to-${role} master br0 up`)
    ip(role, `addr add ${address}/16 dev eth0`)
    ip(role, 'link set eth0 up')
  }
  ip('attacker', `neigh add ${serverAddress} lladdr 02:00:00:00:01:01 dev eth0 nud permanent`)
  // arp_ignore 8: answers no ARP request for any local address (ip-sysctl).
  const silence = 'echo 8 >/proc/sys/net/ipv4/conf/all/arp_ignore'
  run(['ip', 'netns', 'exec', nameOf('attacker'), 'sh', '-c', silence])

  return {
    start(role, command) {
      const child = spawn('ip', ['netns', 'exec', nameOf(role), 'nice', '-n', '-15', ...command], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      children.add(child)
      child.once('exit', () => children.delete(child))
      return child
    },
    addSources(addresses) {
      const lines = addresses.map((address) => `addr add ${address}/32 dev eth0\n`).join('')
      run(['ip', '-n', nameOf('attacker'), '-batch', '-'], lines)
    },
    async close() {
      for (const child of children) child.kill('SIGKILL')
      await Promise.all([...children].map((child) => once(child, 'exit')))
      for (const role of roles) run(['ip', 'netns', 'del', nameOf(role)])
    },
  }
}

function run(command: readonly string[], input?: string): void {
  const [program, ...args] = command as [string, ...string[]]
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', input, timeout: 10_000 })
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
}

export type FloodOptions = {
  readonly port: number
  /** Datagrams per second. */
  readonly rate: number
  readonly seconds: number
  readonly sources: readonly string[]
  /** Payloads in hexadecimal, sent in turn. Without any, `kind` decides. */
  readonly payloads: readonly string[]
  /** The source port; 0 lets the system choose. */
  readonly sourcePort?: number
}

const program = (file: string) => join(import.meta.dirname, file)

/** Floods the server, and resolves with the number of datagrams sent. */
export async function flood(network: FloodNetwork, options: FloodOptions): Promise<number> {
  const text = JSON.stringify({ ...options, server: serverAddress })
  return Number(await outputOf(network.start('attacker', [process.execPath, program('udp-flood.ts'), text])))
}

/** Delays in milliseconds; a lost request counts as its timeout. */
export type Delays = {
  readonly sent: number
  readonly answered: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** When the first answer came, in milliseconds after the start; absent when none came. */
  readonly firstAnswer?: number
}

export type ProbeOptions = {
  /** A DNS query or a DHCPDISCOVER in hexadecimal; the first two or the four octets from 4 on are the transaction. */
  readonly payload: string
  readonly service: 'dns' | 'dhcp'
  readonly seconds: number
  /** Milliseconds between requests. */
  readonly everyMs: number
}

/** Sends requests as the client, and measures the delays of the answers. */
export async function probe(network: FloodNetwork, options: ProbeOptions): Promise<Delays> {
  const text = JSON.stringify({ ...options, server: serverAddress })
  const child = network.start('client', [process.execPath, program('udp-probe.ts'), text])
  return JSON.parse(await outputOf(child)) as Delays
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`exit code ${code}: ${text}`)
  return text
}

/** Waits until `isDone` returns true, for at most ten seconds. */
export async function until(what: string, isDone: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await isDone())) {
    if (performance.now() > deadline) throw new Error(`not within 10 s: ${what}`)
    await sleep(50)
  }
}
