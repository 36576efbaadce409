/** The numbers that this program uses from IANA's "Domain Name System Parameters". */

/** RR TYPEs, QTYPEs, and Meta-TYPEs (RFC 1035 §3.2.2, RFC 3596, RFC 4034, RFC 6891, RFC 6895 §3.1, RFC 8659). */
export const RecordType = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  DNSKEY: 48,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const

export type TypeName = keyof typeof RecordType

const nameByType = new Map<number, string>(Object.entries(RecordType).map(([name, type]) => [type, name]))

/** Returns `AAAA`, or `TYPE65` for types without a name here (RFC 3597 §5). */
export function formatType(type: number): string {
  return nameByType.get(type) ?? `TYPE${type}`
}

/** RFC 1035 §3.2.4 */
export const classIn = 1

/** RFC 1035 §4.1.1, RFC 6891 §9 */
export const ResponseCode = {
  noError: 0,
  formErr: 1,
  servFail: 2,
  nxDomain: 3,
  notImp: 4,
  refused: 5,
  /** Not authoritative for the zone (RFC 2136 §2.2, RFC 5936 §2.2.1). */
  notAuth: 9,
  /** 12 bits: the OPT record carries the upper 8 (RFC 6891 §6.1.3). */
  badVers: 16,
} as const

/** OPCODE of NOTIFY, shifted to its position in the header's flags (RFC 1996 §3.3). */
export const notifyOpcode = 4 << 11

/** The second 16 bits of the header, without OPCODE and RCODE (RFC 1035 §4.1.1, RFC 4035 §3.1.6). */
export const HeaderFlag = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  authenticData: 0x0020,
  checkingDisabled: 0x0010,
} as const

/** Length of the header. */
export const headerOctets = 12

/** The maximum size over UDP without EDNS (RFC 1035 §4.2.1); smaller EDNS sizes mean the same (RFC 6891 §6.2.3). */
export const minUdpOctets = 512

/** Minimum IPv6 MTU of 1280 - 40 IPv6 - 8 UDP: never fragmented. */
export const ednsUdpOctets = 1232

/** OPTION-CODEs of EDNS (RFC 5001 §2.3, RFC 7873 §4, RFC 8914 §2). */
export const EdnsOption = { nsid: 3, cookie: 10, extendedError: 15 } as const

/** COOKIE option: the client cookie, and the interoperable server cookie (RFC 7873 §4, RFC 9018 §4). */
export const clientCookieOctets = 8
export const serverCookieOctets = 16

/** The DO bit of the OPT record's flags (RFC 3225 §3). */
export const dnssecOkFlag = 0x8000

/** INFO-CODEs of Extended DNS Errors (RFC 8914 §4). */
export const ExtendedError = {
  staleAnswer: 3,
  cachedError: 13,
  prohibited: 18,
  staleNxDomainAnswer: 19,
  notAuthoritative: 20,
  noReachableAuthority: 22,
} as const
