/** The vendor class (option 60) of network boot firmware: `PXEClient:Arch:00007:UNDI:003000` (RFC 4578 §3). */

/** What firmware asks for by the first word of its vendor class. */
export type BootProtocol = 'PXEClient' | 'HTTPClient'

export type BootVendorClass = {
  readonly protocol: BootProtocol
  /** The client system architecture in the text, for clients without option 93. */
  readonly architecture: number | undefined
}

/** `undefined` when the text is not that of network boot firmware, which is known by its first word (RFC 4578 §3). */
export function parseBootVendorClass(text: string): BootVendorClass | undefined {
  const match = /^(PXEClient|HTTPClient)(?::Arch:(\d{5})(?::|$))?/.exec(text)
  if (match === null) return undefined
  const [, protocol, architecture] = match
  return {
    protocol: protocol as BootProtocol,
    architecture: architecture === undefined ? undefined : Number(architecture),
  }
}
