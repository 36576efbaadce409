/**
 * Finds the routers of a link: sends a router solicitation and receives advertisements on a raw socket of ICMPv6, which
 * needs a privilege. Node has no raw sockets, so the system calls of lanes are used.
 */
import { pause, type Clock } from '../host/clock.ts'
import { ipv6Family } from '../host/lane/address-family.ts'
import { createBatch } from '../host/lane/batch.ts'
import { linux, systemError, type Libc, type NoLibc } from '../host/lane/libc.ts'
import { MalformedPacket } from '../proto/bytes.ts'
import {
  allRouters,
  decodeRouterAdvertisement,
  encodeRouterSolicitation,
  type RouterAdvertisement,
} from '../proto/icmpv6/router-discovery.ts'

/** The advertisements by the link-local address of their sender, without its interface. */
export type Routers =
  { readonly routers: ReadonlyMap<string, RouterAdvertisement> } | { readonly problem: string }

/** A solicitation can be lost. Routers answer within 0.5 s, but send to all hosts at most every 3 s (RFC 4861 §10). */
const sentAtMs = [0, 2000]
const waitMs = 4500
const pollMs = 100

/** Routers ignore solicitations with a lower hop limit (RFC 4861 §6.1.1). */
const hopLimit = 255

/** Never rejects. */
export async function solicitRouters(
  interfaceName: string,
  { libc, clock }: { readonly libc: Libc | NoLibc; readonly clock: Clock },
): Promise<Routers> {
  if ('reason' in libc) return { problem: libc.reason }
  const { AF_INET6, SOCK_RAW, SOCK_CLOEXEC, SOCK_NONBLOCK, IPPROTO_ICMPV6 } = linux
  const fd = libc.socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6)
  if (fd === -1) {
    const { code, message } = systemError('socket', libc.errno())
    return { problem: code === 'EPERM' ? 'it needs root' : message }
  }
  try {
    return { routers: await collect(fd, interfaceName, libc, clock) }
  } catch (error) {
    return { problem: (error as Error).message }
  } finally {
    libc.close(fd)
  }
}

async function collect(fd: number, name: string, libc: Libc, clock: Clock) {
  const batch = createBatch(libc, ipv6Family)
  const routers = new Map<string, RouterAdvertisement>()
  const hops = new Uint8Array(Int32Array.of(hopLimit).buffer)
  libc.setsockopt(fd, linux.SOL_IPV6, linux.IPV6_MULTICAST_HOPS, hops, hops.length)
  const to = ipv6Family.write(libc, new Uint8Array(ipv6Family.octets), `${allRouters}%${name}`, 0)
  const message = encodeRouterSolicitation()
  const solicit = () => {
    if (libc.sendto(fd, message, message.length, linux.MSG_DONTWAIT, to, to.length) === -1) {
      throw systemError('sendto', libc.errno())
    }
  }
  for (let elapsedMs = 0; elapsedMs < waitMs; elapsedMs += pollMs) {
    if (sentAtMs.includes(elapsedMs)) solicit()
    await pause(clock, pollMs)
    const count = batch.receive(fd)
    for (let slot = 0; slot < count; slot++) {
      const [address = '', zone] = batch.address(slot).split('%')
      const found = zone === name ? read(batch.payload(slot)) : undefined
      if (found !== undefined) routers.set(address, found)
    }
  }
  return routers
}

/** @returns `undefined` for other messages, and for malformed ones, which hosts ignore */
function read(payload: Uint8Array | undefined): RouterAdvertisement | undefined {
  try {
    return payload && decodeRouterAdvertisement(payload)
  } catch (error) {
    if (error instanceof MalformedPacket) return undefined
    throw error
  }
}
