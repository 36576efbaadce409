/**
 * Server cookies (RFC 7873, RFC 9018): a client that returns one has received a reply before, so its address is not
 * forged. Clients without cookies are served too.
 */
import type { Clock } from '../../host/clock.ts'
import { isIpv4, parseIp, ipv4Octets, ipv6Octets } from '../../proto/address/ip.ts'
import { clientCookieOctets, EdnsOption, serverCookieOctets } from '../../proto/dns/registry.ts'
import { sipHash } from '../../proto/dns/siphash.ts'
import { readU32, writeU32 } from './cacheable.ts'
import { writeU16 } from './reply.ts'

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
