/**
 * Decodes a certificate request (PKCS#10, RFC 2986) and verifies its signature. The content is not trusted: what is wrong
 * with it is returned as a reason, and nothing is thrown. Decoding is strict, because the signer uses another decoder,
 * which could read the same bytes differently. Pure.
 */
import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { CertificationRequest } from '@peculiar/asn1-csr'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  Extensions,
  SubjectAlternativeName,
  type Attribute,
  type Extension,
  type GeneralName,
} from '@peculiar/asn1-x509'
import type { ClusterCode } from '../codes.ts'
import { parseIp, type Ip } from '../../proto/address/ip.ts'

export type CertificateRequest = {
  readonly commonNames: readonly string[]
  readonly organizations: readonly string[]
  /** Object identifiers of other attributes of the subject. */
  readonly otherSubject: readonly string[]
  /** In the case of the request. */
  readonly dnsNames: readonly string[]
  readonly addresses: readonly Ip[]
  /** Names that kubelets do not use: `email x@example.net`, `URI https://…`, `a name of another kind`. */
  readonly otherNames: readonly string[]
  /** Object identifiers of extensions other than subjectAltName. */
  readonly otherExtensions: readonly string[]
}

/** `reason` completes the sentence `its request …`. */
export type Decoded =
  | { readonly kind: 'request'; readonly request: CertificateRequest }
  | { readonly kind: 'malformed'; readonly code: ClusterCode; readonly reason: string }

/** A kubelet's request has about 500 bytes; with an RSA key of 4096 bits and 50 names it has 4,000. */
const maxBytes = 16_384

const commonName = '2.5.4.3'
const organization = '2.5.4.10'
const extensionRequest = '1.2.840.113549.1.9.14'
const subjectAltName = '2.5.29.17'

/** Exactly one block (RFC 7468 §7), so that no other decoder can choose another one. */
const pem =
  /^\s*-----BEGIN CERTIFICATE REQUEST-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE REQUEST-----\s*$/

class Refused extends Error {
  readonly code: ClusterCode

  constructor(reason: string, code: ClusterCode = 'csr.malformed') {
    super(reason)
    this.code = code
  }
}

/** @param base64 `spec.request` of a CertificateSigningRequest: base64-encoded PEM */
export function decodeRequest(base64: string): Decoded {
  if (base64.length > maxBytes) {
    return malformed(new Refused(`has ${base64.length} bytes, expected at most ${maxBytes}`))
  }
  const [, body] = pem.exec(Buffer.from(base64, 'base64').toString('latin1')) ?? []
  if (body === undefined) return malformed(new Refused('is not exactly one CERTIFICATE REQUEST in PEM'))
  try {
    return { kind: 'request', request: readRequest(Buffer.from(body, 'base64')) }
  } catch (error) {
    // The library's messages about invalid DER do not help an administrator.
    return malformed(error instanceof Refused ? error : new Refused('is not a PKCS#10 request (RFC 2986)'))
  }
}

function malformed({ code, message: reason }: Refused): Decoded {
  return { kind: 'malformed', code, reason }
}

function readRequest(der: Uint8Array): CertificateRequest {
  const parsed = AsnConvert.parse(der, CertificationRequest)
  const { certificationRequestInfo: info } = parsed
  if (!isSame(AsnConvert.serialize(parsed), der)) throw new Refused('is not DER')
  if (info.version !== 0) throw new Refused(`has version ${info.version}, expected 0`)
  checkSignature(
    AsnConvert.serialize(info.subjectPKInfo),
    parsed.signatureAlgorithm.algorithm,
    AsnConvert.serialize(info),
    parsed.signature,
  )
  // The library's lists are subclasses of Array, whose methods create such lists again.
  const subject = [...info.subject].flatMap((relative) => [...relative])
  const texts = (type: string) =>
    subject.filter((each) => each.type === type).map(({ value }) => textOf(value))
  const extensions = [...extensionsOf([...info.attributes])]
  return {
    commonNames: texts(commonName),
    organizations: texts(organization),
    otherSubject: subject
      .map(({ type }) => type)
      .filter((type) => ![commonName, organization].includes(type)),
    ...namesOf(extensions),
    otherExtensions: extensions.map(({ extnID }) => extnID).filter((id) => id !== subjectAltName),
  }
}

/** Accepts the two text types that every decoder reads the same. Names of nodes need no others. */
function textOf(value: { readonly utf8String?: string; readonly printableString?: string }): string {
  const text = value.printableString ?? value.utf8String
  if (text === undefined) throw new Refused('has a subject that is neither UTF8String nor PrintableString')
  return text
}

function extensionsOf(attributes: readonly Attribute[]): Extensions {
  const requested = attributes.filter(({ type }) => type === extensionRequest)
  const other = attributes.find(({ type }) => type !== extensionRequest)
  if (other !== undefined) throw new Refused(`has an attribute ${other.type}, which kubelets do not send`)
  const values = requested.flatMap((each) => each.values)
  if (values.length !== requested.length || values.length > 1) {
    throw new Refused('has several lists of extensions, expected one')
  }
  const [value] = values
  return value === undefined ? new Extensions() : parseStrictly(value, Extensions)
}

function namesOf(
  extensions: readonly Extension[],
): Pick<CertificateRequest, 'dnsNames' | 'addresses' | 'otherNames'> {
  const [found, again] = extensions.filter(({ extnID }) => extnID === subjectAltName)
  if (again !== undefined) throw new Refused('has several lists of names, expected one')
  const names: readonly GeneralName[] =
    found === undefined ? [] : [...parseStrictly(found.extnValue.buffer, SubjectAlternativeName)]
  if (found !== undefined && names.length === 0) throw new Refused('has an empty list of names')
  return {
    dnsNames: names.flatMap(({ dNSName }) => dNSName ?? []),
    addresses: names.flatMap(({ iPAddress }) => (iPAddress === undefined ? [] : addressOf(iPAddress))),
    otherNames: names.flatMap(otherNameOf),
  }
}

/** The library formats 4 bytes as IPv4, 16 bytes as IPv6, and other lengths in its own format. */
function addressOf(text: string): Ip {
  const address = parseIp(text)
  if (address === undefined) throw new Refused(`has the invalid address ${JSON.stringify(text)}`)
  return address
}

function otherNameOf(name: GeneralName): string[] {
  const { dNSName, iPAddress, rfc822Name, uniformResourceIdentifier: uri } = name
  if (dNSName !== undefined || iPAddress !== undefined) return []
  if (rfc822Name !== undefined) return [`email ${rfc822Name}`]
  return [uri === undefined ? 'a name of another kind' : `URI ${uri}`]
}

/** @throws {Refused} if the content is not the DER encoding of what was decoded */
function parseStrictly<T>(der: ArrayBuffer, type: new () => T): T {
  const parsed = AsnConvert.parse(der, type)
  if (!isSame(AsnConvert.serialize(parsed), der)) throw new Refused('is not DER')
  return parsed
}

function isSame(a: ArrayBuffer, b: ArrayBuffer | Uint8Array): boolean {
  return Buffer.from(a).equals(b instanceof Uint8Array ? b : Buffer.from(b))
}

/** Signature algorithms by object identifier (RFC 4055, RFC 5758, RFC 8410). Kubelets do not use SHA-1, PSS, or DSA. */
const algorithms: Readonly<Record<string, { readonly key: string; readonly hash?: string }>> = {
  '1.2.840.10045.4.3.2': { key: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', hash: 'sha512' },
  '1.2.840.113549.1.1.11': { key: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', hash: 'sha512' },
  '1.3.101.112': { key: 'ed25519' },
}

/** Curves that both Node and the API server support. */
const curves = ['prime256v1', 'secp384r1', 'secp521r1']
const minBits = 2048
const maxBits = 8192

/**
 * Verifies that the requester has the private key (RFC 2986 §4.2).
 *
 * @param key SubjectPublicKeyInfo
 * @param signed the bytes that the signature covers
 * @throws {Refused}
 */
function checkSignature(
  key: ArrayBuffer,
  algorithm: string,
  signed: ArrayBuffer,
  signature: ArrayBuffer,
): void {
  const known = Object.hasOwn(algorithms, algorithm) ? algorithms[algorithm] : undefined
  if (known === undefined) {
    throw new Refused(`is signed with an algorithm that kubelets do not use (${algorithm})`, unsupported)
  }
  let publicKey: KeyObject
  try {
    publicKey = createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' })
  } catch {
    throw new Refused('has an invalid key')
  }
  if (publicKey.asymmetricKeyType === known.key) {
    checkKey(publicKey)
    // Ed25519 has no separate hash.
    if (verify(known.hash ?? null, Buffer.from(signed), publicKey, Buffer.from(signature))) return
  }
  throw new Refused('is not signed with its own key', 'csr.signature-invalid')
}

const unsupported: ClusterCode = 'csr.key-unsupported'

/** @throws {Refused} */
function checkKey({ asymmetricKeyDetails: details = {} }: KeyObject): void {
  const { namedCurve, modulusLength: bits } = details
  if (namedCurve !== undefined && !curves.includes(namedCurve)) {
    throw new Refused(`has a key of the unsupported curve ${namedCurve}`, unsupported)
  }
  if (bits !== undefined && (bits < minBits || bits > maxBits)) {
    throw new Refused(`has an RSA key of ${bits} bits, expected ${minBits} to ${maxBits}`, unsupported)
  }
}
