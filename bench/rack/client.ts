/** Runs the program that boots simulated nodes (client/), on the cores of the load programs, behind a relay agent. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../../test/e2e/process.ts'
import type { Measurement } from '../benchmark.ts'
import { clientAddress, onSecondServer, serverAddress, type Network } from '../network.ts'
import { createNodes, domain, relay, relayedSubnet, type Files, type Node } from '../site.ts'

/** The input of the program; client/main.go describes all keys. */
export type ClientOptions = {
  readonly steps: 'boot' | 'tftp' | 'download'
  readonly url?: string
  readonly nodes: readonly Node[]
  /** Addresses of more appliances of the same site. */
  readonly others?: readonly string[]
  readonly tftpFile?: string
  readonly windowSize?: number
  readonly lossPercent?: number
  readonly reorderPercent?: number
  readonly maxBytes?: number
}

/** The output of the program. Times are in seconds. */
export type ClientResult = {
  readonly elapsed: number
  readonly booted: number
  readonly steps: readonly { readonly name: string; readonly median: number; readonly max: number }[] | null
  readonly repeated: Readonly<Record<string, number>>
  readonly errors: readonly string[]
  readonly processor: number
  readonly bytes: number
}

const limitSeconds = 100

/** What OVMF requests: blocks of Ethernet's size, in windows of four; and its time-out. */
const ovmf = { blockSize: 1468, windowSize: 4, tftpTimeoutMs: 4000 }

/** Returns nodes of the relayed subnet, after the first `skipped` of them. */
export function relayedNodes(count: number, skipped = 0): readonly Node[] {
  return createNodes(1000 + skipped + count).slice(1000 + skipped)
}

/**
 * Gives the client the addresses of all relayed nodes, and the servers a route to them. The client does not use these
 * addresses in ARP requests: otherwise the server finds that a relayed node is on its own link.
 */
export async function openRelayedSubnet(network: Network): Promise<void> {
  await output(network.onClient(0, 'sysctl', '-qw', 'net.ipv4.conf.all.arp_announce=2'))
  await output(
    network.onClient(0, 'ip', 'route', 'replace', 'local', relayedSubnet, 'dev', 'lo', 'table', 'local'),
  )
  const route = ['ip', 'route', 'replace', relayedSubnet, 'via', clientAddress(0)]
  await output(network.onServer(...route))
  await output(network.onServer(...onSecondServer(...route)))
}

/**
 * @param priority a command that runs the program with another priority
 * @throws {Error} if less than half of the nodes booted
 */
export async function runClient(
  network: Network,
  { dir }: Files,
  options: ClientOptions,
  priority: readonly string[] = [],
): Promise<ClientResult> {
  const config = { server: serverAddress, relay, domain, limitSeconds, seed: 1, ...ovmf, ...options }
  const path = join(dir, 'rack-client.json')
  await writeFile(path, JSON.stringify(config))
  await openRelayedSubnet(network)
  const program = join(import.meta.dirname, '../.work/rack-client')
  const text = await output(network.onClient(0, ...priority, program, path), {
    limitMs: (limitSeconds + 20) * 1000,
  })
  const result = JSON.parse(text) as ClientResult
  if (result.errors.length === 0) return result
  const problem = `${result.booted} of ${options.nodes.length} nodes booted: ${result.errors.join('; ')}`
  if (result.booted < options.nodes.length / 2) throw new Error(problem)
  console.log(`         ${problem}`)
  return result
}

/** Returns the time of a run, and how busy the program was: if it is not busy, the server determined the time. */
export function toMeasurement(
  { elapsed, booted, processor, repeated }: ClientResult,
  nodes: number,
): Measurement {
  return {
    value: elapsed,
    done: booted,
    lostPercent: 100 * (1 - booted / nodes),
    extras: {
      'load program busy %': (100 * processor) / elapsed,
      'requests repeated': Object.values(repeated).reduce((sum, each) => sum + each, 0),
    },
  }
}
