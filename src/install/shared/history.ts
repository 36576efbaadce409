/**
 * Exchanges observations between appliances: each appliance sends its own in pages, and stores those of the others. The
 * pages expire; the complete history of a machine is in the database of each appliance that was running during that
 * time.
 */
import type { Clock, Timer } from '../../host/clock.ts'
import type { Journal } from '../journal.ts'
import type { Kept, Store } from '../store.ts'
import { encode, type Etcd, type KeyValue } from './etcd.ts'
import { pageKey, parsePage, type Layout, type ObservationPage } from './layout.ts'

export type History = {
  /** Sends all observations that were not sent. @throws when the store does not answer */
  send(): Promise<void>
  /** Reads the pages that arrived while this appliance was not connected to the store. @throws as send */
  readNew(): Promise<void>
  receive(entry: KeyValue): void
  close(): void
}

export type HistoryOptions = {
  readonly etcd: Etcd
  readonly keys: Layout
  readonly id: string
  readonly address: string
  readonly store: Pick<Store, 'setting' | 'putSetting' | 'keptAfter'>
  readonly journal: Pick<Journal, 'receive' | 'write' | 'subscribe'>
  readonly clock: Clock
}

/** An appliance that was down for longer misses older observations. */
const keptSeconds = 24 * 60 * 60
const leaseMs = 60 * 60_000
const pageSize = 400
/** The store writes observations in batches. */
const sendMs = 1000

export function createHistory(options: HistoryOptions): History {
  const { etcd, keys, id, address, store, journal, clock } = options
  let sent = Number(store.setting('shared-sent') ?? 0)
  let received = Number(store.setting('shared-received') ?? 0)
  let lease: { readonly id: string; readonly at: number } | undefined
  let timer: Timer | undefined
  let isSending = false

  const unsubscribe = journal.subscribe(() => {
    timer ??= clock.after(sendMs, () => {
      timer = undefined
      // The follower tries again periodically.
      send().catch(() => {})
    })
  })

  async function currentLease(): Promise<string> {
    if (lease !== undefined && clock.monotonic() - lease.at < leaseMs) return lease.id
    const at = clock.monotonic()
    const { ID = '' } = await etcd.call('/v3/lease/grant', { TTL: String(keptSeconds) })
    lease = { id: ID, at }
    return ID
  }

  async function send(): Promise<void> {
    if (isSending) return
    isSending = true
    try {
      for (;;) {
        const page = store.keptAfter(sent, pageSize)
        const last = page.at(-1)
        if (last === undefined) return
        await sendPage(page)
        sent = last.observation.sequence
        store.putSetting('shared-sent', String(sent))
      }
    } catch (error) {
      lease = undefined
      throw error
    } finally {
      isSending = false
    }
  }

  async function sendPage(page: readonly Kept[]): Promise<void> {
    const own = page.filter(({ observation }) => observation.appliance === undefined)
    const kept = own.filter((each, index) => !isSuperseded(each, own.slice(index + 1)))
    const [first] = kept
    if (first === undefined) return
    const value = JSON.stringify({ address, kept } satisfies ObservationPage)
    const key = pageKey(keys, id, first.observation.sequence)
    await etcd.call('/v3/kv/put', { key: encode(key), value: encode(value), lease: await currentLease() })
  }

  function receive({ key, value, revision }: KeyValue): void {
    if (revision <= received) return
    received = revision
    if (key.startsWith(`${keys.observations}${id}/`)) return
    const page = parsePage(value)
    if (page === undefined) return
    journal.receive(
      page.kept.map(({ machine, observation }) => ({
        machine,
        observation: { ...observation, appliance: page.address },
      })),
    )
    remember()
  }

  function remember(): void {
    try {
      journal.write()
      store.putSetting('shared-received', String(received))
    } catch {
      // The journal logged it. After a restart the page is read again.
    }
  }

  return {
    send,
    async readNew() {
      const { entries } = await etcd.list(keys.observations, received)
      for (const entry of [...entries].sort((a, b) => a.revision - b.revision)) receive(entry)
    },
    receive,
    close() {
      unsubscribe()
      timer?.cancel()
    },
  }
}

/** Of the progress reports of one download, only the last one of a page is sent. */
function isSuperseded({ machine, observation }: Kept, later: readonly Kept[]): boolean {
  if (observation.kind !== 'file' || observation.outcome !== 'under-way') return false
  return later.some(
    ({ machine: other, observation: next }) =>
      other === machine && next.kind === 'file' && next.file === observation.file,
  )
}
