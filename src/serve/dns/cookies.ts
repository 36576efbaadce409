/**
 * Server cookies (RFC 7873, RFC 9018): a client that returns one has received a reply before, so its address is not
 * forged. Clients without cookies are served too.
 */
import type { Clock } from '../../host/clock.ts'
import { isIpv4, parseIp, ipv4Octets, ipv6Octets } from '../../proto/address/ip.ts'
import { clientCookieOctets, EdnsOption, serverCookieOctets } from '../../proto/dns/registry.ts'
import { readU32, writeU16, writeU32 } from './reply.ts'

export type Cookies = {
  /**
   * @param received the data of the COOKIE option: a client cookie, and perhaps a server cookie
   * @param address of the client
   * @returns the option for the reply, and whether the server cookie is valid
   */
  verify(received: Uint8Array, address: string): { readonly option: Uint8Array; readonly isOurs: boolean }
}

const optionHeaderOctets = 4

/** RFC 9018 §4.3: maximum age and maximum time ahead of our clock; a cookie is renewed before its maximum age. */
const seconds = { old: 3600, future: 300, renewed: 1800 }

/** Version, three reserved octets, and timestamp. */
const beforeHashOctets = 8
const version = 1

/** @param secret 16 random octets */
export function createCookies(secret: Uint8Array, clock: Pick<Clock, 'now'>): Cookies {
  /** RFC 9018 §4.4: Client Cookie | Version | Reserved | Timestamp | Client-IP */
  function hash(cookie: Uint8Array, address: Uint8Array): Uint8Array {
    const input = new Uint8Array(clientCookieOctets + beforeHashOctets + address.length)
    input.set(cookie.subarray(0, clientCookieOctets + beforeHashOctets))
    input.set(address, clientCookieOctets + beforeHashOctets)
    return sipHash(secret, input)
  }

  function isOurs(received: Uint8Array, address: Uint8Array, now: number): boolean {
    if (received.length !== clientCookieOctets + serverCookieOctets) return false
    if (received[clientCookieOctets] !== version) return false
    const age = ageSeconds(received, now)
    if (age > seconds.old || age < -seconds.future) return false
    const hashed = hash(received, address)
    return hashed.every((octet, index) => octet === received[clientCookieOctets + beforeHashOctets + index])
  }

  return {
    verify(received, address) {
      const octets = addressOctets(address)
      const now = Math.floor(clock.now() / 1000)
      const option = new Uint8Array(optionHeaderOctets + clientCookieOctets + serverCookieOctets)
      writeU16(option, 0, EdnsOption.cookie)
      writeU16(option, 2, option.length - optionHeaderOctets)
      const cookie = option.subarray(optionHeaderOctets)
      const isKnown = isOurs(received, octets, now)
      if (isKnown && ageSeconds(received, now) < seconds.renewed) cookie.set(received)
      else {
        cookie.set(received.subarray(0, clientCookieOctets))
        cookie[clientCookieOctets] = version
        writeU32(cookie, clientCookieOctets + 4, now % 2 ** 32)
        cookie.set(hash(cookie, octets), clientCookieOctets + beforeHashOctets)
      }
      return { option, isOurs: isKnown }
    },
  }
}

/** RFC 9018 §4.3: timestamps are compared as serial numbers (RFC 1982), so that they work after 2106. */
function ageSeconds(cookie: Uint8Array, now: number): number {
  return (now - readU32(cookie, clientCookieOctets + 4)) | 0
}

function addressOctets(address: string): Uint8Array {
  const ip = parseIp(address.replace(/%.*/, '')) // a link-local address has its interface as suffix
  if (ip === undefined) return new Uint8Array(0)
  return isIpv4(ip) ? ipv4Octets(ip) : ipv6Octets(ip)
}

// SipHash-2-4, a keyed 64-bit hash for short messages (Aumasson and Bernstein, 2012; RFC 9018 §4.4).

/** Two 32-bit halves, the higher first. */
type Word = [number, number]

/** @param key 16 octets */
export function sipHash(key: Uint8Array, message: Uint8Array): Uint8Array {
  const [k0, k1] = [readWord(key, 0), readWord(key, 8)]
  const state: [Word, Word, Word, Word] = [
    xor(k0, [0x736f6d65, 0x70736575]),
    xor(k1, [0x646f7261, 0x6e646f6d]),
    xor(k0, [0x6c796765, 0x6e657261]),
    xor(k1, [0x74656462, 0x79746573]),
  ]
  // The last block has the remaining octets, and the message's length in its most significant octet.
  const padded = new Uint8Array((message.length & ~7) + 8)
  padded.set(message)
  padded[padded.length - 1] = message.length
  for (let at = 0; at < padded.length; at += 8) {
    const word = readWord(padded, at)
    state[3] = xor(state[3], word)
    rounds(state, 2)
    state[0] = xor(state[0], word)
  }
  state[2] = xor(state[2], [0, 0xff])
  rounds(state, 4)
  const [high, low] = xor(xor(state[0], state[1]), xor(state[2], state[3]))
  const out = new DataView(new ArrayBuffer(8))
  out.setInt32(0, low, true)
  out.setInt32(4, high, true)
  return new Uint8Array(out.buffer)
}

function rounds(state: [Word, Word, Word, Word], count: number): void {
  let [a, b, c, d] = state
  for (let round = 0; round < count; round++) {
    a = add(a, b)
    b = xor(rotate(b, 13), a)
    a = rotate(a, 32)
    c = add(c, d)
    d = xor(rotate(d, 16), c)
    a = add(a, d)
    d = xor(rotate(d, 21), a)
    c = add(c, b)
    b = xor(rotate(b, 17), c)
    c = rotate(c, 32)
  }
  state[0] = a
  state[1] = b
  state[2] = c
  state[3] = d
}

function add([ah, al]: Word, [bh, bl]: Word): Word {
  const low = (al >>> 0) + (bl >>> 0)
  return [(ah + bh + (low > 0xffffffff ? 1 : 0)) | 0, low | 0]
}

function xor([ah, al]: Word, [bh, bl]: Word): Word {
  return [ah ^ bh, al ^ bl]
}

/** Rotates to the left by up to 32 bits. */
function rotate([high, low]: Word, bits: number): Word {
  if (bits === 32) return [low, high]
  return [(high << bits) | (low >>> (32 - bits)), (low << bits) | (high >>> (32 - bits))]
}

function readWord(octets: Uint8Array, at: number): Word {
  const view = new DataView(octets.buffer, octets.byteOffset + at, 8)
  return [view.getInt32(4, true), view.getInt32(0, true)]
}
