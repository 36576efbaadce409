/**
 * How many transfers there may be at once: a machine that keeps asking, from new ports or in the name of
 * addresses that are not its own, does not take the places of the declared nodes. Pure.
 */
import type { TftpPlan } from '../../plan/tftp.ts'

/** Transfers under way when a request comes. */
export type Load = {
  readonly all: number
  readonly ofClient: number
  /** To addresses of no declared node. */
  readonly ofStrangers: number
}

/** Several racks at once. */
const mostTransfers = 512
/** Firmware has one, or two where it asks for the size first; a person's machine has some more. */
const mostOfClient = 16

/** Why a request from `address` has to wait; `undefined` when its transfer may begin. */
export function whyBusy(
  { transfers, nodeByAddress }: Pick<TftpPlan, 'transfers' | 'nodeByAddress'>,
  address: string,
  load: Load,
): string | undefined {
  const places =
    transfers.kind === 'range' ? Math.min(mostTransfers, transfers.to - transfers.from + 1) : mostTransfers
  const ofStrangers = Math.floor(places / 2)
  const isStranger = !nodeByAddress.has(address)
  // Behind NAT all machines have one address, of no node: it may be a whole rack.
  const isRack = isStranger && transfers.kind === 'single'
  const ofClient = isRack ? ofStrangers : Math.min(mostOfClient, Math.floor(places / 4))

  if (load.ofClient >= ofClient) return `${load.ofClient} transfers to ${address} are under way`
  if (isStranger && load.ofStrangers >= ofStrangers) {
    return `${load.ofStrangers} transfers to undeclared addresses are under way, ask again later`
  }
  return load.all >= places ? `${load.all} transfers are under way, ask again later` : undefined
}
