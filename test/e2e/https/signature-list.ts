/** Writes certificates as the firmware of virtual machines reads them: a signature list of UEFI (UEFI 2.10 §32.4.1). */
import { readFile, writeFile } from 'node:fs/promises'
import { X509Certificate } from 'node:crypto'

/** EFI_CERT_X509_GUID. UEFI stores the first three parts of a GUID with the least significant byte first. */
const x509Guid = Buffer.from('a159c0a5e494a74a87b5ab155c2bf072', 'hex')
const headerLength = 28

/** Writes a list that contains one certificate. The owner of the entry, a GUID, is zero. */
export async function writeSignatureList(certificate: string, to: string): Promise<void> {
  const { raw } = new X509Certificate(await readFile(certificate))
  const signatureLength = 16 + raw.length
  const header = Buffer.alloc(headerLength)
  x509Guid.copy(header)
  header.writeUInt32LE(headerLength + signatureLength, 16)
  header.writeUInt32LE(signatureLength, 24)
  await writeFile(to, Buffer.concat([header, Buffer.alloc(16), raw]))
}
