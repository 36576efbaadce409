/**
 * Unpacks texts inside a text: data URLs (RFC 2397) and long runs of base64, decompressed if they are gzip. Bytes become
 * characters one to one (latin1), because the search is for ASCII. The total size is bounded.
 */
import { gunzipSync } from 'node:zlib'

/** The remaining bytes that all parts of one file may unpack to. */
export type Budget = { bytes: number }

/** An Ignition file of the installer unpacks to a few MiB. */
export const maxUnpackedBytes = 32 * 1024 * 1024

export type Unpacked = {
  readonly texts: readonly string[]
  /** Number of parts that were broken gzip, or exceeded the budget. */
  readonly unread: number
}

// The length of the media type is bounded, so that many `data:` without a comma do not take quadratic time.
const dataUrl = /data:([^\s"'\\,]{0,200}),([^\s"'\\]*)/g
/** The shortest certificate in PEM has about 400 characters. A run has no base64 character before it. */
const base64Run = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{400,}={0,2}/g

export function unpack(text: string, budget: Budget): Unpacked {
  const parts: Buffer[] = []
  const rest = text.replace(dataUrl, (_, type: string, data: string) => {
    const characters = data.replace(/%([0-9A-Fa-f]{2})/g, (_, octet: string) =>
      String.fromCharCode(Number.parseInt(octet, 16)),
    )
    parts.push(Buffer.from(characters, /;base64$/i.test(type) ? 'base64' : 'latin1'))
    return ' '
  })
  for (const [run] of rest.matchAll(base64Run)) parts.push(Buffer.from(run, 'base64'))
  const texts = parts.map((part) => plainText(part, budget)).filter((each) => each !== undefined)
  return { texts, unread: parts.length - texts.length }
}

function plainText(octets: Buffer, budget: Budget): string | undefined {
  const plain = octets[0] === 0x1f && octets[1] === 0x8b ? gunzip(octets, budget.bytes) : octets
  if (plain === undefined || plain.length > budget.bytes) return undefined
  budget.bytes -= plain.length
  return plain.toString('latin1')
}

function gunzip(octets: Buffer, maxBytes: number): Buffer | undefined {
  try {
    // zlib does not accept a bound of 0.
    return gunzipSync(octets, { maxOutputLength: Math.max(1, maxBytes) })
  } catch {
    return undefined
  }
}
