/**
 * A TFTP client for tests, as simple as the RFCs allow and independent of the server's code: it keeps the blocks that
 * arrive in order, and acknowledges the end of the file, every block out of order, and in order each block that is a
 * window away from its last ACK (like EDK II). It has no timers: the server must detect losses.
 */
import type { UdpPort } from '../../src/host/udp.ts'

export type TestClient = {
  /** The content received in order. */
  readonly received: number[]
  /** The options of the OACK, in its order. */
  readonly granted: [string, string][]
  /** `5 unknown transfer identifier` */
  readonly errors: string[]
  isComplete(): boolean
}

export type Expectation = { readonly blksize?: number; readonly windowsize?: number }

/** Receives a transfer at `port` from any port of the server; the first port that answers counts. */
export function listenForFile(port: UdpPort, expectation: Expectation = {}): TestClient {
  const { blksize = 512, windowsize = 1 } = expectation
  const received: number[] = []
  const granted: [string, string][] = []
  const errors: string[] = []
  let blocks = 0
  let unacknowledged = 0
  let isComplete = false
  let server: { address: string; port: number } | undefined

  const acknowledge = (block: number): void => {
    unacknowledged = 0
    if (server === undefined) return
    port.send(Uint8Array.of(0, 4, (block >> 8) & 255, block & 255), server.address, server.port)
  }

  port.receive((batch) => {
    for (const { payload, address, port: from } of batch) {
      server ??= { address, port: from }
      const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
      const opcode = view.getUint16(0)
      if (opcode === 6) {
        const texts = new TextDecoder().decode(payload.subarray(2, -1)).split('\0')
        if (granted.length === 0) {
          for (let at = 0; at < texts.length; at += 2) granted.push([texts[at]!, texts[at + 1]!])
        }
        if (blocks === 0) acknowledge(0)
      } else if (opcode === 5) {
        errors.push(`${view.getUint16(2)} ${new TextDecoder().decode(payload.subarray(4, -1))}`)
      } else if (opcode === 3) {
        if (view.getUint16(2) === ((blocks + 1) & 0xffff) && !isComplete) {
          blocks++
          unacknowledged++
          for (const octet of payload.subarray(4)) received.push(octet)
          isComplete = payload.length < 4 + blksize
          if (isComplete || unacknowledged === windowsize) acknowledge(blocks)
        } else {
          acknowledge(blocks)
        }
      }
    }
  })
  return { received, granted, errors, isComplete: () => isComplete }
}
