/**
 * Reads who signed a boot loader: the certificate table of its PE image (Microsoft's PE format, "The Attribute Certificate
 * Table"), whose entries are PKCS #7 (RFC 2315 §9), and its section `.sbat` (shim, SBAT.md). Verifies nothing: the firmware
 * does. Pure.
 */
export type LoaderSignature = {
  /** Common names of the certificate authorities that signed the signers; empty if the file has no signature. */
  readonly authorities: readonly string[]
  /** The component and its generation, which revocations name: `shim 4`; absent if the file has no such section. */
  readonly sbat?: string
}

/** Firmware loads no larger images; the loaders of vendors have up to 4 MiB. */
export const maxLoaderBytes = 32 * 1024 * 1024

/** @returns undefined if the file is not a PE image, or is damaged */
export function readLoaderSignature(file: Uint8Array): LoaderSignature | undefined {
  try {
    return readPe(Buffer.from(file.buffer, file.byteOffset, file.length))
  } catch {
    // RangeError: a read beyond the end.
    return undefined
  }
}

/** Formats a signature: `signed by Microsoft UEFI CA 2023; SBAT shim 4`. */
export function signatureText({ authorities, sbat }: LoaderSignature): string {
  const signer = authorities.length === 0 ? 'not signed' : `signed by ${authorities.join(' and ')}`
  return sbat === undefined ? signer : `${signer}; SBAT ${sbat}`
}

function readPe(file: Buffer): LoaderSignature | undefined {
  if (file.toString('latin1', 0, 2) !== 'MZ') return undefined
  const header = file.readUInt32LE(0x3c)
  if (file.readUInt32LE(header) !== 0x4550) return undefined
  const optional = header + 24
  const directories = optional + (file.readUInt16LE(optional) === 0x20b ? 112 : 96)
  // The fifth entry. Unlike the others, it has an offset in the file.
  const at = file.readUInt32LE(directories + 32)
  const size = file.readUInt32LE(directories + 36)
  const sections = optional + file.readUInt16LE(header + 20)
  const sbat = readSbat(file, sections, file.readUInt16LE(header + 6))
  const authorities = [...new Set(signaturesAt(file, at, at + size).flatMap(authoritiesOf))]
  return { authorities, ...(sbat !== undefined && { sbat }) }
}

function signaturesAt(file: Buffer, start: number, end: number): Buffer[] {
  const found: Buffer[] = []
  for (let at = start; at + 8 <= end;) {
    const length = file.readUInt32LE(at)
    if (length < 8 || at + length > file.length) throw new RangeError('entry')
    if (file.readUInt16LE(at + 6) === 2) found.push(file.subarray(at + 8, at + length))
    at += (length + 7) & ~7
  }
  return found
}

/** The second line of the section describes the component itself, the first one the format. */
function readSbat(file: Buffer, sections: number, count: number): string | undefined {
  for (let at = sections; at < sections + count * 40; at += 40) {
    if (file.toString('latin1', at, at + 8).replace(/\0+$/, '') !== '.sbat') continue
    const [octets, offset] = [file.readUInt32LE(at + 8), file.readUInt32LE(at + 20)]
    const [, component = ''] = file.toString('latin1', offset, offset + octets).split('\n')
    const [, name, generation] = /^([\w.-]+),(\d+),/.exec(component) ?? []
    return name === undefined ? undefined : `${name} ${generation as string}`
  }
  return undefined
}

type Value = { readonly tag: number; readonly content: Buffer; readonly next: number }

/** Reads a value of DER (X.690 §8.1). */
function valueAt(der: Buffer, at: number): Value {
  const tag = der.readUInt8(at)
  const first = der.readUInt8(at + 1)
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f
  const length = lengthOctets === 0 ? first : der.readUIntBE(at + 2, lengthOctets)
  const start = at + 2 + lengthOctets
  if (start + length > der.length) throw new RangeError('value')
  return { tag, content: der.subarray(start, start + length), next: start + length }
}

function valuesIn(der: Buffer): Value[] {
  const values: Value[] = []
  for (let at = 0; at < der.length; at = (values.at(-1) as Value).next) values.push(valueAt(der, at))
  return values
}

function contentOf(values: readonly Value[], index: number): Buffer {
  const value = values.at(index)
  if (value === undefined) throw new RangeError('no value')
  return value.content
}

/** Returns the common names of the issuers of all signers. */
function authoritiesOf(signature: Buffer): string[] {
  // ContentInfo { type, [0] SignedData { version, algorithms, content, certificates, …, signers } }
  const wrapped = contentOf(valuesIn(valueAt(signature, 0).content), 1)
  const signers = contentOf(valuesIn(valueAt(wrapped, 0).content), -1)
  return valuesIn(signers).flatMap(({ content }) => {
    // SignerInfo { version, IssuerAndSerialNumber { issuer, serial }, … }
    const issuer = contentOf(valuesIn(contentOf(valuesIn(content), 1)), 0)
    return valuesIn(issuer).flatMap(commonNameOf)
  })
}

const commonName = Buffer.from([0x55, 0x04, 0x03])

/** @param set one relative name: SET { SEQUENCE { type, value } } */
function commonNameOf(set: Value): string[] {
  const attribute = valuesIn(valueAt(set.content, 0).content)
  return contentOf(attribute, 0).equals(commonName)
    ? [
        contentOf(attribute, 1)
          .toString('latin1')
          .replaceAll(/[^ -~]/g, '?'),
      ]
    : []
}
