/** One transfer between the server's engine and a client's port, over an in-memory network and with a fake clock. */
import { Counters } from '../../src/host/counters.ts'
import { silentLog } from './silent-log.ts'
import type { ServedFile } from '../../src/serve/tftp/files.ts'
import { negotiate } from '../../src/serve/tftp/request.ts'
import { startTransfer, type TransferOutcome } from '../../src/serve/tftp/active-transfer.ts'
import { fakeClock } from './fake-clock.ts'
import { memorySockets, type Weather } from './memory-sockets.ts'

export const server = '192.0.2.2'
export const client = { address: '192.0.2.11', port: 2000 }

type Setting = {
  readonly content: Uint8Array
  readonly blksize?: number
  readonly windowsize?: number
  readonly mode?: 'octet' | 'netascii'
  readonly weather?: Weather
  readonly file?: ServedFile
}

/** Returns a file in chunks of seven bytes, which arrive a little later. */
export function slowFile(content: Uint8Array): ServedFile {
  return {
    octets: content.length,
    chunkCount: Math.ceil(content.length / 7),
    chunk: (index) => Promise.resolve(content.subarray(index * 7, index * 7 + 7)),
    close: () => undefined,
  }
}

export async function begin({ content, blksize, windowsize, mode = 'octet', weather, file }: Setting) {
  const sockets = memorySockets(weather)
  const clock = fakeClock()
  const counters = new Counters()
  const log = silentLog()
  const requested = Object.entries({ blksize, windowsize }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as const],
  )
  const clientPort = await sockets.bindUdp(client)
  const port = await sockets.bindUdp({ address: server, port: 0 })
  const start = () =>
    startTransfer({
      port,
      client,
      file: file ?? slowFile(content),
      mode,
      agreement: negotiate(new Map(requested), content.length),
      clock,
      counters,
      log,
    })
  return { sockets, clock, counters, log, clientPort, port, start }
}

/** Advances time second by second until the transfer has ended. */
export async function finish(
  { sockets, clock }: Awaited<ReturnType<typeof begin>>,
  ended: Promise<TransferOutcome>,
): Promise<TransferOutcome> {
  const state = { isOver: false }
  void ended.then(() => (state.isOver = true))
  for (let seconds = 0; seconds < 1200; seconds++) {
    await sockets.settled()
    if (state.isOver) return ended
    clock.advance(1000)
  }
  throw new Error('the transfer does not end')
}

/** Returns bytes that repeat neither within a block nor from block to block. */
export const pattern = (octets: number) =>
  Uint8Array.from({ length: octets }, (_, at) => (at * 7 + (at >> 8)) & 0xff)
