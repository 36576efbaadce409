/** How long DHCP and DNS take to answer while sixteen readers take all the images that they can get. */
import { join } from 'node:path'
import { output, run } from '../test/e2e/process.ts'
import { perfdhcpCommand } from './dhcp.ts'
import { imageUrl } from './http.ts'
import { serverAddress, type Network } from './network.ts'
import { readDnsperf, readDnsperfDelays, readPerfdhcp, readPerfdhcpDelays } from './readings.ts'
import type { Files } from './site.ts'
import { percentile } from './statistics.ts'

export type Delays = {
  readonly name: 'DHCP' | 'DNS'
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly worst: number
  readonly lostPercent: number
}

const seconds = 8
const rates = { dns: 500, dhcp: 100 }
/** A meter that waits for its own processor would measure the readers beside it, which therefore come second. */
const second = ['nice', '-n', '10']

/** @returns what came for DNS and for DHCP, from a server that is warm */
export async function storm(network: Network, { dir }: Files): Promise<readonly Delays[]> {
  const readers = ['wrk', '-t', '1', '-c', '16', '-d', `${seconds + 2}s`, '--timeout', '60s', imageUrl]
  const reading = output(network.onClient(3, ...second, ...readers))
  const ask = ['dnsperf', '-v', '-s', serverAddress, '-d', join(dir, 'questions'), '-Q', `${rates.dns}`]
  const exchange = perfdhcpCommand(dir, rates.dhcp, seconds)
  const [dnsText, dhcpText] = await Promise.all([
    output(network.onClient(0, ...ask, '-l', `${seconds}`)),
    // Its exit code says whether every exchange was completed; that is counted here.
    run(network.onClient(1, ...exchange, '-x', 't', serverAddress)).then(({ stdout }) => stdout),
  ])
  await reading
  const { sent, lost } = readDnsperf(dnsText)
  const { begun, completed } = readPerfdhcp(dhcpText)
  return [
    { name: 'DHCP', ...spread(readPerfdhcpDelays(dhcpText)), lostPercent: 100 * (1 - completed / begun) },
    { name: 'DNS', ...spread(readDnsperfDelays(dnsText)), lostPercent: (100 * lost) / sent },
  ]
}

function spread(delays: readonly number[]) {
  return { p50: percentile(delays, 50), p99: percentile(delays, 99), worst: percentile(delays, 100) }
}
