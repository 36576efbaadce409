/**
 * The classes that network boot clients send: the vendor class (option 60), `PXEClient:Arch:00007:UNDI:003000`
 * (RFC 4578 §3), and the user class (option 77), RFC 3004 instances or the bare text that iPXE sends.
 */
import { checkedValue, type DhcpOption } from '../option.ts'
import { latin1 } from './text.ts'

/** The first word of firmware's vendor class, which selects the boot protocol. */
export type BootProtocol = 'PXEClient' | 'HTTPClient'

export type BootVendorClass = {
  readonly protocol: BootProtocol
  /** The client system architecture in the text, for clients without option 93. */
  readonly architecture: number | undefined
}

/** Returns `undefined` when the first word is not that of network boot firmware (RFC 4578 §3). */
export function parseBootVendorClass(text: string): BootVendorClass | undefined {
  const match = /^(PXEClient|HTTPClient)(?::Arch:(\d{5})(?::|$))?/.exec(text)
  if (match === null) return undefined
  const [, protocol, architecture] = match
  return {
    protocol: protocol as BootProtocol,
    architecture: architecture === undefined ? undefined : Number(architecture),
  }
}

/**
 * Returns the user classes of a client.
 *
 *      +---------+------------------+---------+------------------+
 *      | length1 | user class data1 | length2 | user class data2 | …        RFC 3004 §4
 *      +---------+------------------+---------+------------------+
 *
 * Deviates from RFC 3004 §4: a value that is not such a list is one class. iPXE sends
 * `iPXE` bare (all captures of iPXE 1.0.0+git-20190125), where 0x69 would be a length of 105.
 */
export function userClassesOf(option: DhcpOption): string[] {
  const value = checkedValue(option)
  const classes: string[] = []
  let at = 0
  while (at < value.length) {
    const length = value[at] as number
    const next = at + 1 + length
    if (length === 0 || next > value.length) return [latin1(value)]
    classes.push(latin1(value.subarray(at + 1, next)))
    at = next
  }
  return classes
}
