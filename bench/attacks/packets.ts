/** The packets that the node, the attacker, and the forger send, and their sockets. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** @param port 0 lets the system choose; other ports are shared */
export async function openUdp(address: string, port: number): Promise<Socket> {
  const socket = createSocket({
    ...{ type: 'udp4', reuseAddr: port !== 0, recvBufferSize: 1 << 20 },
    // A literal address must not cost a turn of the event loop for each packet.
    lookup: (host, _options, done) => done(null, host, 4),
  })
  const listening = once(socket, 'listening')
  socket.bind({ address, port })
  await listening
  // Of single packets, for example when the buffer of the link is full.
  socket.on('error', () => {})
  return socket
}

const typeA = 1
const typeOpt = 41
const ednsOctets = 4096

/** @param id only its lower 16 bits count */
export function dnsQuery(id: number, name: string, { qtype = typeA, hasEdns = false } = {}): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt16BE(id & 0xffff, 0)
  // Recursion desired, one question.
  header.set([1, 0, 0, 1], 2)
  const labels = name.split('.').flatMap((label) => [Buffer.of(label.length), Buffer.from(label)])
  const question = Buffer.of(0, qtype >>> 8, qtype & 255, 0, 1)
  if (!hasEdns) return Buffer.concat([header, ...labels, question])
  header[11] = 1
  const opt = Buffer.of(0, 0, typeOpt, ednsOctets >>> 8, ednsOctets & 255, 0, 0, 0, 0, 0, 0)
  return Buffer.concat([header, ...labels, question, opt])
}

/** @param options names and values, each ended by NUL */
export const tftpRequest = (file: string, options = ''): Buffer =>
  Buffer.from(`\0\x01${file}\0octet\0${options}`, 'latin1')

export const tftpAck = (block: number): Buffer => Buffer.of(0, 4, (block >>> 8) & 255, block & 255)

// DHCP requests (RFC 2131 §2).

type Request = {
  readonly mac: string
  readonly xid: number
  readonly type: number
  /** The address that the client has, in dotted text. */
  readonly ciaddr?: string
  /** Vendor class (option 60) and architecture (option 93) of boot firmware. */
  readonly firmware?: { readonly vendorClass: string; readonly architecture: number }
  /** User class (option 77) of iPXE. */
  readonly isIpxe?: boolean
}

const [discoverType, requestType, informType] = [1, 3, 8]
const cookie = [0x63, 0x82, 0x53, 0x63]

/** A client without an address that cannot receive unicast: the reply is a broadcast. */
export const discover = (request: Omit<Request, 'type' | 'ciaddr'>) =>
  encode({ ...request, type: discoverType })

/** A client that extends its lease: the reply goes to its address. */
export const renew = (request: Omit<Request, 'type'>) => encode({ ...request, type: requestType })

export const inform = (request: Omit<Request, 'type'>) => encode({ ...request, type: informType })

function encode({ mac, xid, type, ciaddr, firmware, isIpxe = false }: Request): Buffer {
  const header = Buffer.alloc(236)
  header.set([1, 1, 6, 0])
  header.writeUInt32BE(xid >>> 0, 4)
  if (ciaddr === undefined) header.writeUInt16BE(0x8000, 10)
  else header.set(ciaddr.split('.').map(Number), 12)
  header.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 28)
  const options = [...cookie, 53, 1, type, 55, 4, 1, 3, 6, 15]
  if (firmware !== undefined) {
    const text = Buffer.from(firmware.vendorClass)
    options.push(60, text.length, ...text, 93, 2, firmware.architecture >>> 8, firmware.architecture & 255)
  }
  if (isIpxe) options.push(77, 4, ...Buffer.from('iPXE'))
  return Buffer.concat([header, Buffer.of(...options, 255), Buffer.alloc(64)])
}
