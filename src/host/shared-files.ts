/**
 * Reads files in chunks that all readers share: sixty machines that request one file cost one read of it. A
 * chunk belongs to one version of one file (device, inode, size, modification time), so versions are never mixed:
 * a reader that started with the old version finishes with it. Released memory is reused, because collecting half a
 * gibibyte as garbage costs more than sending it.
 */
import { constants, type BigIntStats } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'

/** A part of a file, shared by all readers: read only. */
export type Chunk = {
  readonly octets: Uint8Array
  /**
   * Call it at most once per `take`, after the last use of `octets`. Without the call, the garbage collector frees
   * the memory.
   */
  release(): void
}

export type SharedFile = {
  readonly octets: number
  /** Modification time in milliseconds since 1970. */
  readonly modifiedMs: number
  /** The same text for the same content on this machine: inode, size, and modification time in nanoseconds. */
  readonly version: string
  /** The descriptor, until `close`; absent if the file was not opened, because all of its chunks are in memory. */
  readonly fd?: number
  /** The size of every chunk except the last. */
  readonly chunkOctets: number
  /** 0 for an empty file. */
  readonly chunkCount: number
  /** Returns a chunk in memory immediately. Rejects with {@link UnusableFile} or the system's error. */
  take(index: number): Chunk | Promise<Chunk>
  /** Call it once, when no more chunks are needed. */
  close(): void
}

export type SharedFiles = {
  /** Returns the bytes of chunks that readers hold beside the cache. */
  heldOctets(): number
  /**
   * @param needsDescriptor opens the file also if all of its chunks are in memory
   * @throws {UnusableFile | NodeJS.ErrnoException} when it is not a regular file, or cannot be opened
   */
  open(path: string, needsDescriptor?: boolean): Promise<SharedFile>
}

/** A file that the system can read but this program refuses; `code` is the reason. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile'
  readonly code: 'NOT_REGULAR' | 'CHANGED'

  constructor(message: string, code: UnusableFile['code']) {
    super(message)
    this.code = code
  }
}

export type SharedFileLimits = {
  /** The size of the cache. Chunks that slow readers hold need additional memory. */
  readonly cacheOctets: number
  readonly chunkOctets: number
}

/** A chunk and its use. */
type Held = Chunk & {
  /** How many readers took it and have not released it. */
  holders: number
  isCached: boolean
}

/** A chunk that is being read. */
type Loading = { readonly chunk: Held; readonly done: Promise<Chunk> }

/** A file that is open for reading. */
type Opened = {
  readonly handle: FileHandle
  readonly state: State
  readonly loading: Map<number, Loading>
  readers: number
}

/** Released chunks that are kept for reuse: as many as the readers of one file release at once. */
const maxSpare = 16

type State = Pick<SharedFile, 'octets' | 'modifiedMs' | 'version'> & { readonly identity: string }

export function createSharedFiles({ cacheOctets, chunkOctets }: SharedFileLimits): SharedFiles {
  /** Blocks by file identity and index, least recently used first. */
  const cache = new Map<string, Held>()
  const opened = new Map<string, Opened>()
  /** Memory of full-size chunks without readers. */
  const spare: Uint8Array[] = []
  let cachedOctets = 0
  /** Memory of chunks that readers hold and the cache does not. */
  let heldOctets = 0

  function hold(chunk: Held): Chunk {
    if (chunk.holders === 0 && !chunk.isCached) heldOctets += chunk.octets.length
    chunk.holders++
    return chunk
  }

  function recall(key: string): Held | undefined {
    const chunk = cache.get(key)
    if (chunk !== undefined) {
      cache.delete(key)
      cache.set(key, chunk)
    }
    return chunk
  }

  function remember(key: string, chunk: Held): void {
    // A file that was closed and opened again can be read twice; keep one copy.
    if (cache.has(key)) return
    cache.set(key, chunk)
    chunk.isCached = true
    cachedOctets += chunk.octets.length
    if (chunk.holders > 0) heldOctets -= chunk.octets.length
    for (const [oldestKey, oldest] of cache) {
      if (cachedOctets <= cacheOctets) break
      cache.delete(oldestKey)
      oldest.isCached = false
      cachedOctets -= oldest.octets.length
      if (oldest.holders > 0) heldOctets += oldest.octets.length
      reuse(oldest)
    }
  }

  /** @param octets the size of the chunk */
  function newChunk(octets: number): Held {
    // Not zeroed, because a chunk is filled or dropped; allocated outside Node's pool.
    const memory = (octets === chunkOctets ? spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(octets)
    const chunk: Held = {
      octets: memory,
      holders: 0,
      isCached: false,
      release() {
        chunk.holders--
        if (chunk.holders === 0 && !chunk.isCached) heldOctets -= chunk.octets.length
        reuse(chunk)
      },
    }
    return chunk
  }

  function reuse({ octets, holders, isCached }: Held): void {
    if (holders > 0 || isCached || octets.length < chunkOctets) return
    if (spare.length < maxSpare) spare.push(octets)
  }

  const countChunks = (octets: number) => Math.ceil(octets / chunkOctets)

  /** Returns all chunks if all are in memory: such a file needs no descriptor. */
  function recallWhole({ identity, octets }: State): Held[] | undefined {
    if (octets > cacheOctets) return undefined
    const chunks: Held[] = []
    for (let index = 0; index < countChunks(octets); index++) {
      const chunk = recall(`${identity}#${index}`)
      if (chunk === undefined) return undefined
      chunks.push(chunk)
    }
    // Hold them, so that their memory is not reused.
    for (const chunk of chunks) hold(chunk)
    return chunks
  }

  /** Returns the file with one more reader: from then on, no other reader closes it. */
  async function openFile(path: string): Promise<Opened> {
    // Non-blocking, because opening a named pipe would wait for a writer.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    let isKept = false
    try {
      const state = stateOf(await handle.stat({ bigint: true }))
      const other = addReader(state)
      if (other !== undefined) return other
      const file = { handle, state, loading: new Map(), readers: 1 }
      opened.set(state.identity, file)
      isKept = true
      return file
    } finally {
      if (!isKept) await handle.close()
    }
  }

  /** Adds a reader to a file that is open. */
  function addReader({ identity }: State): Opened | undefined {
    const file = opened.get(identity)
    if (file !== undefined) file.readers++
    return file
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
      const done = load(file, index, chunk)
        .catch((error: unknown) => {
          // The readers get the error and have nothing to release.
          if (chunk.holders > 0) heldOctets -= chunk.octets.length
          throw error
        })
        .finally(() => file.loading.delete(index))
      loading = { chunk, done }
      file.loading.set(index, loading)
    }
    hold(loading.chunk)
    return loading.done
  }

  /** Closes the descriptor after the last reader, and after reads in progress. */
  function release(file: Opened): void {
    file.readers--
    if (file.readers > 0) return
    opened.delete(file.state.identity)
    void Promise.allSettled([...file.loading.values()].map(({ done }) => done)).then(() =>
      file.handle.close(),
    )
  }

  function shared(
    { octets, modifiedMs, version }: State,
    reader: Pick<SharedFile, 'fd' | 'take' | 'close'>,
  ): SharedFile {
    return { octets, modifiedMs, version, chunkOctets, chunkCount: countChunks(octets), ...reader }
  }

  return {
    heldOctets: () => heldOctets,

    async open(path, needsDescriptor = false) {
      const state = stateOf(await stat(path, { bigint: true }))
      const whole = needsDescriptor ? undefined : recallWhole(state)
      if (whole !== undefined) {
        return shared(state, {
          take: (index) => hold(whole[index] as Held),
          close: () => {
            for (const chunk of whole) chunk.release()
          },
        })
      }
      const file = addReader(state) ?? (await openFile(path))
      return shared(file.state, {
        fd: file.handle.fd,
        take: (index) => take(file, index),
        close: () => release(file),
      })
    },
  }
}

/** @throws {UnusableFile} */
function stateOf(stats: BigIntStats): State {
  if (!stats.isFile()) throw new UnusableFile('not a regular file', 'NOT_REGULAR')
  const { dev, ino, size, mtimeNs } = stats
  return {
    identity: `${dev}:${ino}:${size}:${mtimeNs}`,
    version: versionOf(stats),
    octets: Number(size),
    modifiedMs: Number(mtimeNs) / 1e6,
  }
}

/** Returns {@link SharedFile.version} of an open file. */
export function versionOf({ ino, size, mtimeNs }: Pick<BigIntStats, 'ino' | 'size' | 'mtimeNs'>): string {
  return [ino, size, mtimeNs].map((number) => number.toString(16)).join('-')
}

function changed(): UnusableFile {
  return new UnusableFile('the file changed while it was being sent', 'CHANGED')
}
