/**
 * How many transfers there can be, and what each is granted: a client with many requests, from new ports or with forged
 * addresses, does not use up the transfers of declared nodes, and the server does not amplify what a forger sends. Pure.
 */
import { cidrContains, parseIpv4 } from '../../proto/address/ip.ts'
import type { TftpPlan } from '../../plan/tftp.ts'
import { defaultLimits, type AgreementLimits } from './negotiate.ts'

/** `node`: a declared address; `local`: on a subnet of the site; `outside`: any other. */
export type ClientClass = 'node' | 'local' | 'outside'

export function classOf({ nodeByAddress, networks }: ClassPlan, address: string): ClientClass {
  if (nodeByAddress.has(address)) return 'node'
  const value = parseIpv4(address)
  const isLocal = value !== undefined && networks.some((network) => cidrContains(network, value))
  return isLocal ? 'local' : 'outside'
}

type ClassPlan = Pick<TftpPlan, 'nodeByAddress' | 'networks'>

/** A transfer in progress. */
export type Occupant = { readonly address: string; readonly class: ClientClass }

/** Enough for several racks at once. */
const maxTransfers = 512
/** Firmware has one, or two if it requests the size first; an administrator's machine can have more. */
const maxTransfersOfClient = 16
const maxTransfersOutside = 32
const maxTransfersOfClientOutside = 4

/** Why a request must wait, and the transfers that count for this limit: one of them could make way. */
export type Busy = { readonly reason: string; counts(occupant: Occupant): boolean }

/** Explains why a request from `address` must wait; returns `undefined` when its transfer can start. */
export function whyBusy(
  plan: ClassPlan & Pick<TftpPlan, 'transfers'>,
  address: string,
  occupants: readonly Occupant[],
): Busy | undefined {
  const { transfers } = plan
  const max =
    transfers.kind === 'range' ? Math.min(maxTransfers, transfers.to - transfers.from + 1) : maxTransfers
  const maxUndeclared = Math.floor(max / 2)
  const client = classOf(plan, address)
  // Behind NAT many machines share one undeclared address, for which the request port is used: it can be a whole rack.
  const isNat = client !== 'node' && transfers.kind === 'single'
  const maxOfClient = isNat
    ? maxUndeclared
    : Math.min(client === 'outside' ? maxTransfersOfClientOutside : maxTransfersOfClient, Math.floor(max / 4))

  const limit = (most: number, counts: Busy['counts'], of: string, advice = ', try again later') => {
    const count = occupants.filter(counts).length
    return count >= most ? { reason: `${count} transfers${of} are in progress${advice}`, counts } : undefined
  }
  return (
    limit(maxOfClient, (each) => each.address === address, ` to ${address}`, '') ??
    (client === 'outside' && !isNat
      ? limit(maxTransfersOutside, (each) => each.class === 'outside', ' to addresses outside the subnets')
      : undefined) ??
    (client === 'node'
      ? undefined
      : limit(maxUndeclared, (each) => each.class !== 'node', ' to undeclared addresses')) ??
    limit(max, () => true, '')
  )
}

/**
 * Returns what a transfer may be granted. An ACK proves that the client is at its address only if a forger cannot guess
 * the port of the transfer. With the request port a forger knows it, so each ACK leads to one block, and fewer blocks are
 * sent again. With a range a forger has to send an ACK to each port, so the window is limited to a quarter of the range.
 * Clients outside the subnets get one block for each ACK.
 */
export function limitsFor(plan: ClassPlan & Pick<TftpPlan, 'transfers'>, address: string): AgreementLimits {
  const { transfers } = plan
  if (transfers.kind === 'single') return { maxWindowBlocks: 1, maxSilentMs: 10_000 }
  if (classOf(plan, address) === 'outside') return { ...defaultLimits, maxWindowBlocks: 1 }
  if (transfers.kind === 'any') return defaultLimits
  const quarter = Math.floor((transfers.to - transfers.from + 1) / 4)
  return { ...defaultLimits, maxWindowBlocks: Math.max(1, Math.min(defaultLimits.maxWindowBlocks, quarter)) }
}
