/**
 * Somebody else's PXE server, run in its own namespace: `node pxe-server.ts ADDRESS MAC`. To each DISCOVER of one
 * machine it offers a boot file of its own and no address (ProxyDHCP, PXE specification 2.1 §2.2.3); the file is
 * not to be had.
 */
import { createSocket } from 'node:dgram'

const [address = '', mac = ''] = process.argv.slice(2)
const serverPort = 67
const clientPort = 68
const optionsOffset = 240
const own = address.split('.').map(Number)
const file = 'foreign.efi'

/** What others than PXE clients ask is none of its business. */
function isConcerned(packet: Buffer): boolean {
  const isDiscover = packet.includes(Buffer.of(53, 1, 1), optionsOffset)
  const isPxe = packet.includes('PXEClient', optionsOffset)
  return isDiscover && isPxe && packet.toString('hex', 28, 34) === mac.replaceAll(':', '')
}

/** What a client repeats of its UUID, a PXE server repeats too (RFC 4578 §2.3). */
function machineIdentifier(packet: Buffer): Buffer {
  const at = packet.indexOf(Buffer.from([97, 17, 0]), optionsOffset)
  return at === -1 ? Buffer.alloc(0) : packet.subarray(at, at + 19)
}

function offer(discover: Buffer): Buffer {
  const header = Buffer.alloc(optionsOffset)
  discover.copy(header, 0, 0, optionsOffset)
  header[0] = 2
  header.fill(0, 16, 24) // yiaddr and siaddr
  Buffer.from(own).copy(header, 20)
  header.fill(0, 44, 236)
  header.write(file, 108)
  const named = Buffer.from('PXEClient')
  const options = [53, 1, 2, 54, 4, ...own, 60, named.length, ...named, 43, 4, 6, 1, 8, 255, 67, file.length]
  return Buffer.concat([
    header,
    Buffer.from(options),
    Buffer.from(file),
    machineIdentifier(discover),
    Buffer.of(255),
  ])
}

// Only 0.0.0.0 hears broadcasts, and only the address finds a way to send them.
const hearing = createSocket({ type: 'udp4', reuseAddr: true })
const speaking = createSocket({ type: 'udp4', reuseAddr: true })
speaking.bind(serverPort, address, () => {
  speaking.setBroadcast(true)
})
hearing.bind(serverPort)
hearing.on('message', (packet) => {
  if (!isConcerned(packet)) return
  speaking.send(offer(packet), clientPort, '255.255.255.255')
  console.log('offered')
})
