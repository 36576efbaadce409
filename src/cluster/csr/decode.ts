/**
 * What a certificate request (PKCS#10, RFC 2986) asks for. The octets are a stranger's: whatever is wrong with them
 * is a reason, and nothing is thrown. Read strictly, because who signs reads for himself and may read otherwise.
 */
import { CertificationRequest } from '@peculiar/asn1-csr'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  Extensions,
  SubjectAlternativeName,
  type Attribute,
  type Extension,
  type GeneralName,
} from '@peculiar/asn1-x509'
import { parseIp, type Ip } from '../../proto/address/ip.ts'
import { signatureFlaw } from './signature.ts'

export type CertificateRequest = {
  readonly commonNames: readonly string[]
  readonly organisations: readonly string[]
  /** Object identifiers of whatever else the subject has. */
  readonly otherSubject: readonly string[]
  /** As they were written. */
  readonly dnsNames: readonly string[]
  readonly addresses: readonly Ip[]
  /** Names that a node has no use for: `email x@example.net`, `URI https://…`, `a name of another kind`. */
  readonly otherNames: readonly string[]
  /** Object identifiers of extensions other than subjectAltName. */
  readonly otherExtensions: readonly string[]
}

/** `reason`: ends the sentence `its request …`. */
export type Decoded =
  | { readonly kind: 'request'; readonly request: CertificateRequest }
  | { readonly kind: 'malformed'; readonly reason: string }

/** A kubelet's request has about 500 octets, one with an RSA key of 4096 bits and fifty names 4,000. */
const mostOctets = 16_384

const commonName = '2.5.4.3'
const organisation = '2.5.4.10'
const extensionRequest = '1.2.840.113549.1.9.14'
const subjectAltName = '2.5.29.17'

/** One block and nothing around it (RFC 7468 §7), so that nobody can take another one for the request. */
const pem =
  /^\s*-----BEGIN CERTIFICATE REQUEST-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE REQUEST-----\s*$/

class Refused extends Error {}

/** @param base64 `spec.request` of a CertificateSigningRequest: PEM in base64 */
export function decodeRequest(base64: string): Decoded {
  if (base64.length > mostOctets) {
    return { kind: 'malformed', reason: `has ${base64.length} octets, expected ${mostOctets} at most` }
  }
  const [, body] = pem.exec(Buffer.from(base64, 'base64').toString('latin1')) ?? []
  if (body === undefined) return { kind: 'malformed', reason: 'is not one CERTIFICATE REQUEST in PEM' }
  try {
    return { kind: 'request', request: readRequest(Buffer.from(body, 'base64')) }
  } catch (error) {
    // The library has its own words for broken octets, which help nobody who looks at a cluster.
    const reason = error instanceof Refused ? error.message : 'is not a PKCS#10 request (RFC 2986)'
    return { kind: 'malformed', reason }
  }
}

function readRequest(octets: Uint8Array): CertificateRequest {
  const parsed = AsnConvert.parse(octets, CertificationRequest)
  const { certificationRequestInfo: info } = parsed
  if (!isSame(AsnConvert.serialize(parsed), octets)) throw new Refused('is not written as DER wants it')
  if (info.version !== 0) throw new Refused(`has version ${info.version}, expected 0`)
  const flaw = signatureFlaw(
    AsnConvert.serialize(info.subjectPKInfo),
    parsed.signatureAlgorithm.algorithm,
    AsnConvert.serialize(info),
    parsed.signature,
  )
  if (flaw !== undefined) throw new Refused(flaw)

  // The library's lists are classes, whose methods make more of them.
  const subject = [...info.subject].flatMap((relative) => [...relative])
  const texts = (type: string) =>
    subject.filter((each) => each.type === type).map(({ value }) => textOf(value))
  const extensions = [...extensionsOf([...info.attributes])]
  return {
    commonNames: texts(commonName),
    organisations: texts(organisation),
    otherSubject: subject
      .map(({ type }) => type)
      .filter((type) => ![commonName, organisation].includes(type)),
    ...namesOf(extensions),
    otherExtensions: extensions.map(({ extnID }) => extnID).filter((id) => id !== subjectAltName),
  }
}

/** The two kinds of text that are the same octets for every reader; nodes' names need no others. */
function textOf(value: { readonly utf8String?: string; readonly printableString?: string }): string {
  const text = value.printableString ?? value.utf8String
  if (text === undefined) throw new Refused('has a subject that is neither UTF8String nor PrintableString')
  return text
}

function extensionsOf(attributes: readonly Attribute[]): Extensions {
  const requested = attributes.filter(({ type }) => type === extensionRequest)
  const other = attributes.find(({ type }) => type !== extensionRequest)
  if (other !== undefined) throw new Refused(`has an attribute ${other.type}, which no kubelet sends`)
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

/** The library writes four octets as IPv4, sixteen as IPv6, and other numbers in its own ways. */
function addressOf(text: string): Ip {
  const address = parseIp(text)
  if (address === undefined) throw new Refused(`has ${JSON.stringify(text)} where an address belongs`)
  return address
}

function otherNameOf(name: GeneralName): string[] {
  const { dNSName, iPAddress, rfc822Name, uniformResourceIdentifier: uri } = name
  if (dNSName !== undefined || iPAddress !== undefined) return []
  if (rfc822Name !== undefined) return [`email ${rfc822Name}`]
  return [uri === undefined ? 'a name of another kind' : `URI ${uri}`]
}

/** @throws {Refused} for what would read the same and is other octets */
function parseStrictly<T>(octets: ArrayBuffer, type: new () => T): T {
  const parsed = AsnConvert.parse(octets, type)
  if (!isSame(AsnConvert.serialize(parsed), octets)) throw new Refused('is not written as DER wants it')
  return parsed
}

function isSame(a: ArrayBuffer, b: ArrayBuffer | Uint8Array): boolean {
  return Buffer.from(a).equals(b instanceof Uint8Array ? b : Buffer.from(b))
}
