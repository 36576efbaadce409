/**
 * Encodes and decodes DHCP messages (RFC 2131 §2, options RFC 2132 and RFC 3396). Field names are those of
 * the RFC. The server, simulated clients, and tests use it.
 */
import type { Ipv4 } from '../address/ip.ts'
import { MalformedPacket, Reader, Writer } from '../bytes.ts'
import { OptionList, putOption, type DhcpOption, type IgnoredOption } from './option.ts'

/** The lease time of a subnet that does not declare one, in seconds. */
export const defaultLeaseSeconds = 86_400

export type DhcpHeader = {
  /** 1 from a client or relay agent, 2 from a server. */
  readonly op: number
  /** Hardware type, 1 for Ethernet; `hlen` is the length of the address in `chaddr`. */
  readonly htype: number
  readonly hlen: number
  readonly hops: number
  readonly xid: number
  readonly secs: number
  /** Only {@link broadcastFlag} is defined. */
  readonly flags: number
  /** The address that the client already uses. */
  readonly ciaddr: Ipv4
  /** The address assigned to the client. */
  readonly yiaddr: Ipv4
  /** The next server to boot from. */
  readonly siaddr: Ipv4
  /** The relay agent, 0 without one. */
  readonly giaddr: Ipv4
  /** Sixteen octets. */
  readonly chaddr: Uint8Array
  /** One character per octet (Latin-1), without the terminating NUL; empty when it held options. */
  readonly sname: string
  readonly file: string
}

export type DhcpMessage = DhcpHeader & {
  /**
   * Sorted as in the packet, each code once. PAD, END, and option 52 are structure: a decoded message does
   * not contain them, and a message to be encoded must not.
   */
  readonly options: readonly DhcpOption[]
  /** Options of a decoded message that cannot be used; at most eight. */
  readonly ignored?: readonly IgnoredOption[]
}

/** RFC 2131 §2, figure 2: the most significant bit of the flags. */
export const broadcastFlag = 0x8000

/** RFC 2131 §3: 99, 130, 83, 99. */
const magicCookie = 0x63825363

/** The offset of the transaction, 4 octets. */
export const xidOffset = 4

/** Returns the transaction of a message. */
export function xidOf(message: Uint8Array): number {
  return new Reader(message, xidOffset).u32()
}

export const chaddrOffset = 28

/** Offsets of `sname` and `file`, which can hold options (RFC 2131 §4.1); `end` is exclusive. */
export const snameField = { start: 44, end: 108 }
export const fileField = { start: 108, end: 236 }
const cookieOffset = 236

/** RFC 1542 §2.1: BOOTP messages have at least 300 octets; relay agents can drop shorter ones. */
const minMessageOctets = 300

/**
 * Decodes a message.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------+---------------+---------------+---------------+
 *   0 |    op (1)     |   htype (1)   |   hlen (1)    |   hops (1)    |
 *     +---------------+---------------+---------------+---------------+
 *   4 |                            xid (4)                            |
 *     +-------------------------------+-------------------------------+
 *   8 |           secs (2)            |           flags (2)           |
 *     +-------------------------------+-------------------------------+
 *  12 |                          ciaddr (4)                           |
 *  16 |                          yiaddr (4)                           |
 *  20 |                          siaddr (4)                           |
 *  24 |                          giaddr (4)                           |
 *     +---------------------------------------------------------------+
 *  28 |                          chaddr (16)                          |
 *  44 |                          sname  (64)                          |
 * 108 |                          file   (128)                         |
 *     +---------------------------------------------------------------+
 * 236 |                       magic cookie (4)                        |
 * 240 |                       options (variable)                      |
 *     +---------------------------------------------------------------+
 *
 * @returns a message whose `chaddr` and option values are views of the packet
 * @throws {MalformedPacket} when it is not a DHCP message; an invalid option is ignored, and its length is checked when
 * the option is read
 */
export function decodeMessage(octets: Uint8Array): DhcpMessage {
  const reader = new Reader(octets)
  const op = reader.u8()
  if (op !== 1 && op !== 2) throw new MalformedPacket(`op ${op} is not 1 (request) or 2 (reply)`, 0)
  const htype = reader.u8()
  const hlen = reader.u8()
  if (hlen > 16) throw new MalformedPacket(`hlen ${hlen} is longer than chaddr`, 2)
  const header = {
    op,
    htype,
    hlen,
    hops: reader.u8(),
    xid: reader.u32(),
    secs: reader.u16(),
    flags: reader.u16(),
    ciaddr: reader.u32() as Ipv4,
    yiaddr: reader.u32() as Ipv4,
    siaddr: reader.u32() as Ipv4,
    giaddr: reader.u32() as Ipv4,
    chaddr: reader.take(16),
  }
  reader.offset = cookieOffset
  if (reader.u32() !== magicCookie) throw new MalformedPacket('no DHCP magic cookie', cookieOffset)

  // RFC 2131 §4.1: options field first, then file, then sname.
  const list = new OptionList()
  list.read(octets, reader.offset, octets.length)
  const inFile = (list.overload & 1) !== 0
  const inSname = (list.overload & 2) !== 0
  if (inFile) list.read(octets, fileField.start, fileField.end)
  if (inSname) list.read(octets, snameField.start, snameField.end)
  return {
    ...header,
    sname: inSname ? '' : fieldText(octets, snameField),
    file: inFile ? '' : fieldText(octets, fileField),
    options: list.options,
    ignored: list.ignored,
  }
}

/**
 * Encodes a message into the caller's buffer, padded to at least 300 octets.
 *
 * @returns how many octets were written
 * @throws {RangeError} when `out` is too small, or `sname` or `file` is too long for its field
 */
export function encodeMessage(message: DhcpMessage, out: Uint8Array): number {
  const writer = new Writer(out)
  putHeader(writer, message)
  for (const { code, value } of message.options) putOption(writer, code, value)
  return putEnd(writer)
}

/** Writes everything before the options, including the magic cookie. */
export function putHeader(writer: Writer, header: DhcpHeader): void {
  writer.u8(header.op)
  writer.u8(header.htype)
  writer.u8(header.hlen)
  writer.u8(header.hops)
  writer.u32(header.xid)
  writer.u16(header.secs)
  writer.u16(header.flags)
  writer.u32(header.ciaddr)
  writer.u32(header.yiaddr)
  writer.u32(header.siaddr)
  writer.u32(header.giaddr)
  writer.put(header.chaddr)
  putField(writer, header.sname, 64)
  putField(writer, header.file, 128)
  writer.u32(magicCookie)
}

/** Writes END and pads to the minimum length. @returns how many octets the message has */
export function putEnd(writer: Writer): number {
  writer.u8(255)
  if (writer.offset < minMessageOctets) writer.fill(0, minMessageOctets - writer.offset)
  return writer.offset
}

/** The maximum length of a name in `file`: RFC 2131 §2 requires a terminating NUL. */
export const maxFileNameLength = 127

function fieldText(octets: Uint8Array, { start, end }: typeof fileField): string {
  let text = ''
  for (let at = start; at < end && octets[at] !== 0; at++) text += String.fromCharCode(octets[at] as number)
  return text
}

function putField(writer: Writer, text: string, octets: number): void {
  if (text.length >= octets) throw new RangeError(`${text.length} octets exceed the limit of ${octets - 1}`)
  for (let at = 0; at < text.length; at++) writer.u8(text.charCodeAt(at))
  writer.fill(0, octets - text.length)
}
