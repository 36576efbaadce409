/**
 * The connection of one appliance to the shared store: its heartbeat, and what the other appliances write. If the
 * watch ends, everything is read again.
 */
import { randomUUID } from 'node:crypto'
import { isAborted, pause, type Clock, type Timer, type Moment } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import type { StateProblem } from '../codes.ts'
import type { Journal } from '../journal.ts'
import type { Store } from '../store.ts'
import { encode, EtcdRefused, type Etcd, type KeyValue, type WatchEvent } from './etcd.ts'
import { createHistory } from './history.ts'
import { parsePresence, type Layout, type Presence } from './layout.ts'

type Follower = {
  /** Whether its records were read. */
  isSynced(): boolean
  /** Whether the store answered last, and its records are known. */
  isUp(): boolean
  failed(error: Error): void
  /** Calls `use` with a lease that expires soon after this appliance ends; it expires in at most {@link leaseSeconds}. */
  withLease<T>(use: (lease: string) => Promise<T>): Promise<T>
  /** Returns the address of an appliance for a message. */
  addressOf(id: string): string
  problems(): readonly StateProblem[]
  /** Accepts that the store does not contain its previous data. @throws when that cannot be recorded */
  accept(): void
  close(): void
}

type FollowerOptions = {
  readonly etcd: Etcd
  readonly keys: Layout
  /** This appliance. */
  readonly id: string
  readonly address: string
  readonly epoch: string
  readonly peerClocks: PeerClocks
  /** Kept up to date: the machines whose installation an appliance started just now. */
  readonly claims: Map<string, string>
  readonly take: (entry: KeyValue, isComplete: boolean) => void
  /** The store has no record of this machine. */
  readonly lose: (machine: string) => void
  /** Returns the machines whose record was in the store. */
  readonly revisions: () => readonly string[]
  readonly publishSoon: () => void
  readonly store: Pick<Store, 'id' | 'setting' | 'putSetting' | 'keptAfter'>
  readonly journal: Pick<Journal, 'receive' | 'write' | 'subscribe'>
  readonly clock: Clock
  readonly log: Log
}

const heartbeatMs = 3000
/** The heartbeat and a claim expire this long after the last renewal. */
const leaseSeconds = 10
/** The watch includes the heartbeats of this appliance, so it always receives something within a few seconds. */
const silenceMs = 4 * heartbeatMs
const againMs = 1000
/** gRPC: the lease does not exist. */
const notFound = 5

export function createFollower(options: FollowerOptions): Follower {
  const { etcd, keys, id, address, epoch, peerClocks, claims, store, clock, log } = options
  const appliances = new Map<string, string>()
  const history = createHistory(options)
  const closing = new AbortController()
  let failure: string | undefined = 'not connected yet'
  let isSynced = false
  let dataId = ''
  let isReplaced = false
  let lease: string | undefined
  let timer: Timer | undefined

  void beat()
  void follow()

  async function grant(): Promise<string> {
    const { ID } = await etcd.call('/v3/lease/grant', { TTL: String(leaseSeconds) })
    return (lease = ID ?? '')
  }

  async function beat(): Promise<void> {
    try {
      await grant()
      const presence: Presence = { address, epoch, tick: clock.monotonic() }
      const put = { key: encode(keys.appliances + id), value: encode(JSON.stringify(presence)), lease }
      await etcd.call('/v3/kv/put', put)
      answered()
      await history.send()
    } catch (error) {
      failed(error as Error)
    }
    if (!isAborted(closing.signal)) timer = clock.after(heartbeatMs, () => void beat())
  }

  function answered(): void {
    if (failure !== undefined) log.info({}, 'shared store reachable')
    failure = undefined
    options.publishSoon()
  }

  function failed({ message }: Error): void {
    if (closing.signal.aborted) return
    if (failure === undefined || failure === 'not connected yet')
      log.error({ code: 'store.unreachable', reason: message }, 'shared store unreachable')
    failure = message
    lease = undefined
  }

  /** Reads everything, then follows the changes, until the process ends. */
  async function follow(): Promise<void> {
    while (!isAborted(closing.signal)) {
      try {
        const revision = await readAll()
        isSynced = true
        options.publishSoon()
        await etcd.watch(keys.all, revision + 1, silenceMs, onEvent)
      } catch (error) {
        if (!closing.signal.aborted)
          log.debug({ reason: (error as Error).message }, 'shared store read again')
      }
      await pause(clock, againMs, closing.signal)
    }
  }

  async function readAll(): Promise<number> {
    await readId()
    const found = await etcd.list(keys.claims)
    claims.clear()
    for (const { key, value } of found.entries) claims.set(key.slice(keys.claims.length), value)
    const records = await etcd.list(keys.machines)
    for (const entry of records.entries) options.take(entry, true)
    const stored = new Set(records.entries.map(({ key }) => key.slice(keys.machines.length)))
    for (const machine of options.revisions()) if (!stored.has(machine)) options.lose(machine)
    await history.readNew()
    // What changed since the first of these reads is repeated by the watch.
    return found.revision
  }

  /** Creates the ID of the data if there is none, and compares it with the one that this appliance knows. */
  async function readId(): Promise<void> {
    const key = encode(keys.id)
    await etcd.call('/v3/kv/txn', {
      compare: [{ key, target: 'CREATE', result: 'EQUAL', create_revision: '0' }],
      success: [{ request_put: { key, value: encode(randomUUID()) } }],
      failure: [],
    })
    const [entry] = (await etcd.list(keys.id)).entries
    const known = store.setting('shared-id')
    dataId = entry?.value ?? ''
    const wasReplaced = isReplaced
    isReplaced = known !== undefined && known !== dataId
    if (isReplaced && !wasReplaced) log.error({ code: 'store.replaced' }, 'shared store replaced')
    if (known === undefined) store.putSetting('shared-id', dataId)
  }

  function onEvent({ kind, entry }: WatchEvent): void {
    const { key, value } = entry
    if (key.startsWith(keys.machines)) {
      if (kind === 'put') options.take(entry, false)
      else options.lose(key.slice(keys.machines.length))
    } else if (key.startsWith(keys.claims)) {
      const machine = key.slice(keys.claims.length)
      if (kind === 'put') claims.set(machine, value)
      else claims.delete(machine)
    } else if (key.startsWith(keys.appliances)) {
      onPresence(kind === 'put' ? parsePresence(value) : undefined, key.slice(keys.appliances.length))
    } else if (key.startsWith(keys.observations) && kind === 'put') {
      history.receive(entry)
    }
  }

  function onPresence(presence: Presence | undefined, from: string): void {
    if (presence === undefined) appliances.delete(from)
    else appliances.set(from, presence.address)
    if (presence !== undefined && from !== id) peerClocks.sample(presence, clock.monotonic())
  }

  return {
    isSynced: () => isSynced,
    isUp: () => failure === undefined && isSynced,
    failed,
    async withLease(use) {
      const current = lease ?? (await grant())
      try {
        return await use(current)
      } catch (error) {
        if (!(error instanceof EtcdRefused) || error.grpcCode !== notFound) throw error
        return use(await grant())
      }
    },
    addressOf: (from) => appliances.get(from) ?? from,
    problems: () => [
      ...(failure === undefined
        ? []
        : [{ code: 'store.unreachable', text: `the shared store does not answer: ${failure}` } as const]),
      ...(isReplaced
        ? [{ code: 'store.replaced', text: 'the shared store does not contain its previous data' } as const]
        : []),
    ],
    accept() {
      if (!isReplaced) return
      store.putSetting('shared-id', dataId)
      isReplaced = false
    },
    close() {
      closing.abort()
      timer?.cancel()
      history.close()
    },
  }
}

// Moments of other appliances on our monotonic clock, so that a duration can span two appliances. Each appliance
// publishes its clock every few seconds; the message with the shortest delay gives the difference. Wall clocks are not
// compared. Pure.

type PeerClocks = {
  /** Takes a published clock of another appliance. @param tick when it arrived, on our monotonic clock */
  sample(published: Pick<Moment, 'tick' | 'epoch'>, tick: number): void
  /** Returns a moment on our clock; unchanged if the difference is not known. */
  readonly toOurs: (moment: Moment) => Moment
}

/** Messages that a process received late, after a pause, come in a row; the last of them is recent. */
const enoughSamples = 3
const maxSamples = 20
const maxPeers = 50
/** Added to every duration, so that it is not shorter than it was. */
const marginMs = 1000

/** @param epoch of our own moments */
export function createPeerClocks(epoch: string): PeerClocks {
  const differences = new Map<string, number[]>()

  return {
    sample(published, tick) {
      if (published.epoch === epoch) return
      const known = differences.get(published.epoch) ?? []
      // The delay only makes a difference larger.
      differences.set(published.epoch, [...known, tick - published.tick].slice(-maxSamples))
      const [oldest] = differences.keys()
      if (differences.size > maxPeers && oldest !== undefined) differences.delete(oldest)
    },
    toOurs(moment) {
      const known = differences.get(moment.epoch)
      if (known === undefined || known.length < enoughSamples) return moment
      return { at: moment.at, tick: moment.tick + Math.min(...known) - marginMs, epoch }
    },
  }
}
