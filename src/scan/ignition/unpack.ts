/**
 * Texts inside texts: what data URLs (RFC 2397) and long runs of base64 hold, gunzipped where they are gzip'd. Octets become
 * characters one for one (latin1): all that is looked for is ASCII. Bounded: a text may be made to grow without end.
 */
import { gunzipSync } from 'node:zlib'

/** What may still be unpacked, shared by all parts of one file. */
export type Budget = { octets: number }

/** An Ignition file of the installer unpacks to a few MiB. */
export const largestUnpacked = 32 * 1024 * 1024

export type Unpacked = {
  readonly texts: readonly string[]
  /** How many parts were gzip and broken, or more than the budget allows. */
  readonly unread: number
}

// The media type is bounded, so that many `data:` without a comma do not cost the square of their number.
const dataUrl = /data:([^\s"'\\,]{0,200}),([^\s"'\\]*)/g
/** The shortest certificate in PEM has some 400 octets. A run begins where no other character of it stands before. */
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
  const plain = octets[0] === 0x1f && octets[1] === 0x8b ? gunzip(octets, budget.octets) : octets
  if (plain === undefined || plain.length > budget.octets) return undefined
  budget.octets -= plain.length
  return plain.toString('latin1')
}

function gunzip(octets: Buffer, most: number): Buffer | undefined {
  try {
    // zlib takes no bound of 0.
    return gunzipSync(octets, { maxOutputLength: Math.max(1, most) })
  } catch {
    return undefined
  }
}
