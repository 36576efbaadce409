/**
 * Another PXE server. Runs in a namespace as `node pxe-server.ts ADDRESS MAC`. Responds to each DISCOVER of one machine
 * with its own boot file and no address (ProxyDHCP, PXE specification 2.1 §2.2.3). The file does not exist.
 */
import { createSocket } from 'node:dgram'

const [address = '', mac = ''] = process.argv.slice(2)
const serverPort = 67
const clientPort = 68
const optionsOffset = 240
const own = address.split('.').map(Number)
const file = 'foreign.efi'

/** Whether the packet is a DISCOVER of the PXE client of this machine. */
function isFromMachine(packet: Buffer): boolean {
  const isDiscover = packet.includes(Buffer.of(53, 1, 1), optionsOffset)
  const isPxe = packet.includes('PXEClient', optionsOffset)
  return isDiscover && isPxe && packet.toString('hex', 28, 34) === mac.replaceAll(':', '')
}

/** Returns option 97 of the client, which a PXE server echoes (RFC 4578 §2.3). */
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

// Only a socket on 0.0.0.0 receives broadcasts, and only one on the address can send them.
const receiver = createSocket({ type: 'udp4', reuseAddr: true })
const sender = createSocket({ type: 'udp4', reuseAddr: true })
sender.bind(serverPort, address, () => {
  sender.setBroadcast(true)
})
receiver.bind(serverPort)
receiver.on('message', (packet) => {
  if (!isFromMachine(packet)) return
  sender.send(offer(packet), clientPort, '255.255.255.255')
  console.log('offered')
})
