/** Withholds offers, and NAKs, on networks where slipway must not lease addresses at present. Pure. */
import { defined } from '../../text/defined.ts'
import type { Cidr } from '../../proto/address/ip.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'
import type { Refusal } from './decide.ts'
import type { DhcpResult } from './respond.ts'

/** A network on which no address is offered, and why. */
export type Withheld = Refusal & { readonly network: Cidr }

/**
 * Returns the result without its reply, if the reply must not be sent. A NAK could take away the address that another server
 * leased. An ACK completes an exchange in which the client chose this server, or extends a lease that it has.
 */
export function withhold(
  result: DhcpResult,
  { reservationByMac }: Pick<DhcpPlan, 'reservationByMac'>,
  withheld: readonly Withheld[],
): DhcpResult {
  if (withheld.length === 0 || (result.kind !== 'offered' && result.kind !== 'refused')) return result
  const { inventory } = result
  const leased = inventory ?? reservationByMac.get(result.about.mac)
  const refusal = withheld.find(({ network }) => isSame(network, leased?.network))
  if (refusal === undefined) return result
  const { code, reason } = refusal
  if (inventory !== undefined) {
    const about = { ...result.about, address: undefined, bootFile: undefined, code, reason }
    const { client, isSimulated } = inventory
    return { kind: 'unknown-client', client, about, ...defined({ isSimulated }) }
  }
  return { kind: 'ignored', about: { ...result.about, bootFile: undefined, code, reason } }
}

function isSame(one: Cidr, other: Cidr | undefined): boolean {
  return one.network === other?.network && one.prefix === other.prefix
}
