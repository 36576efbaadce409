/**
 * What a client asks for and what it is granted: blksize (RFC 2348), timeout and tsize (RFC 2349),
 * windowsize (RFC 7440). Unknown options and values outside their range are left out of the answer, which
 * refuses them (RFC 2347); without any granted option there is no OACK.
 */
import type { TftpOptions } from '../../proto/tftp/packet.ts'

export type Agreement = {
  readonly blockOctets: number
  readonly windowBlocks: number
  /** Seconds between retransmissions that the client asked for; `undefined` leaves them to the server. */
  readonly timeoutSeconds: number | undefined
  /** What the OACK says, in the client's order; empty: no OACK. */
  readonly granted: TftpOptions
}

/** RFC 1350 §2; RFC 7440 §3: without the option every block is acknowledged. */
const defaults = { blockOctets: 512, windowBlocks: 1 }

/**
 * 1500 Ethernet MTU - 20 IPv4 - 8 UDP - 4 TFTP header. A larger block would travel as fragments, of which
 * one lost loses the block; a server may always answer with less than was asked (RFC 2348). Firmware asks
 * for no more: OVMF 1468, iPXE 1432. dnsmasq lowers to the MTU of the interface likewise.
 */
const maxBlockOctets = 1468

/** 64 x 1468 octets in one burst still fit a default receive buffer on Linux (208 KiB); OVMF asks for 4. */
const maxWindowBlocks = 64

/** @param fileOctets what is sent in full, for tsize; `undefined` when it is not known beforehand (netascii) */
export function negotiate(requested: TftpOptions, fileOctets: number | undefined): Agreement {
  let { blockOctets, windowBlocks } = defaults
  let timeoutSeconds: number | undefined
  const granted = new Map<string, string>()
  for (const [name, text] of requested) {
    const value = parseDecimal(text)
    if (value === undefined) continue
    if (name === 'blksize' && value >= 8 && value <= 65_464) {
      blockOctets = Math.min(value, maxBlockOctets)
      granted.set(name, String(blockOctets))
    } else if (name === 'windowsize' && value >= 1 && value <= 65_535) {
      windowBlocks = Math.min(value, maxWindowBlocks)
      granted.set(name, String(windowBlocks))
    } else if (name === 'timeout' && value >= 1 && value <= 255) {
      timeoutSeconds = value // RFC 2349: "must match the value specified by the client"
      granted.set(name, text)
    } else if (name === 'tsize' && fileOctets !== undefined) {
      granted.set(name, String(fileOctets))
    }
  }
  return { blockOctets, windowBlocks, timeoutSeconds, granted }
}

/** Decimal digits without sign, blanks or leading zeros; anything else is `undefined`. */
function parseDecimal(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : undefined
}
