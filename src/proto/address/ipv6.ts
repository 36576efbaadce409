/** IPv6 addresses as canonical text (RFC 5952), so that equal addresses are equal strings. */

/** Lower case, longest run of zero groups compressed, no leading zeros, no zone. */
export type Ipv6 = string & { readonly __brand: 'Ipv6' }

const hexGroup = /^[0-9a-f]{1,4}$/i

/** Parses any form of RFC 4291 §2.2 without a zone index; returns `undefined` for anything else. */
export function parseIpv6(text: string): Ipv6 | undefined {
  const groups = readGroups(text)
  return groups === undefined ? undefined : (formatGroups(groups) as Ipv6)
}

/** Returns the sixteen octets of an AAAA record. */
export function ipv6Octets(address: Ipv6): Uint8Array {
  const groups = readGroups(address) as number[]
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 255]))
}

function readGroups(text: string): number[] | undefined {
  const halves = withoutDottedTail(text)?.split('::')
  if (halves === undefined || halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':'))) as [string[], string[]?]
  const given = [...head, ...(tail ?? [])]
  if (!given.every((group) => hexGroup.test(group))) return undefined
  const missing = 8 - given.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const zeros = Array.from({ length: missing }, () => '0')
  return [...head, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16))
}

/** Rewrites `::ffff:192.0.2.1` as `::ffff:c000:201` (RFC 4291 §2.2, third form). */
function withoutDottedTail(text: string): string | undefined {
  if (!text.includes('.')) return text
  const start = text.lastIndexOf(':') + 1
  const octets = text.slice(start).split('.')
  if (start === 0 || octets.length !== 4) return undefined
  if (!octets.every((octet) => /^(?:0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256)) return undefined
  const [a, b, c, d] = octets.map(Number) as [number, number, number, number]
  return `${text.slice(0, start)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

/** RFC 5952 §4.2: compresses only the longest run of two or more zero groups; of equal runs, the first. */
function formatGroups(groups: readonly number[]): string {
  let runStart = -1
  let runLength = 1
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > runLength) [runStart, runLength] = [start, length]
  }
  const text = (from: number, to?: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  return runStart === -1 ? text(0) : `${text(0, runStart)}::${text(runStart + runLength)}`
}
