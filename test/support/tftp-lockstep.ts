/** A TFTP client that acknowledges each block (RFC 1350 §2), on loopback. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** Fetches a file in mode octet, in lockstep, with the given options only. */
export async function fetchLockstep(
  port: number,
  request: string,
  blockOctets: number,
  from = '127.0.0.1',
): Promise<Buffer> {
  const socket = await bound(from)
  const parts: Buffer[] = []
  try {
    socket.send(Buffer.from(request, 'latin1'), port, '127.0.0.1')
    for (;;) {
      const [packet, peer] = (await once(socket, 'message', { signal: AbortSignal.timeout(20_000) })) as [
        Buffer,
        { port: number },
      ]
      const isData = packet[1] === 3
      if (isData) parts.push(packet.subarray(4))
      const ack = Buffer.of(0, 4, isData ? packet[2]! : 0, isData ? packet[3]! : 0)
      // Closing the socket would cancel the last one.
      await new Promise<void>((sent) => socket.send(ack, peer.port, '127.0.0.1', () => sent()))
      if (isData && packet.length < 4 + blockOctets) return Buffer.concat(parts)
    }
  } finally {
    socket.close()
  }
}

export async function bound(address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  return socket
}
