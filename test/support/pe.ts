/** Builds a small PE image with a section `.sbat` and signatures, as the firmware reads it. */

/** Returns a value of DER. @param tag for example 0x30 for a SEQUENCE */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Uint8Array.from(head), content])
}

const text = (tag: number, value: string) => der(tag, Buffer.from(value))
const commonName = Uint8Array.from([0x06, 3, 0x55, 4, 3])
const organization = Uint8Array.from([0x06, 3, 0x55, 4, 10])

/** Returns a signature in the form of PKCS #7 without certificates and digests. @param issuers common names of the CAs */
export function signature(...issuers: readonly string[]): Buffer {
  const number = der(0x02, Uint8Array.from([1]))
  const signers = issuers.map((issuer) => {
    const names = der(
      0x30,
      der(0x31, der(0x30, organization, text(0x13, 'Example'))),
      der(0x31, der(0x30, commonName, text(0x13, issuer))),
    )
    return der(0x30, number, der(0x30, names, number), der(0x30))
  })
  const signed = der(0x30, number, der(0x31), der(0x30), der(0x31, ...signers))
  return der(0x30, Uint8Array.from([0x06, 1, 0x2a]), der(0xa0, signed))
}

/** @param format 0x20b for 64 bits, 0x10b for 32 bits @param type of the entries of the certificate table */
export function peImage(
  signatures: readonly Uint8Array[],
  {
    sbat,
    format = 0x20b,
    type = 2,
  }: { readonly sbat?: string; readonly format?: number; readonly type?: number } = {},
): Buffer {
  const optionalBytes = 240
  const sections = 0x40 + 24 + optionalBytes
  const head = Buffer.alloc(sections + 80)
  head.write('MZ', 0, 'latin1')
  head.writeUInt32LE(0x40, 0x3c)
  head.write('PE', 0x40, 'latin1')
  head.writeUInt16LE(2, 0x40 + 6)
  head.writeUInt16LE(optionalBytes, 0x40 + 20)
  head.writeUInt16LE(format, 0x40 + 24)
  head.write('.text', sections, 'latin1')
  head.write(sbat === undefined ? '.data' : '.sbat', sections + 40, 'latin1')
  const data = Buffer.from(sbat ?? '')
  head.writeUInt32LE(data.length, sections + 48)
  head.writeUInt32LE(head.length, sections + 60)
  const padding = Buffer.alloc((8 - ((head.length + data.length) % 8)) % 8)
  const entries = signatures.map((content) => {
    const entry = Buffer.alloc((8 + content.length + 7) & ~7)
    entry.writeUInt32LE(8 + content.length, 0)
    entry.writeUInt16LE(type, 6)
    entry.set(content, 8)
    return entry
  })
  const table = Buffer.concat(entries)
  const directory = 0x40 + 24 + (format === 0x20b ? 112 : 96) + 32
  head.writeUInt32LE(head.length + data.length + padding.length, directory)
  head.writeUInt32LE(table.length, directory + 4)
  return Buffer.concat([head, data, padding, table])
}
