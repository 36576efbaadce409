/**
 * The network of a run, made of network namespaces so that no interface, route or file of the machine
 * is touched. The addresses are those of the guide's lab.
 *
 *     office ---- server ---- bridge ---- client      one veth pair per line
 *                               | \
 *                             taps  machines          taps belong to virtual machines
 */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { output, run } from './process.ts'

/** `machines` has the addresses of nodes that already stand, for the load balancer's back ends. */
export type Place = 'server' | 'bridge' | 'client' | 'machines' | 'office'

export const addresses = {
  server: '172.16.0.101',
  apiInternal: '172.16.0.110',
  api: '172.16.0.111',
  /** The server's own address on the office's network. */
  serverInOffice: '192.168.124.101',
  /** Where other names are forwarded to, and an allowed client. */
  resolver: '192.168.124.1',
  /** Secondary name servers in the office. */
  bind: '192.168.124.53',
  knot: '192.168.124.54',
  /** Reaches the server, yet no rule of the site allows it to have names forwarded. */
  foreigner: '198.51.100.7',
} as const

export const clientMac = '52:54:00:00:0c:01'
export const clientInterface = 'cli0'

export type Network = {
  /** The command, to be run in that place. */
  inside(place: Place, ...command: string[]): string[]
  /** One tap per virtual machine that runs at the same time. */
  readonly taps: readonly string[]
  /** Ends what still runs in the namespaces and removes them; never rejects. */
  close(): Promise<void>
}

const prefix = 'slipway-e2e-'
const places: readonly Place[] = ['server', 'bridge', 'client', 'machines', 'office']
const taps = ['tap0', 'tap1'] as const

export async function createNetwork(): Promise<Network> {
  const nameOf = (place: Place): string => `${prefix}${process.pid}-${place}`
  const inside = (place: Place, ...command: string[]): string[] => [
    ...['ip', 'netns', 'exec', nameOf(place)],
    ...command,
  ]
  const ip = (place: Place, text: string): Promise<string> =>
    output(['ip', '-n', nameOf(place), ...text.split(' ')])
  const close = async (): Promise<void> => {
    for (const place of places) await removeNamespace(nameOf(place))
  }

  await removeAbandoned()
  try {
    for (const place of places) {
      await output(['ip', 'netns', 'add', nameOf(place)])
      await run(inside(place, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1'))
      await run(inside(place, 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1'))
      await ip(place, 'link set lo up')
    }
    await ip('bridge', 'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0')
    await ip('bridge', 'link set br0 up')
    for (const [place, name] of [
      ['server', 'srv0'],
      ['client', clientInterface],
      ['machines', 'mach0'],
    ] as const) {
      await ip('bridge', `link add to-${place} type veth peer name ${name} netns ${nameOf(place)}`)
      await ip('bridge', `link set to-${place} master br0 up`)
      await ip(place, `link set ${name} up`)
    }
    for (const tap of taps) {
      await ip('bridge', `tuntap add dev ${tap} mode tap`)
      await ip('bridge', `link set ${tap} master br0 up`)
    }
    for (const address of [addresses.server, addresses.apiInternal, addresses.api]) {
      await ip('server', `addr add ${address}/24 dev srv0`)
    }
    await ip('client', `link set ${clientInterface} address ${clientMac}`)

    await ip('server', `link add office0 type veth peer name off0 netns ${nameOf('office')}`)
    await ip('server', 'link set office0 up')
    await ip('server', `addr add ${addresses.serverInOffice}/24 dev office0`)
    await ip('server', `route add ${addresses.foreigner}/32 dev office0`)
    await ip('office', 'link set off0 up')
    await ip('office', `addr add ${addresses.resolver}/24 dev off0`)
    await ip('office', `addr add ${addresses.foreigner}/32 dev off0`)
    await ip('office', `route add default via ${addresses.serverInOffice}`)
  } catch (error) {
    await close()
    throw error
  }
  return { inside, taps, close }
}

/** Namespaces whose run was killed: their processes died with it. */
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
    const left = await processesIn(name)
    for (const pid of left) signalQuietly(pid, signal)
    for (let wait = 0; wait < 20 && (await processesIn(name)).length > 0; wait++) await sleep(100)
  }
  await run(['ip', 'netns', 'del', name])
}

async function processesIn(name: string): Promise<number[]> {
  const { stdout } = await run(['ip', 'netns', 'pids', name])
  return stdout.split('\n').filter(Boolean).map(Number)
}

/** It may have ended meanwhile. */
function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
