/** Resource records, and their conversion to and from the records of the dns2 package. */
import { Packet, type Resource } from 'dns2'
import { formatIpv4, parseIpv4, type Ipv4, parseIpv6, type Ipv6 } from '../address/ip.ts'
import { encodeName } from './name.ts'
import { typeCode, type OtherData } from './presentation.ts'
import { classIn, RecordType } from './registry.ts'

/** The data of a record; names have no last dot, times are in seconds (RFC 1035 §3.3, RFC 2782, RFC 3596, RFC 8659 §4.1). */
export type RecordData =
  | { readonly type: 'A'; readonly address: Ipv4 }
  | { readonly type: 'AAAA'; readonly address: Ipv6 }
  | { readonly type: 'NS' | 'CNAME' | 'PTR'; readonly target: string }
  /** Any length: on the wire it is split into character-strings (RFC 1035 §3.3.14). */
  | { readonly type: 'TXT'; readonly text: string }
  | {
      readonly type: 'SRV'
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: string
    }
  | { readonly type: 'MX'; readonly preference: number; readonly target: string }
  | { readonly type: 'CAA'; readonly isCritical: boolean; readonly tag: string; readonly value: string }
  | {
      readonly type: 'SOA'
      readonly mname: string
      readonly rname: string
      readonly serial: number
      readonly refresh: number
      readonly retry: number
      readonly expire: number
      readonly minimum: number
    }
  | OtherData

/** RFC 1035 §3.3: the length of a character-string is one octet. */
const maxStringOctets = 255

/** A record of class IN. */
export type ResourceRecord = {
  /** Owner name, without the last dot. */
  readonly owner: string
  readonly ttlSeconds: number
  readonly data: RecordData
}

/** A record of a type that this program does not decode. */
export type OtherRecord = {
  readonly owner: string
  readonly ttlSeconds: number
  readonly data: { readonly type: 'other'; readonly code: number; readonly rdata: Uint8Array }
}

/**
 * The type inside dns2 of records whose names must not be compressed: SRV (RFC 2782), and types that this program does
 * not decode (RFC 3597 §4). dns2 copies RDATA of unknown types, so these records use a private-use type (RFC 6895 §3.1)
 * until the message is encoded.
 */
const typeInDns2 = 0xff00 + RecordType.SRV

/** Returns the type to restore in the encoded message; undefined if dns2 encodes the type itself. */
export function copiedType({ data }: ResourceRecord): number | undefined {
  return data.type === 'SRV' || 'rdata' in data ? typeCode(data.type) : undefined
}

export function toDns2({ owner, ttlSeconds, data }: ResourceRecord): Resource {
  const type = data.type === 'SRV' || 'rdata' in data ? typeInDns2 : RecordType[data.type]
  const base = { name: owner, type, class: classIn, ttl: ttlSeconds }
  return new Packet.Resource({ ...base, ...rdataFields(data) })
}

/** @param rdata the record's RDATA in the message */
export function fromDns2(resource: Resource, rdata: Uint8Array): ResourceRecord | OtherRecord {
  const data = recordData(resource, rdata)
  const common = { owner: resource.name, ttlSeconds: resource.ttl }
  return data === undefined
    ? { ...common, data: { type: 'other', code: resource.type, rdata: Uint8Array.from(rdata) } }
    : { ...common, data }
}

function rdataFields(data: RecordData): Partial<Resource> {
  if ('rdata' in data) return { data: Buffer.from(data.rdata, 'hex') }
  switch (data.type) {
    case 'A':
      return { address: formatIpv4(data.address) }
    case 'AAAA':
      return { address: data.address }
    case 'NS':
      return { ns: data.target }
    case 'CNAME':
    case 'PTR':
      return { domain: data.target }
    case 'TXT':
      // dns2 accepts lists of Buffers, but its types declare lists of strings.
      return { data: characterStrings(data.text) as unknown as string[] }
    case 'SRV':
      return { data: srvData(data) }
    case 'MX':
      return { priority: data.preference, exchange: data.target }
    case 'CAA':
      return { flags: caaFlags(data), tag: data.tag, value: data.value }
    case 'SOA': {
      const { mname, rname, serial, refresh, retry, expire, minimum } = data
      return { primary: mname, admin: rname, serial, refresh, retry, expiration: expire, minimum }
    }
  }
}

/** RFC 8659 §4.1: bit 0, the most significant one, is Issuer Critical. */
export function caaFlags({ isCritical }: RecordData & { type: 'CAA' }): number {
  return isCritical ? 128 : 0
}

/** Splits text into strings of at most 255 octets, which readers join again (RFC 7208 §3.3). */
export function characterStrings(text: string): Buffer[] {
  const octets = Buffer.from(text)
  const count = Math.max(1, Math.ceil(octets.length / maxStringOctets))
  return Array.from({ length: count }, (_, index) =>
    octets.subarray(index * maxStringOctets, (index + 1) * maxStringOctets),
  )
}

function srvData({ priority, weight, port, target }: RecordData & { type: 'SRV' }): Buffer {
  const numbers = [priority, weight, port].flatMap((number) => [number >>> 8, number & 0xff])
  return Buffer.from([...numbers, ...encodeName(target)])
}

/** Reads the fields that dns2 sets for each type; the casts narrow its own types. */
function recordData(resource: Resource, rdata: Uint8Array): RecordData | undefined {
  switch (resource.type) {
    case RecordType.A:
      return { type: 'A', address: parseIpv4(resource.address as string) as Ipv4 }
    case RecordType.AAAA:
      return { type: 'AAAA', address: parseIpv6(resource.address as string) as Ipv6 }
    case RecordType.NS:
      return { type: 'NS', target: resource.ns as string }
    case RecordType.CNAME:
      return { type: 'CNAME', target: resource.domain as string }
    case RecordType.PTR:
      return { type: 'PTR', target: resource.domain as string }
    case RecordType.SOA: {
      const { primary, admin, serial, refresh, retry, expiration, minimum } = resource as Required<Resource>
      const times = { serial, refresh, retry, expire: expiration as number, minimum }
      return { type: 'SOA', mname: primary, rname: admin, ...times }
    }
    case RecordType.TXT:
      return { type: 'TXT', text: joinedStrings(rdata) }
    case RecordType.SRV: {
      const { priority, weight, port, target } = resource as Required<Resource>
      return { type: 'SRV', priority, weight, port, target: target }
    }
    case RecordType.MX:
      return { type: 'MX', preference: resource.priority as number, target: resource.exchange as string }
    case RecordType.CAA: {
      const { flags, tag, value } = resource as Required<Resource>
      return { type: 'CAA', isCritical: (flags & 128) !== 0, tag, value }
    }
    default:
      return undefined
  }
}

/** Joins character-strings before it decodes UTF-8, because a character can continue in the next one. */
function joinedStrings(rdata: Uint8Array): string {
  const strings: Uint8Array[] = []
  for (let at = 0; at < rdata.length; at += 1 + (rdata[at] as number)) {
    strings.push(rdata.subarray(at + 1, at + 1 + (rdata[at] as number)))
  }
  return Buffer.concat(strings).toString()
}
