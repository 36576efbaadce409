/**
 * etcd in memory behind the interface of its client: revisions, transactions, leases without time, and watches. Faults:
 * it does not answer, or it executes a request and its answer is lost.
 */
import {
  EtcdRefused,
  EtcdUnreachable,
  type Etcd,
  type KeyValue,
  type Reply,
  type WatchEvent,
} from '../../src/install/shared/etcd.ts'

type Fault = 'none' | 'no answer' | 'lost answer'
type Put = { readonly key: string; readonly value: string; readonly lease?: string }
type Compare = { readonly key: string; readonly target: string } & Partial<
  Record<'mod_revision' | 'create_revision' | 'value', string>
>
type Txn = {
  readonly compare: readonly Compare[]
  readonly success: readonly { readonly request_put?: Put }[]
  readonly failure: readonly { readonly request_range: { readonly key: string } }[]
}

const decode = (text: string): string => Buffer.from(text, 'base64').toString()
const encode = (text: string): string => Buffer.from(text).toString('base64')

export function fakeEtcd() {
  const entries = new Map<string, KeyValue & { readonly lease?: string }>()
  const leases = new Set<string>()
  const watchers = new Set<{
    prefix: string
    each: (event: WatchEvent) => void
    end: (error: Error) => void
  }>()
  let revision = 1
  let nextLease = 1
  const world = { fault: 'none' as Fault, calls: 0 }

  function put({ key: encoded, value, lease }: Put): void {
    if (lease !== undefined && lease !== '' && !leases.has(lease))
      throw new EtcdRefused('etcdserver: requested lease not found', 5)
    const entry = {
      key: decode(encoded),
      value: decode(value),
      revision,
      ...(lease !== undefined && { lease }),
    }
    entries.set(entry.key, entry)
    tell({ kind: 'put', entry })
  }

  function tell(event: WatchEvent): void {
    for (const { prefix, each } of [...watchers]) {
      if (event.entry.key.startsWith(prefix)) queueMicrotask(() => each(event))
    }
  }

  function holds({ key, target, ...wanted }: Compare): boolean {
    const entry = entries.get(decode(key))
    if (target === 'VALUE') return entry !== undefined && encode(entry.value) === wanted.value
    if (target === 'CREATE') return entry === undefined
    return String(entry?.revision ?? 0) === wanted.mod_revision
  }

  function raw(key: string) {
    const entry = entries.get(decode(key))
    const { value = '', revision: modified = 0 } = entry ?? {}
    return entry === undefined ? [] : [{ key, value: encode(value), mod_revision: String(modified) }]
  }

  function execute(path: string, body: object): Reply {
    const header = () => ({ revision: String(revision) })
    if (path === '/v3/lease/grant') {
      const lease = String(nextLease++)
      leases.add(lease)
      return { ID: lease }
    }
    revision++
    if (path === '/v3/kv/put') {
      put(body as Put)
      return { header: header() }
    }
    const { compare, success, failure } = body as Txn
    if (compare.every(holds)) {
      for (const { request_put: each } of success) if (each !== undefined) put(each)
      return { header: header(), succeeded: true }
    }
    revision--
    const responses = failure.map(({ request_range: { key } }) => ({ response_range: { kvs: raw(key) } }))
    return { header: header(), succeeded: false, responses }
  }

  const client: Etcd = {
    async call(path, body) {
      await Promise.resolve()
      world.calls++
      if (world.fault === 'no answer') throw new EtcdUnreachable('no answer')
      const reply = execute(path, body)
      if (world.fault === 'lost answer') throw new EtcdUnreachable('lost answer')
      return reply
    },
    async list(prefix, after = 0) {
      await Promise.resolve()
      if (world.fault !== 'none') throw new EtcdUnreachable('no answer')
      const found = [...entries.values()].filter(
        ({ key, revision: at }) => key.startsWith(prefix) && at > after,
      )
      return { entries: found, revision }
    },
    watch(prefix, _from, _silenceMs, each) {
      const { promise, reject } = Promise.withResolvers<never>()
      watchers.add({ prefix, each, end: reject })
      return promise
    },
    close() {},
  }

  return {
    client,
    world,
    entries,
    /** Ends all watches, so that their appliances read everything again. */
    endWatches(): void {
      for (const { end } of watchers) end(new EtcdUnreachable('the watch ended'))
      watchers.clear()
    },
    expire(prefix: string): void {
      leases.clear()
      for (const [key, entry] of entries) {
        if (!key.startsWith(prefix)) continue
        entries.delete(key)
        tell({ kind: 'delete', entry })
      }
    },
    clear: () => entries.clear(),
  }
}
