/**
 * Negotiates the options of a request: blksize (RFC 2348), timeout and tsize (RFC 2349), windowsize (RFC 7440).
 * Unknown options and values out of range are refused by leaving them out of the OACK (RFC 2347); without any granted
 * option there is no OACK.
 */
import type { TftpOptions } from '../../proto/tftp/packet.ts'

export type Agreement = {
  readonly blockOctets: number
  readonly windowBlocks: number
  /** Seconds between retransmissions if the client requested them; `undefined`: the server decides. */
  readonly timeoutSeconds: number | undefined
  /** The options of the OACK, in the client's order; empty: no OACK. */
  readonly granted: TftpOptions
}

/** RFC 1350 §2; RFC 7440 §3: without the option, every block is acknowledged. */
const defaults = { blockOctets: 512, windowBlocks: 1 }

/**
 * 1500 Ethernet MTU - 20 IPv4 - 8 UDP - 4 TFTP header. A larger block would be sent as fragments, and the loss of one
 * would lose the block. RFC 2348 lets a server grant less than requested. Firmware does not request more: OVMF 1468,
 * iPXE 1432. dnsmasq also limits the size to the MTU of the interface.
 */
const maxBlockOctets = 1468

/** Bounds that depend on the client and the port of the transfer; see limits.ts. */
export type AgreementLimits = {
  readonly maxWindowBlocks: number
  /** After this time without progress the transfer ends. */
  readonly maxSilentMs: number
}

/**
 * A burst of 64 blocks of 1468 octets fits Linux's default receive buffer (208 KiB); OVMF requests 4.
 * With the back-off of transfer.ts: blocks are sent again after 1, 2, 4, 8, 8, and 8 s; the end is after 31 s.
 */
export const defaultLimits: AgreementLimits = { maxWindowBlocks: 64, maxSilentMs: 30_000 }

/** @param fileOctets the size of the file for tsize; `undefined` when it is not known in advance (netascii) */
export function negotiate(
  requested: TftpOptions,
  fileOctets: number | undefined,
  limits: AgreementLimits = defaultLimits,
): Agreement {
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
      windowBlocks = Math.min(value, limits.maxWindowBlocks)
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

/** Parses decimal digits without sign, blanks, or leading zeros; returns `undefined` for anything else. */
function parseDecimal(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : undefined
}
