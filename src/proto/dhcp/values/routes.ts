/** Routes as option values: with any prefix (option 121, RFC 3442), and those that option 33 can say (RFC 2132 §5.8). */
import { ipv4Octets, type Cidr, type Ipv4 } from '../../address/ipv4.ts'

export type Route = {
  readonly to: Cidr
  readonly via: Ipv4
}

/**
 * RFC 3442, "Classless Route Option Format": the prefix, as many octets of the network as it covers, the router.
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

/** The routes that option 33 can say: it has no masks, its readers take networks by their class and all else for hosts. */
export function encodeStaticRoutes(routes: readonly Route[]): Uint8Array {
  return Uint8Array.from(
    routes
      .filter(({ to }) => to.prefix === classfulPrefix(to.network))
      .flatMap(({ to, via }) => [...ipv4Octets(to.network), ...ipv4Octets(via)]),
  )
}

/** RFC 791 §3.2. The default route is no destination of option 33 (RFC 2132 §5.8). */
function classfulPrefix(network: Ipv4): number | undefined {
  if (network === 0) return undefined
  const prefix = network < 0x80000000 ? 8 : network < 0xc0000000 ? 16 : 24
  const hasHostBits = (network << prefix) >>> 0 !== 0
  return hasHostBits ? 32 : prefix
}
