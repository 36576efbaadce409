/**
 * The certificate of the API: the files of the site, or a self-signed certificate in the state directory, which clients
 * verify by its fingerprint. A new one is generated before it expires, and when it lacks a name.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { issueCertificate } from '../../../host/certificate.ts'
import { writeAtomically } from '../../../host/files.ts'
import type { ApiPlan } from '../../../plan/api.ts'
import { parseIp } from '../../../proto/address/ip.ts'

export type ServerCertificate = {
  readonly certificate: string
  readonly key: string
  /** SHA-256 of the certificate, in hexadecimal pairs with colons, as browsers and openssl print it. */
  readonly fingerprint: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

const commonName = 'slipway'
const dayMs = 86_400_000
/** Apple's clients accept at most 825 days (support.apple.com/103769). */
const validDays = 820
const renewBeforeMs = 60 * dayMs

/**
 * @param directory of a generated certificate; without it, each start generates one
 * @param current what the server uses now; kept if it was generated and no directory keeps it
 * @throws {Error} with a message for the administrator
 */
export async function loadCertificate(
  { files, names }: Pick<ApiPlan, 'files' | 'names'>,
  directory: string | undefined,
  now: number,
  current?: ServerCertificate,
): Promise<ServerCertificate> {
  if (files !== undefined) return readPair(files)
  const own = directory && { certificate: join(directory, 'api.crt'), key: join(directory, 'api.key') }
  if (own === undefined || own === '') {
    const isUsable = current !== undefined && isGenerated(current) && isCurrent(current, names, now)
    return isUsable ? current : describe(await generate(names, now))
  }
  const existing = await readPair(own).catch(() => undefined)
  if (existing !== undefined && isCurrent(existing, names, now)) return existing
  const generated = await generate(names, now)
  await writeAtomically(own.key, generated.key, 0o600)
  await writeAtomically(own.certificate, generated.certificate)
  return describe(generated)
}

type Pair = Pick<ServerCertificate, 'certificate' | 'key'>

async function readPair(files: Pair): Promise<ServerCertificate> {
  const [certificate, key] = await Promise.all([
    readFile(files.certificate, 'utf8'),
    readFile(files.key, 'utf8'),
  ])
  try {
    return describe({ certificate, key })
  } catch (error) {
    throw new Error(`${files.certificate} and ${files.key}: ${(error as Error).message}`, { cause: error })
  }
}

/** @throws if the key does not belong to the certificate */
function describe({ certificate, key }: Pair): ServerCertificate {
  const decoded = new X509Certificate(certificate)
  if (!decoded.checkPrivateKey(createPrivateKey(key))) {
    throw new Error('the key does not belong to the certificate')
  }
  return { certificate, key, fingerprint: decoded.fingerprint256, expiresAt: decoded.validToDate.getTime() }
}

function isCurrent(certificate: ServerCertificate, names: readonly string[], now: number): boolean {
  return certificate.expiresAt - now > renewBeforeMs && hasNames(certificate, names)
}

/** Whether slipway generated a certificate, and did not read it from the files of the site. */
function isGenerated({ certificate }: ServerCertificate): boolean {
  const decoded = new X509Certificate(certificate)
  return decoded.subject === `CN=${commonName}` && decoded.checkIssued(decoded)
}

function hasNames({ certificate }: ServerCertificate, names: readonly string[]): boolean {
  const decoded = new X509Certificate(certificate)
  return names.every((name) =>
    parseIp(name) === undefined ? decoded.checkHost(name) : decoded.checkIP(name),
  )
}

/** Generates a self-signed certificate with a key of the curve P-256. */
function generate(names: readonly string[], now: number): Promise<Pair> {
  return issueCertificate({
    commonName,
    names,
    keyType: 'ec',
    from: now - dayMs,
    until: now + validDays * dayMs,
  })
}
