/** Issues X.509 certificates (RFC 5280): self-signed, of a CA, or signed by that CA. Signatures use SHA-256. */
import { createHash, generateKeyPair, randomBytes, sign, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509'
import { parseIp } from '../proto/address/ip.ts'

/** PEM texts. */
export type CertificatePair = { readonly certificate: string; readonly key: string }

export type CertificateRequest = {
  readonly commonName: string
  /** DNS names and addresses of a server; a CA has none. */
  readonly names?: readonly string[]
  /** iPXE verifies RSA only. */
  readonly keyType: 'ec' | 'rsa'
  /** Milliseconds since 1970. */
  readonly from: number
  readonly until: number
  /** The CA that signs the certificate; absent for a self-signed one. */
  readonly issuer?: CertificatePair
}

const commonNameId = '2.5.4.3'
const serverAuthentication = '1.3.6.1.5.5.7.3.1'

/** RFC 5758 §3.2 and RFC 4055 §5: only RSA has (empty) parameters. */
const algorithms = {
  ec: new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' }),
  rsa: new AlgorithmIdentifier({ algorithm: '1.2.840.113549.1.1.11', parameters: null }),
} as const

const generate = promisify(generateKeyPair)

/** Returns the certificate of a CA if the request has no names, else the certificate of a server. */
export async function issueCertificate(request: CertificateRequest): Promise<CertificatePair> {
  const { commonName, names, keyType, from, until, issuer } = request
  const { privateKey, publicKey } =
    keyType === 'ec'
      ? await generate('ec', { namedCurve: 'P-256' })
      : await generate('rsa', { modulusLength: 2048 })
  const subjectPublicKeyInfo = AsnConvert.parse(
    publicKey.export({ type: 'spki', format: 'der' }),
    SubjectPublicKeyInfo,
  )
  const subject = nameOf(commonName)
  const authority = issuer && certificateOf(issuer)
  const algorithm = algorithms[keyType]
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: bufferOf(newSerial()),
    signature: algorithm,
    issuer: authority?.tbsCertificate.subject ?? subject,
    validity: new Validity({ notBefore: new Date(from), notAfter: new Date(until) }),
    subject,
    subjectPublicKeyInfo,
    extensions: new Extensions([
      ...(names === undefined ? authorityExtensions() : serverExtensions(names)),
      extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyIdentifier(subjectPublicKeyInfo))),
      ...(authority === undefined ? [] : [issuedBy(authority)]),
    ]),
  })
  const signingKey: KeyObject | string = issuer?.key ?? privateKey
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(tbsCertificate)), signingKey)
  const der = AsnConvert.serialize(
    new Certificate({ tbsCertificate, signatureAlgorithm: algorithm, signatureValue: bufferOf(signature) }),
  )
  return {
    certificate: pemOf(der),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

function serverExtensions(names: readonly string[]): Extension[] {
  return [
    extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), true),
    extension(id_ce_extKeyUsage, new ExtendedKeyUsage([serverAuthentication])),
    extension(id_ce_subjectAltName, new SubjectAlternativeName(names.map(generalName))),
  ]
}

/** The CA signs certificates of servers, and of no other CA. */
function authorityExtensions(): Extension[] {
  return [
    extension(id_ce_basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }), true),
    extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign), true),
  ]
}

function issuedBy({ tbsCertificate }: Certificate): Extension {
  const keyId = new KeyIdentifier(keyIdentifier(tbsCertificate.subjectPublicKeyInfo))
  return extension(id_ce_authorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier: keyId }))
}

/** RFC 5280 §4.2.1.2, method 1. */
function keyIdentifier({ subjectPublicKey }: SubjectPublicKeyInfo): ArrayBuffer {
  return bufferOf(createHash('sha1').update(Buffer.from(subjectPublicKey)).digest())
}

/** Returns a positive integer without leading zeros. */
function newSerial(): Buffer {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40
  return serial
}

function nameOf(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName })
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: commonNameId, value })])])
}

function certificateOf({ certificate }: CertificatePair): Certificate {
  const body = certificate.replaceAll(/-----[^-]+-----|\s/g, '')
  return AsnConvert.parse(Buffer.from(body, 'base64'), Certificate)
}

function pemOf(der: ArrayBuffer): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .match(/.{1,64}/g) as string[]
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
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
