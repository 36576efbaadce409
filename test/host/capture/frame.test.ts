import t from 'tap'
import { frameOf, headerOctets } from '../../../src/host/capture/frame.ts'

const client = { mac: Uint8Array.of(0, 0x50, 0x56, 0x96, 0x7a, 0x21), address: '172.16.0.61', port: 68 }
const server = { mac: Uint8Array.of(2, 0, 0, 0, 0, 1), address: '172.16.0.101', port: 67 }

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')

/** The sum of all words of a header with a correct checksum is 0xffff (RFC 1071). */
function wordSum(...parts: readonly Uint8Array[]): number {
  const octets = Buffer.concat(parts.map((part) => Buffer.concat([part, Buffer.alloc(part.length % 2)])))
  let total = 0
  for (let at = 0; at < octets.length; at += 2) total += octets.readUInt16BE(at)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}

t.test('an IPv4 datagram gets the headers of RFC 791 and RFC 768', (t) => {
  const frame = frameOf(client, server, Buffer.from('odd'))
  t.equal(hex(frame.subarray(0, 14)), '020000000001005056967a210800')
  t.equal(hex(frame.subarray(14, 24)), '4500001f000000004011')
  t.equal(hex(frame.subarray(26, 40)), 'ac10003dac10006500440043000b')
  t.equal(hex(frame.subarray(42)), hex(Buffer.from('odd')))
  t.equal(headerOctets(frame), 42)
  t.equal(wordSum(frame.subarray(14, 34)), 0xffff)
  t.equal(wordSum(frame.subarray(26, 34), Uint8Array.of(0, 17, 0, 11), frame.subarray(34)), 0xffff)
  t.end()
})

t.test('an IPv6 datagram gets the headers of RFC 8200', (t) => {
  const [from, to] = [
    { ...client, address: 'fe80::1' },
    { ...server, address: 'ff02::1:2' },
  ]
  const frame = frameOf(from, to, Buffer.from('even'))
  t.equal(hex(frame.subarray(12, 22)), '86dd60000000000c1140')
  t.equal(headerOctets(frame), 62)
  t.equal(wordSum(frame.subarray(22, 54), Uint8Array.of(0, 17, 0, 12), frame.subarray(54)), 0xffff)
  t.end()
})

t.test('a checksum of 0 is sent as 0xffff', (t) => {
  const frame = frameOf(client, server, Buffer.alloc(2))
  const rest = Buffer.from(frame.subarray(40, 42)).readUInt16BE()
  // With this payload, the sum of all words is 0xffff.
  const payload = Buffer.alloc(2)
  payload.writeUInt16BE(rest)
  t.equal(hex(frameOf(client, server, payload).subarray(40, 42)), 'ffff')
  t.end()
})
