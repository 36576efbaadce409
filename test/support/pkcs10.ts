/** Makes a PKCS#10 request of parts that openssl would not put together: signed as it should be, so that only they are wrong. */
import { CertificationRequest, CertificationRequestInfo } from '@peculiar/asn1-csr'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  Attribute,
  AttributeTypeAndValue,
  AttributeValue,
  Extension,
  Extensions,
  GeneralName,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
} from '@peculiar/asn1-x509'
import { generateKeyPairSync, sign } from 'node:crypto'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = AsnConvert.parse(publicKey.export({ type: 'spki', format: 'der' }), SubjectPublicKeyInfo)

export type Pkcs10Parts = {
  readonly commonNames: readonly string[]
  readonly organizations: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly addresses?: readonly string[]
  /** How often the list of extensions is in it, each time as an attribute of its own; once when absent. */
  readonly lists?: number
  /** Object identifier of the signature's algorithm, which is ECDSA with SHA-256 whatever this says. */
  readonly algorithm?: string
}

/** @returns PEM in base64, as `spec.request` has it */
export function makeRequest(parts: Pkcs10Parts): string {
  const {
    commonNames,
    organizations,
    dnsNames = [],
    addresses = [],
    lists = 1,
    algorithm = '1.2.840.10045.4.3.2',
  } = parts
  const names = [
    ...dnsNames.map((dNSName) => new GeneralName({ dNSName })),
    ...addresses.map((iPAddress) => new GeneralName({ iPAddress })),
  ]
  const attribute = new Attribute({
    type: '1.2.840.113549.1.9.14',
    values: [AsnConvert.serialize(new Extensions([namesExtension(names)]))],
  })
  const info = new CertificationRequestInfo({
    subject: new Name([
      ...organizations.map((text) => relative('2.5.4.10', text)),
      ...commonNames.map((text) => relative('2.5.4.3', text)),
    ]),
    subjectPKInfo: key,
  })
  if (names.length > 0) info.attributes.push(...Array.from({ length: lists }, () => attribute))
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(info)), privateKey)
  const octets = AsnConvert.serialize(
    new CertificationRequest({
      certificationRequestInfo: info,
      signatureAlgorithm: new AlgorithmIdentifier({ algorithm }),
      signature: Uint8Array.from(signature).buffer,
    }),
  )
  return pemRequest(new Uint8Array(octets))
}

/** These octets in PEM in base64. */
export function pemRequest(octets: Uint8Array, label = 'CERTIFICATE REQUEST'): string {
  const body = Buffer.from(octets).toString('base64')
  return Buffer.from(`-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`).toString('base64')
}

function relative(type: string, utf8String: string): RelativeDistinguishedName {
  const value = new AttributeValue({ utf8String })
  return new RelativeDistinguishedName([new AttributeTypeAndValue({ type, value })])
}

function namesExtension(names: readonly GeneralName[]): Extension {
  const list = AsnConvert.serialize(new SubjectAlternativeName([...names]))
  return new Extension({ extnID: '2.5.29.17', extnValue: new OctetString(list) })
}
