/** iPXE's own option 175: what a build can do, told as sub-options (ipxe.org, `dhcp.h`). */
import type { DhcpOption } from '../option.ts'
import { readSubOptions } from './sub-options.ts'

/** Sub-option 19: the build can fetch over HTTP. */
const http = 19

/**
 * Sub-option 176, `no-pxedhcp`: iPXE need not wait for a ProxyDHCP server. Without it each of iPXE's
 * DHCP exchanges takes 3.0 s instead of 9 ms (measured).
 */
export const noProxyDhcp = Uint8Array.of(176, 1, 1)

/**
 * What option 175 says about its sender; `undefined` when it is not iPXE's. The code is only tentatively
 * assigned, so what cannot be read as iPXE's sub-options is somebody else's option, not a malformed one.
 */
export function ipxeFeaturesOf(option: DhcpOption): { readonly http: boolean } | undefined {
  const { found, cutAt } = readSubOptions(option.value)
  if (found.size === 0 || cutAt !== undefined) return undefined
  return { http: found.get(http)?.[0] === 1 }
}
