/**
 * Records that several appliances share, in etcd. A decision is a transaction that compares the revision of the record
 * it was made from: if another appliance changed the record, the decision is made again from that one. All other changes
 * are published in the background. The local database keeps the last known records.
 */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Clock, Timer } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Journal } from '../journal.ts'
import { without, type State } from '../machine-state.ts'
import { NotRecorded, type Recorder } from '../recorder.ts'
import type { Store } from '../store.ts'
import { encode, entryOf, type Etcd, type KeyValue } from './etcd.ts'
import { createFollower, createPeerClocks } from './follower.ts'
import { layoutOf, parseRecord, recordText, reconcile, withMoments } from './layout.ts'

/** The store that the appliances of a site share. */
export type SharedStore = {
  readonly etcd: Etcd
  /** Start of all keys. */
  readonly prefix: string
  /** Address of this appliance, which messages show to administrators. */
  readonly address: string
}

export type SharedRecorderOptions = SharedStore & {
  readonly store: Pick<Store, 'id' | 'setting' | 'putSetting' | 'keptAfter'>
  readonly journal: Journal
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  /** Identifies the boot of this machine. */
  readonly epoch: string
}

/** A boot request and the installer wait this long at most. */
const decisionMs = 2000
const publishMs = 100
/** Records that are published at the same time. */
const publishedTogether = 16

type Put =
  | { readonly kind: 'done'; readonly revision: number }
  /** Another appliance changed the record; `found` is absent if the store lost it. */
  | { readonly kind: 'changed'; readonly found: KeyValue | undefined }
  | { readonly kind: 'claimed'; readonly by: string }

export function createSharedRecorder(options: SharedRecorderOptions): Recorder {
  const { etcd, address, journal, clock, log, counters, epoch } = options
  const { id } = options.store
  const keys = layoutOf(options.prefix)
  const peerClocks = createPeerClocks(epoch)
  /** The last step of each machine that waits for the store. */
  const turns = new Map<string, Promise<unknown>>()
  /** Writes without an answer, of decisions that had no effect: if one succeeded, it is undone. */
  const lost = new Map<string, { readonly write: string; readonly before: State }>()
  /** Machines whose installation an appliance started just now. */
  const claims = new Map<string, string>()
  const unshared = new Set<string>()
  let timer: Timer | undefined
  let isPublishing = false

  // A record from a time without a shared store is compared with it first.
  for (const [machine, state] of journal.states()) {
    if (state.revision === undefined || state.isUnshared === true) unshared.add(machine)
  }
  journal.onChange((machine) => {
    const state = journal.state(machine)
    if (state === undefined || (state.revision !== undefined && state.isUnshared !== true)) return
    unshared.add(machine)
    publishSoon()
  })
  const follower = createFollower({
    ...options,
    id,
    keys,
    peerClocks,
    claims,
    take: (entry, isComplete) => void turn(machineOf(entry), () => take(entry, isComplete)),
    lose: (machine) => void turn(machine, () => lose(machine)),
    revisions: () =>
      [...journal.states()].flatMap(([mac, { revision }]) => (revision === undefined ? [] : [mac])),
    publishSoon,
  })

  function machineOf({ key }: KeyValue): string {
    return key.slice(keys.machines.length)
  }

  function turn<T>(machine: string, step: () => T | Promise<T>): Promise<T> {
    const next = (turns.get(machine) ?? Promise.resolve()).then(step)
    const settled = next
      .catch(() => {})
      .finally(() => {
        if (turns.get(machine) === settled) turns.delete(machine)
      })
    turns.set(machine, settled)
    return next
  }

  /** Marks the record if the step changes it. */
  function changed<T>(machine: string, step: () => T): T {
    const before = journal.state(machine)
    const result = step()
    const after = journal.state(machine)
    if (after === before || after === undefined) return result
    const revision = before?.revision
    journal.set(machine, { ...after, ...(revision !== undefined && { revision }), isUnshared: true })
    return result
  }

  function commit<T>(machine: string, change: () => T, isDecision: boolean): Promise<T> {
    return turn(machine, async () => {
      const end = clock.monotonic() + decisionMs
      for (;;) {
        const before = journal.state(machine)
        const { result, undo } = journal.attempt(machine, () => changed(machine, change))
        const after = journal.state(machine)
        if (after === undefined || after === before) return written(result, undo)
        const write = randomUUID()
        const isClaim = after.mode === 'installing' && after.attempt?.tokenHash !== before?.attempt?.tokenHash
        if (isClaim && !follower.isSynced()) {
          undo()
          throw unreachable('its records have not been read yet')
        }
        const remember = (): void => {
          if (before !== undefined) lost.set(machine, { write, before })
        }
        let put: Put
        try {
          put = await putRecord(machine, after, { write, isClaim, limitMs: end - clock.monotonic() })
        } catch (error) {
          counters.increment('store.unconfirmed')
          follower.failed(error as Error)
          if (!isDecision) return written(result, undo)
          undo()
          remember()
          throw unreachable((error as Error).message)
        }
        if (put.kind === 'done') {
          confirm(machine, after, put.revision)
          // The shared record has the decision, so a failure of the local disk can no longer cause a second
          // installation.
          return written(result, () => {
            undo()
            remember()
          })
        }
        undo()
        if (put.kind === 'claimed') throw claimed(follower.addressOf(put.by))
        if (put.found === undefined) lose(machine)
        else take(put.found, false)
        if (clock.monotonic() >= end)
          throw unreachable('other appliances are changing the record at the same time')
      }
    })
  }

  async function written<T>(result: T, undo: () => void): Promise<T> {
    try {
      await journal.commit()
      return result
    } catch (error) {
      undo()
      throw error
    }
  }

  /** Writes a record if the stored one is still the one it was made from. @throws when etcd does not confirm it */
  async function putRecord(
    machine: string,
    state: State,
    {
      write,
      isClaim,
      limitMs,
    }: { readonly write: string; readonly isClaim: boolean; readonly limitMs: number },
  ): Promise<Put> {
    const key = encode(keys.machines + machine)
    // A machine with several MAC addresses is not installed while another appliance installs it under one of them.
    const macs = isClaim ? [machine, ...Object.keys(state.others ?? {})] : [machine]
    const holder = macs.map((mac) => claims.get(mac)).find((each) => each !== undefined && each !== id)
    if (isClaim && holder !== undefined) return { kind: 'claimed', by: holder }
    const claimKeys = macs.map((mac) => encode(keys.claims + mac))
    const newClaims = isClaim ? claimKeys : []
    const putOf = (lease: string) => ({
      compare: [
        ...macs.map((mac) => {
          const { revision = 0 } = (mac === machine ? state : journal.state(mac)) ?? {}
          const record = encode(keys.machines + mac)
          return { key: record, target: 'MOD', result: 'EQUAL', mod_revision: String(revision) }
        }),
        ...newClaims.map((claim, index) =>
          claims.has(macs[index] as string)
            ? { key: claim, target: 'VALUE', result: 'EQUAL', value: encode(id) }
            : { key: claim, target: 'CREATE', result: 'EQUAL', create_revision: '0' },
        ),
      ],
      success: [
        { request_put: { key, value: encode(recordText(state, write, address)) } },
        ...newClaims.map((claim) => ({ request_put: { key: claim, value: encode(id), lease } })),
      ],
      failure: [...macs.map((mac) => encode(keys.machines + mac)), ...claimKeys].map((each) => ({
        request_range: { key: each },
      })),
    })
    const reply = isClaim
      ? await follower.withLease((lease) => etcd.call('/v3/kv/txn', putOf(lease), limitMs))
      : await etcd.call('/v3/kv/txn', putOf(''), limitMs)
    if (reply.succeeded === true) return { kind: 'done', revision: Number(reply.header?.revision) }
    const entries = (reply.responses ?? []).map(({ response_range: range }) => range?.kvs?.[0])
    const [record, ...related] = entries.splice(0, macs.length)
    for (const entry of related) if (entry !== undefined) take(entryOf(entry), false)
    for (const [index, claim] of entries.entries()) {
      const mac = macs[index] as string
      if (claim === undefined) claims.delete(mac)
      else claims.set(mac, entryOf(claim).value)
    }
    const found = record && entryOf(record)
    // The answer to an earlier try of this transaction was lost.
    if (found !== undefined && parseRecord(found.value)?.write === write)
      return { kind: 'done', revision: found.revision }
    return { kind: 'changed', found }
  }

  function confirm(machine: string, put: State, revision: number): void {
    const current = journal.state(machine)
    if (current === undefined) return
    const rest = current === put ? without(current, 'isUnshared') : current
    journal.set(machine, { ...rest, revision })
    if (current === put) unshared.delete(machine)
  }

  /** Takes a shared record. @param isComplete whether all records are read, so that an older revision is a restored one */
  function take(entry: KeyValue, isComplete: boolean): void {
    const machine = machineOf(entry)
    const local = journal.state(machine)
    const isOlder = local?.revision !== undefined && entry.revision < local.revision
    if (entry.revision === local?.revision || (isOlder && !isComplete)) return
    const record = parseRecord(entry.value)
    if (record === undefined) {
      log.error({ machine, code: 'store.record-unreadable' }, 'shared record unreadable')
      return
    }
    const missing = lost.get(machine)
    lost.delete(machine)
    const isUndone = missing?.write === record.write
    const shared = without(
      withMoments(isUndone ? missing.before : record.state, peerClocks.toOurs),
      'revision',
      'isUnshared',
    )
    const isOurs =
      local !== undefined && (local.isUnshared === true || local.revision === undefined || isOlder)
    const next = without(isOurs ? reconcile(shared, local) : shared, 'revision', 'isUnshared')
    // A record that shows nothing new is not published: that could overtake a decision.
    const isUnshared = isUndone || (isOurs && !isDeepStrictEqual(next, shared))
    if (!isUnshared) unshared.delete(machine)
    journal.set(machine, { ...next, revision: entry.revision, ...(isUnshared && { isUnshared }) })
  }

  /** The store has no record of a machine that it had: ours is published again. */
  function lose(machine: string): void {
    const state = journal.state(machine)
    if (state !== undefined) journal.set(machine, { ...without(state, 'revision'), isUnshared: true })
  }

  function publishSoon(): void {
    if (unshared.size > 0) timer ??= clock.after(publishMs, () => void publish())
  }

  async function publish(): Promise<void> {
    timer = undefined
    if (isPublishing || !follower.isUp()) return
    isPublishing = true
    const some = [...unshared].slice(0, publishedTogether)
    await Promise.all(some.map((machine) => turn(machine, () => publishRecord(machine))))
      .then(publishSoon, (error: unknown) => follower.failed(error as Error))
      .finally(() => (isPublishing = false))
  }

  async function publishRecord(machine: string): Promise<void> {
    const state = journal.state(machine)
    if (state === undefined || (state.revision !== undefined && state.isUnshared !== true)) {
      unshared.delete(machine)
      return
    }
    const put = await putRecord(machine, state, { write: randomUUID(), isClaim: false, limitMs: decisionMs })
    if (put.kind === 'done') confirm(machine, state, put.revision)
    else if (put.kind === 'changed' && put.found !== undefined) take(put.found, false)
    else lose(machine)
  }

  return {
    inTurn(machine, step) {
      if (turns.has(machine)) void turn(machine, () => changed(machine, step))
      else changed(machine, step)
    },
    settled: (machine) => (turns.has(machine) ? turn(machine, () => {}) : Promise.resolve()),
    commit: (machine, change, isDecision = true) => commit(machine, change, isDecision),
    record: () => journal.commit().catch(() => {}),
    problems: () => follower.problems(),
    accept: () => follower.accept(),
    close() {
      timer?.cancel()
      follower.close()
      etcd.close()
    },
  }
}

function unreachable(reason: string): NotRecorded {
  return new NotRecorded('store.unreachable', `the shared store did not confirm the installation: ${reason}`)
}

function claimed(by: string): NotRecorded {
  return new NotRecorded(
    'store.claimed',
    `the appliance ${by} has just started an installation of this machine`,
  )
}
