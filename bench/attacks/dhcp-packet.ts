/** DHCP requests as the benchmark sends them (RFC 2131 §2). */

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
