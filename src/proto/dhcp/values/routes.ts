/** Routes as option values: with any prefix (option 121, RFC 3442), and classful ones (option 33, RFC 2132 §5.8). */
import { ipv4Octets, type Cidr, type Ipv4 } from '../../address/ipv4.ts'

export type Route = {
  readonly to: Cidr
  readonly via: Ipv4
}

/**
 * Encodes the "Classless Route Option Format" of RFC 3442: prefix, significant octets of the network, router.
 *
 *      +--------+--------- … ---------+----------------------+
 *      | prefix | network, 0–4 octets | router, 4 octets     | …
 *      +--------+--------- … ---------+----------------------+
 */
export function encodeClasslessRoutes(routes: readonly Route[]): Uint8Array {
  return Uint8Array.from(
    routes.flatMap(({ to: { network, prefix }, via }) => [
      prefix,
      ...ipv4Octets(network).subarray(0, Math.ceil(prefix / 8)),
      ...ipv4Octets(via),
    ]),
  )
}

/**
 * Encodes the routes that option 33 can express. It has no masks: clients derive the mask from the class of the
 * network, and treat all other destinations as hosts.
 */
export function encodeStaticRoutes(routes: readonly Route[]): Uint8Array {
  return Uint8Array.from(
    routes
      .filter(({ to }) => to.prefix === classfulPrefix(to.network))
      .flatMap(({ to, via }) => [...ipv4Octets(to.network), ...ipv4Octets(via)]),
  )
}

/** RFC 791 §3.2. The default route is not allowed in option 33 (RFC 2132 §5.8). */
function classfulPrefix(network: Ipv4): number | undefined {
  if (network === 0) return undefined
  const prefix = network < 0x80000000 ? 8 : network < 0xc0000000 ? 16 : 24
  const hasHostBits = (network << prefix) >>> 0 !== 0
  return hasHostBits ? 32 : prefix
}
