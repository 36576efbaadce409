/** DHCP messages for tests: a test sets the relevant fields, the others have typical values. */
import { parseIpv4, type Ipv4 } from '../../src/proto/address/ip.ts'
import { macOctets, parseMac } from '../../src/proto/address/mac.ts'
import { encodeMessage, type DhcpMessage } from '../../src/proto/dhcp/message.ts'
import { MessageType } from '../../src/proto/dhcp/option-table.ts'

type Fields = Partial<Pick<DhcpMessage, 'op' | 'htype' | 'hlen' | 'hops' | 'secs' | 'flags' | 'xid'>> & {
  readonly mac?: string
  readonly ciaddr?: string
  readonly giaddr?: string
  readonly type?: keyof typeof MessageType
  /** Option values by code, in the order written. */
  readonly options?: readonly (readonly [code: number, value: readonly number[] | string])[]
}

export function address(text: string): Ipv4 {
  const parsed = parseIpv4(text)
  if (parsed === undefined) throw new Error(`${text} is not an address`)
  return parsed
}

/** Returns the octets of an address, for option values. */
export function octetsOf(text: string): number[] {
  return text.split('.').map(Number)
}

/** Returns a client's message; by default from 00:00:5e:00:53:11. */
export function clientMessage(fields: Fields): DhcpMessage {
  const mac = parseMac(fields.mac ?? '00:00:5e:00:53:11')
  if (mac === undefined) throw new Error(`${String(fields.mac)} is not a MAC address`)
  const chaddr = new Uint8Array(16)
  chaddr.set(macOctets(mac))
  const values = fields.options ?? []
  const type = fields.type === undefined ? [] : [{ code: 53, value: Uint8Array.of(MessageType[fields.type]) }]
  return {
    op: fields.op ?? 1,
    htype: fields.htype ?? 1,
    hlen: fields.hlen ?? 6,
    hops: fields.hops ?? 0,
    xid: fields.xid ?? 0x12345678,
    secs: fields.secs ?? 0,
    flags: fields.flags ?? 0,
    ciaddr: address(fields.ciaddr ?? '0.0.0.0'),
    yiaddr: address('0.0.0.0'),
    siaddr: address('0.0.0.0'),
    giaddr: address(fields.giaddr ?? '0.0.0.0'),
    chaddr,
    sname: '',
    file: '',
    options: [
      ...type,
      ...values.map(([code, value]) => ({
        code,
        value:
          typeof value === 'string' ? Uint8Array.from(Buffer.from(value, 'latin1')) : Uint8Array.from(value),
      })),
    ],
  }
}

/** Returns the encoded message. */
export function clientPacket(fields: Fields): Uint8Array {
  const out = new Uint8Array(4096)
  return out.subarray(0, encodeMessage(clientMessage(fields), out))
}
