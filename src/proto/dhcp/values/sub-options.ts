/**
 * Options with a structure: sub-options of relay agents (option 82, RFC 3046 §2.0) and of iPXE (option 175), and the
 * mark of `slipway simulate`.
 */
import { checkedValue, malformedOption, type DhcpOption } from '../option.ts'

/** Values of the sub-options by code; of repeated codes, the first. */
export type SubOptions = ReadonlyMap<number, Uint8Array>

/** For clients, which report it. @throws {MalformedPacket} when a sub-option does not end inside the option */
export function subOptionsOf(option: DhcpOption): SubOptions {
  const { found, cutAt } = readSubOptions(checkedValue(option))
  if (cutAt === undefined) return found
  const code = option.value[cutAt] as number
  throw malformedOption(option, `sub-option ${code} of option ${option.code} is cut short`, cutAt)
}

/**
 * Reads a list of code, length, and value.
 *
 * @returns the complete sub-options, and the offset of one that does not end inside the value
 */
export function readSubOptions(value: Uint8Array): { found: SubOptions; cutAt: number | undefined } {
  const found = new Map<number, Uint8Array>()
  let at = 0
  while (at < value.length) {
    const code = value[at] as number
    const length = value[at + 1]
    const start = at + 2
    if (length === undefined || start + length > value.length) return { found, cutAt: at }
    if (!found.has(code)) found.set(code, value.subarray(start, start + length))
    at = start + length
  }
  return { found, cutAt: undefined }
}

/** Sub-option codes of option 175. */
const IpxeSubOption = {
  /** The build supports HTTP. */
  http: 19,
  /** `no-pxedhcp`: iPXE does not wait for a ProxyDHCP server. */
  noProxyDhcp: 176,
} as const

/** Without this value each of iPXE's DHCP exchanges takes 3.0 s instead of 9 ms (measured). */
export const noProxyDhcp = Uint8Array.of(IpxeSubOption.noProxyDhcp, 1, 1)

/**
 * Returns the features in option 175; `undefined` when the option is not from iPXE. The code is only tentatively
 * assigned, so a value that is not a list of sub-options belongs to another program and is not malformed.
 */
export function ipxeFeaturesOf(option: DhcpOption): { readonly http: boolean } | undefined {
  const { found, cutAt } = readSubOptions(option.value)
  if (found.size === 0 || cutAt !== undefined) return undefined
  return { http: found.get(IpxeSubOption.http)?.[0] === 1 }
}

/**
 * A mark in requests of `slipway simulate`, in an option for private use (RFC 3942 §3.2): the server answers them like
 * those of a machine, and does not count them as its boot.
 */
export const simulationOption = 224

const mark = new TextEncoder().encode('slipway simulate')

/** Returns the option that marks a request as simulated. */
export function simulationMark(): { readonly code: number; readonly value: Uint8Array } {
  return { code: simulationOption, value: mark }
}

/** Returns whether the value of the option is the mark. */
export function isSimulationMark(value: Uint8Array): boolean {
  return value.length === mark.length && mark.every((octet, index) => octet === value[index])
}
