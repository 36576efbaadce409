/**
 * The certificate of HTTPS for nodes, and the CA that they trust: the files of the site, or a CA and a certificate that
 * slipway creates in the state directory. Keys are RSA, because iPXE verifies no other (https://ipxe.org/crypto). The CA
 * remains, so that an iPXE that was built with it continues to work; the certificate is replaced before it expires.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { issueCertificate, type CertificatePair } from '../../host/certificate.ts'
import { writeAtomically } from '../../host/files.ts'
import type { CertificateFiles, TlsPlan } from '../../plan/tls.ts'

export type TlsMaterial = {
  /** The certificate and its chain up to the CA: iPXE has only the fingerprint of the CA (PEM). */
  readonly chain: string
  readonly key: string
  /** CA certificates that nodes trust (PEM). */
  readonly authority: string
  /** SHA-256 of the certificate, in hexadecimal pairs with colons. */
  readonly fingerprint: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

const dayMs = 86_400_000
const authorityDays = 3650
const certificateDays = 820
const renewBeforeMs = 60 * dayMs

/**
 * @param directory of the generated CA; without it, each start generates one
 * @throws {Error} with a message for the administrator
 */
export async function loadTls(
  { files, addresses }: TlsPlan,
  directory: string | undefined,
  now: number,
): Promise<TlsMaterial> {
  const { chain, key, authority } =
    files === undefined ? await generated(addresses, directory, now) : await provided(files)
  const [first = ''] = certificatesOf(chain)
  const certificate = new X509Certificate(first)
  if (!certificate.checkPrivateKey(createPrivateKey(key))) {
    throw new Error('the key does not belong to the certificate')
  }
  const missing = addresses.filter((address) => certificate.checkIP(address) === undefined)
  if (missing.length > 0) {
    throw new Error(
      `the certificate does not contain ${missing.join(', ')}, so nodes would reject it: add subjectAltName=${missing
        .map((address) => `IP:${address}`)
        .join(',')}`,
    )
  }
  return {
    ...{ chain, key, authority },
    fingerprint: certificate.fingerprint256,
    expiresAt: certificate.validToDate.getTime(),
  }
}

type Texts = Pick<TlsMaterial, 'chain' | 'key' | 'authority'>

async function provided({ certificate, key, ca }: CertificateFiles): Promise<Texts> {
  const [chain, keyText, authorityText] = await Promise.all([
    readFile(certificate, 'utf8'),
    readFile(key, 'utf8'),
    ca === undefined ? undefined : readFile(ca, 'utf8'),
  ])
  const sent = certificatesOf(chain)
  if (sent.length === 0) throw new Error(`${certificate} contains no certificate in PEM format`)
  const trusted = authorityText === undefined ? sent.slice(-1) : certificatesOf(authorityText)
  if (trusted.length === 0) throw new Error(`${ca ?? certificate} contains no certificate in PEM format`)
  const whole = [...sent, ...trusted.filter((each) => !sent.includes(each))]
  return { chain: whole.join(''), key: keyText, authority: trusted.join('') }
}

async function generated(
  addresses: readonly string[],
  directory: string | undefined,
  now: number,
): Promise<Texts> {
  const authority = await kept(directory, 'https-ca', { isUsable: () => true, create: createAuthority })
  const own = await kept(directory, 'https', {
    isUsable: (pair) => isUsable(pair, authority, addresses, now),
    create: () =>
      issueCertificate({
        ...{ commonName: 'slipway', names: addresses, keyType: 'rsa', issuer: authority },
        ...lifetime(certificateDays),
      }),
  })
  const { certificate } = authority
  return { chain: own.certificate + certificate, key: own.key, authority: certificate }

  function createAuthority(): Promise<CertificatePair> {
    return issueCertificate({ commonName: 'slipway CA', keyType: 'rsa', ...lifetime(authorityDays) })
  }

  /** Starts a day earlier, for machines whose clock is slow. */
  function lifetime(days: number) {
    return { from: now - dayMs, until: now + days * dayMs }
  }
}

type Creation = {
  readonly isUsable: (pair: CertificatePair) => boolean
  readonly create: () => Promise<CertificatePair>
}

/** Returns a pair of files in the state directory, which is created unless it is usable. */
async function kept(
  directory: string | undefined,
  name: string,
  { isUsable, create }: Creation,
): Promise<CertificatePair> {
  if (directory === undefined) return create()
  const files = { certificate: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) }
  const existing = await readPair(files)
  if (existing !== undefined && isUsable(existing)) return existing
  const created = await create()
  await writeAtomically(files.key, created.key, 0o600)
  await writeAtomically(files.certificate, created.certificate)
  return created
}

/** @throws if only one of the files is missing or unreadable: a new CA would lock out every iPXE that trusts the old one */
async function readPair(files: CertificatePair): Promise<CertificatePair | undefined> {
  const [certificate, key] = await Promise.all([readOptional(files.certificate), readOptional(files.key)])
  if (certificate === undefined && key === undefined) return undefined
  if (certificate !== undefined && key !== undefined) return { certificate, key }
  const [missing, other] =
    certificate === undefined ? [files.certificate, files.key] : [files.key, files.certificate]
  throw new Error(`${missing} is missing: restore it, or remove ${other} as well to create both again`)
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function isUsable(
  { certificate }: CertificatePair,
  authority: CertificatePair,
  addresses: readonly string[],
  now: number,
): boolean {
  const decoded = new X509Certificate(certificate)
  return (
    decoded.validToDate.getTime() - now > renewBeforeMs &&
    decoded.verify(new X509Certificate(authority.certificate).publicKey) &&
    addresses.every((address) => decoded.checkIP(address) !== undefined)
  )
}

function certificatesOf(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => `${block}\n`)
}
