/**
 * Files read in chunks that all readers share: sixty machines that ask for one file cost one reading of it. A
 * chunk belongs to one state of one file (device, inode, size, time of change), so a file that is replaced is
 * never mixed with the one before: who began with the old one goes on reading it. Memory that readers give back
 * is used again, because to collect half a gibibyte of it as garbage costs more than to send it.
 */
import { constants, type BigIntStats } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'

/** Some octets of a file, shared by all who took them: read only. */
export type Chunk = {
  readonly octets: Uint8Array
  /**
   * To be called at most once for each time that it was taken, when its octets are not looked at any more. Who
   * never calls it leaves the memory to the garbage collector.
   */
  release(): void
}

export type SharedFile = {
  readonly octets: number
  /** When its content was last changed, in milliseconds since 1970. */
  readonly modifiedMs: number
  /** Of every chunk but the last. */
  readonly chunkOctets: number
  /** 0 for an empty file. */
  readonly chunkCount: number
  /** At once when it is in memory. Rejects with {@link UnusableFile} or the system's error. */
  take(index: number): Chunk | Promise<Chunk>
  /** To be called once, when no chunk is wanted any more. */
  close(): void
}

export type SharedFiles = {
  /** @throws {UnusableFile | NodeJS.ErrnoException} when it is not a regular file, or as the system says */
  open(path: string): Promise<SharedFile>
}

/** A file that the system would read and we do not; told apart by `code`, as the system's errors are. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile'
  readonly code: 'NOT_REGULAR' | 'CHANGED'

  constructor(message: string, code: UnusableFile['code']) {
    super(message)
    this.code = code
  }
}

export type SharedFileLimits = {
  /** Of chunks that are kept whether anybody reads them or not. Those that slow readers hold come on top. */
  readonly cacheOctets: number
  readonly chunkOctets: number
}

/** A chunk with all that is known of it. */
type Held = Chunk & {
  /** How often it was taken and not released. */
  holders: number
  isCached: boolean
}

/** A chunk that is being read. */
type Loading = { readonly chunk: Held; readonly done: Promise<Chunk> }

/** A file held open while it is read. */
type Opened = {
  readonly handle: FileHandle
  readonly state: State
  readonly loading: Map<number, Loading>
  readers: number
}

/** Chunks of memory that are kept for the next ones: as many as readers of one file give back at once. */
const mostSpare = 16

type State = { readonly identity: string; readonly octets: number; readonly modifiedMs: number }

export function createSharedFiles({ cacheOctets, chunkOctets }: SharedFileLimits): SharedFiles {
  /** By identity and index, least recently used first. */
  const cache = new Map<string, Held>()
  const opened = new Map<string, Opened>()
  /** Memory of whole chunks that nobody holds. */
  const spare: Uint8Array[] = []
  let cachedOctets = 0

  function recall(key: string): Held | undefined {
    const chunk = cache.get(key)
    if (chunk !== undefined) {
      cache.delete(key)
      cache.set(key, chunk)
    }
    return chunk
  }

  function remember(key: string, chunk: Held): void {
    // Read twice, by somebody who had closed the file and by somebody who opened it again: one of them is enough.
    if (cache.has(key)) return
    cache.set(key, chunk)
    chunk.isCached = true
    cachedOctets += chunk.octets.length
    for (const [oldestKey, oldest] of cache) {
      if (cachedOctets <= cacheOctets) break
      cache.delete(oldestKey)
      oldest.isCached = false
      cachedOctets -= oldest.octets.length
      reuse(oldest)
    }
  }

  /** @param octets of the chunk, which are still to be read */
  function newChunk(octets: number): Held {
    // Not zeroed, because it is filled whole or dropped; memory of its own, not a part of Node's pool.
    const memory = (octets === chunkOctets ? spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(octets)
    const chunk: Held = {
      octets: memory,
      holders: 0,
      isCached: false,
      release() {
        chunk.holders--
        reuse(chunk)
      },
    }
    return chunk
  }

  function reuse({ octets, holders, isCached }: Held): void {
    if (holders > 0 || isCached || octets.length < chunkOctets) return
    if (spare.length < mostSpare) spare.push(octets)
  }

  const countChunks = (octets: number) => Math.ceil(octets / chunkOctets)

  /** All chunks, when all are in memory: such a file needs no descriptor. */
  function recallWhole({ identity, octets }: State): Held[] | undefined {
    if (octets > cacheOctets) return undefined
    const chunks: Held[] = []
    for (let index = 0; index < countChunks(octets); index++) {
      const chunk = recall(`${identity}#${index}`)
      if (chunk === undefined) return undefined
      chunks.push(chunk)
    }
    // So that none of them becomes another one's memory meanwhile.
    for (const chunk of chunks) hold(chunk)
    return chunks
  }

  async function openFile(path: string): Promise<Opened> {
    // Non-blocking, because opening a pipe for reading would wait for its writer.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    let isKept = false
    try {
      const state = stateOf(await handle.stat({ bigint: true }))
      const other = opened.get(state.identity)
      if (other !== undefined) return other
      const file = { handle, state, loading: new Map(), readers: 0 }
      opened.set(state.identity, file)
      isKept = true
      return file
    } finally {
      if (!isKept) await handle.close()
    }
  }

  async function load({ handle, state }: Opened, index: number, chunk: Held): Promise<Chunk> {
    const { octets } = chunk
    let filled = 0
    while (filled < octets.length) {
      const at = index * chunkOctets + filled
      const { bytesRead } = await handle.read(octets, filled, octets.length - filled, at)
      if (bytesRead === 0) throw changed()
      filled += bytesRead
    }
    const { identity } = stateOf(await handle.stat({ bigint: true }))
    if (identity !== state.identity) throw changed()
    remember(`${identity}#${index}`, chunk)
    return chunk
  }

  function take(file: Opened, index: number): Chunk | Promise<Chunk> {
    const { identity, octets } = file.state
    const cached = recall(`${identity}#${index}`)
    if (cached !== undefined) return hold(cached)
    let loading = file.loading.get(index)
    if (loading === undefined) {
      const chunk = newChunk(Math.min(chunkOctets, octets - index * chunkOctets))
      const done = load(file, index, chunk).finally(() => file.loading.delete(index))
      loading = { chunk, done }
      file.loading.set(index, loading)
    }
    hold(loading.chunk)
    return loading.done
  }

  /** The last reader closes the descriptor, after chunks that are still being read. */
  function release(file: Opened): void {
    file.readers--
    if (file.readers > 0) return
    opened.delete(file.state.identity)
    void Promise.allSettled([...file.loading.values()].map(({ done }) => done)).then(() =>
      file.handle.close(),
    )
  }

  function shared({ octets, modifiedMs }: State, reader: Pick<SharedFile, 'take' | 'close'>): SharedFile {
    return { octets, modifiedMs, chunkOctets, chunkCount: countChunks(octets), ...reader }
  }

  return {
    async open(path) {
      const state = stateOf(await stat(path, { bigint: true }))
      const whole = recallWhole(state)
      if (whole !== undefined) {
        return shared(state, {
          take: (index) => hold(whole[index] as Held),
          close: () => {
            for (const chunk of whole) chunk.release()
          },
        })
      }
      const file = opened.get(state.identity) ?? (await openFile(path))
      file.readers++
      return shared(file.state, { take: (index) => take(file, index), close: () => release(file) })
    },
  }
}

function hold(chunk: Held): Chunk {
  chunk.holders++
  return chunk
}

/** @throws {UnusableFile} */
function stateOf(stats: BigIntStats): State {
  if (!stats.isFile()) throw new UnusableFile('not a regular file', 'NOT_REGULAR')
  const { dev, ino, size, mtimeNs } = stats
  return {
    identity: `${dev}:${ino}:${size}:${mtimeNs}`,
    octets: Number(size),
    modifiedMs: Number(mtimeNs) / 1e6,
  }
}

function changed(): UnusableFile {
  return new UnusableFile('the file was changed while it was sent', 'CHANGED')
}
