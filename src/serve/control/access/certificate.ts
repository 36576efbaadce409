/**
 * The certificate of the API: the files of the site, or a self-signed certificate in the state directory, which clients
 * verify by its fingerprint. A new one is generated before it expires, and when it lacks a name.
 */
import { randomBytes, sign, X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_subjectAltName,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509'
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

const dayMs = 86_400_000
/** Apple's clients accept at most 825 days (support.apple.com/103769). */
const validDays = 820
const renewBeforeMs = 60 * dayMs

/**
 * @param directory of a generated certificate; without it, each start generates one
 * @throws {Error} with a message for the administrator
 */
export async function loadCertificate(
  { files, names }: Pick<ApiPlan, 'files' | 'names'>,
  directory: string | undefined,
  now: number,
): Promise<ServerCertificate> {
  if (files !== undefined) return readPair(files)
  const own = directory && { certificate: join(directory, 'api.crt'), key: join(directory, 'api.key') }
  if (own === undefined || own === '') return describe(generate(names, now))
  const existing = await readPair(own).catch(() => undefined)
  if (existing !== undefined && existing.expiresAt - now > renewBeforeMs && hasNames(existing, names)) {
    return existing
  }
  const generated = generate(names, now)
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

function hasNames({ certificate }: ServerCertificate, names: readonly string[]): boolean {
  const decoded = new X509Certificate(certificate)
  return names.every((name) =>
    parseIp(name) === undefined ? decoded.checkHost(name) : decoded.checkIP(name),
  )
}

const commonName = '2.5.4.3'
const serverAuthentication = '1.3.6.1.5.5.7.3.1'
/** ecdsa-with-SHA256 (RFC 5758) */
const ecdsaWithSha256 = '1.2.840.10045.4.3.2'

/** Generates a self-signed certificate (RFC 5280) with a key of the curve P-256. */
function generate(names: readonly string[], now: number): Pair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = new Name([
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({ type: commonName, value: new AttributeValue({ utf8String: 'slipway' }) }),
    ]),
  ])
  const algorithm = new AlgorithmIdentifier({ algorithm: ecdsaWithSha256 })
  const serial = randomBytes(16)
  // A positive integer without leading zeros.
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: bufferOf(serial),
    signature: algorithm,
    issuer: subject,
    validity: new Validity({ notBefore: new Date(now - dayMs), notAfter: new Date(now + validDays * dayMs) }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(
      publicKey.export({ type: 'spki', format: 'der' }),
      SubjectPublicKeyInfo,
    ),
    extensions: new Extensions([
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), true),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage([serverAuthentication])),
      extension(id_ce_subjectAltName, new SubjectAlternativeName(names.map(generalName))),
    ]),
  })
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(tbsCertificate)), privateKey)
  const der = AsnConvert.serialize(
    new Certificate({ tbsCertificate, signatureAlgorithm: algorithm, signatureValue: bufferOf(signature) }),
  )
  const lines = Buffer.from(der)
    .toString('base64')
    .match(/.{1,64}/g) as string[]
  return {
    certificate: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

function extension(extnID: string, value: object, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) })
}

function generalName(name: string): GeneralName {
  return parseIp(name) === undefined
    ? new GeneralName({ dNSName: name })
    : new GeneralName({ iPAddress: name })
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer
}
