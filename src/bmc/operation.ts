/** One operation of the BMC of a node: reads its credentials, opens a verified connection, and closes it again. */
import { readFile } from 'node:fs/promises'
import { bmcName, type BmcPlan } from '../plan/bmc.ts'
import type { Clock } from '../host/clock.ts'
import { readCredentials } from './credentials.ts'
import { withIpmi } from './ipmi/client.ts'
import type { Bmc } from './machine.ts'
import type { Pins } from './pins.ts'
import { BmcProblem } from './problem.ts'
import type { Peer, Trust } from './redfish/connection.ts'
import type { ExchangeOptions } from './redfish/exchange.ts'

export type OperationOptions = {
  readonly clock: Clock
  readonly pins: Pins
  /** For tests. */
  readonly limits?: Pick<ExchangeOptions, 'connectMs' | 'timeoutMs' | 'retryMs'>
}

/** What an operation needs of a declared BMC. */
export type BmcTarget = Omit<BmcPlan, 'node' | 'isManaged' | 'networkBoot' | 'loaderUrl'>

/** Opens a connection to a BMC, runs `use`, and closes it. @throws {BmcProblem} */
export async function withBmc<T>(
  target: BmcTarget,
  { clock, pins, limits }: OperationOptions,
  use: (bmc: Bmc) => Promise<T>,
): Promise<T> {
  const name = bmcName(target)
  if (target.credentials === undefined) {
    throw new BmcProblem(
      'bmc.no-credentials',
      `no credentials for BMC ${name}: set bmc.credentials in the node, its cluster, or the site, then run "slipway reload"`,
    )
  }
  const credentials = await readCredentials(target.credentials)
  if (target.protocol === 'ipmi') return withIpmi(target, credentials, use)
  // Loaded only here, because TLS takes time to load.
  const { withRedfish } = await import('./redfish/client.ts')
  const peer = peerOf(target)
  return withRedfish(
    { peer, trust: await trustOf(target, peer, pins), clock, ...limits },
    credentials,
    target,
    use,
  )
}

export function peerOf(target: BmcTarget): Peer {
  const { host, port, isPlain } = target
  return { name: bmcName(target), host, port, isPlain }
}

async function trustOf({ ca }: BmcTarget, { name }: Peer, pins: Pins): Promise<Trust> {
  if (ca === undefined) {
    const keep = (fingerprint: string): Promise<void> => pins.set(name, fingerprint)
    return { kind: 'pin', expected: await pins.get(name), keep }
  }
  try {
    return { kind: 'ca', ca: await readFile(ca, 'utf8') }
  } catch (error) {
    throw new BmcProblem(
      'bmc.certificate-untrusted',
      `cannot read the CA of BMC ${name}: ${(error as Error).message}; correct bmc.ca`,
    )
  }
}
