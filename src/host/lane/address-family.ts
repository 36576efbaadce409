/** How the kernel lays out addresses of IPv4 (ip(7)) and IPv6 (ipv6(7)), and their texts, as services know them. */
import { isIPv6 } from 'node:net'
import {
  formatIpv4,
  ipv6FromOctets,
  ipv6Octets,
  parseIpv6,
  type Ipv4,
  type Ipv6,
} from '../../proto/address/ip.ts'
import { isLinkLocal } from '../../proto/address/network6.ts'
import { createAddressTexts } from './address-text.ts'
import { addressOctets, linux, writeAddress, type Libc } from './libc.ts'

export type AddressFamily = {
  readonly domain: number
  /** Its name in Node. */
  readonly node: 'udp4' | 'udp6'
  /** The size of an address with its port. */
  readonly octets: number
  /** Writes an address in text and a port; returns the same octets. */
  write(libc: Libc, octets: Uint8Array, address: string, port: number): Uint8Array
  /** Returns the text of the address at an offset. */
  format(libc: Libc, view: DataView, at: number): string
  /** Returns the same, for many addresses. */
  createTexts(libc: Libc): AddressTexts
}

export type AddressTexts = {
  textAt(view: DataView, at: number): string
  /** Called for each batch: an interface can get another name. */
  forget(): void
}

export const ipv4Family: AddressFamily = {
  domain: linux.AF_INET,
  node: 'udp4',
  octets: addressOctets,
  write: (_libc, octets, address, port) => writeAddress(octets, address, port),
  format: (_libc, view, at) => formatIpv4(view.getUint32(at + 4) as Ipv4),
  createTexts() {
    const textOf = createAddressTexts()
    return { textAt: (view, at) => textOf(view.getUint32(at + 4)), forget: () => undefined }
  },
}

/** A sockaddr_in6: family, port, flow information, address, and the index of the interface of a link-local address. */
const field = { family: 0, port: 2, address: 8, scope: 24 } as const
const addressOctets6 = 28
/** Octets of a name with its end, see if_indextoname(3). */
const nameOctets = 16

export const ipv6Family: AddressFamily = {
  domain: linux.AF_INET6,
  node: 'udp6',
  octets: addressOctets6,
  write(libc, octets, address, port) {
    const [text = '', zone] = address.split('%')
    octets.fill(0)
    octets[field.family] = linux.AF_INET6
    octets[field.port] = port >>> 8
    octets[field.port + 1] = port
    octets.set(ipv6Octets(parseIpv6(text) as Ipv6), field.address)
    const view = new DataView(octets.buffer, octets.byteOffset)
    if (zone !== undefined) view.setUint32(field.scope, libc.if_nametoindex(zone), true)
    return octets
  },
  format(libc, view, at) {
    const octets = new Uint8Array(view.buffer, view.byteOffset + at + field.address, 16)
    const address = ipv6FromOctets(octets)
    if (!isLinkLocal(octets)) return address
    const name = interfaceName(libc, view.getUint32(at + field.scope, true))
    return name === undefined ? address : `${address}%${name}`
  },
  createTexts: createTexts6,
}

export function familyOf(address: string): AddressFamily {
  return isIPv6(address) ? ipv6Family : ipv4Family
}

function interfaceName(libc: Libc, index: number): string | undefined {
  const name = new Uint8Array(nameOctets)
  if (libc.if_indextoname(index, name) === null) return undefined
  return Buffer.from(name.subarray(0, name.indexOf(0))).toString()
}

/** Consecutive datagrams of a batch are often from one relay agent. */
function createTexts6(libc: Libc): AddressTexts {
  const { address, scope } = field
  const words = [address, address + 4, address + 8, address + 12, scope]
  const last = new Uint32Array(words.length)
  let text: string | undefined

  return {
    textAt(view, at) {
      const isLast = words.every((word, index) => view.getUint32(at + word) === last[index])
      if (isLast && text !== undefined) return text
      for (const [index, word] of words.entries()) last[index] = view.getUint32(at + word)
      return (text = ipv6Family.format(libc, view, at))
    },
    forget() {
      text = undefined
    },
  }
}
