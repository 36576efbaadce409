/**
 * Follows the hosts of the assisted service while slipway serves, and adds what it reports about each node to the node's
 * timeline. A host is a node if one of its interfaces has the MAC address of the node.
 */
import type { Clock, Timer } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import type { Observe } from '../install/observation.ts'
import type { NodeModel } from '../plan/model.ts'
import type { Cluster } from '../site/schema.ts'
import type { ActiveProblem } from '../text/codes.ts'
import { fetchHosts, type AssistedSection } from './client.ts'
import { eventOf } from './host-event.ts'
import type { Host } from './hosts.ts'

type AssistedNode = Pick<NodeModel, 'key' | 'cluster' | 'mac' | 'otherMacs'>

export type Assisted = {
  /**
   * Whether the service was read, or no service installs this node: before, a machine that is installed there could be
   * installed again.
   */
  isRead(node: string): boolean
  problems(): readonly ActiveProblem[]
  /** Follows the clusters of a reloaded site. */
  swap(clusters: readonly Cluster[]): void
  close(): void
}

export type AssistedOptions = {
  readonly clusters: readonly Cluster[]
  readonly nodes: () => readonly AssistedNode[]
  readonly observe: Observe
  readonly clock: Clock
  readonly log: Log
  /** Reads the hosts; tests replace it. @throws {Error} with the reason */
  readonly fetch?: (section: AssistedSection) => Promise<readonly Host[]>
}

const intervalMs = 10_000

type Followed = {
  readonly cluster: string
  readonly section: AssistedSection
  isRead: boolean
  problem: string | undefined
  timer: Timer | undefined
}

export function followAssisted(options: AssistedOptions): Assisted {
  const { nodes, observe, clock, log, fetch = fetchHosts } = options
  let followed: readonly Followed[] = []
  /** The last reports about each node, by its key: the service can have hosts of earlier registrations. */
  const last = new Map<string, ReadonlySet<string>>()
  let isClosed = false

  async function poll(each: Followed): Promise<void> {
    try {
      const hosts = await fetch(each.section)
      if (isClosed || !followed.includes(each)) return
      report(each.cluster, hosts)
      if (each.problem !== undefined) log.info({ cluster: each.cluster }, 'assisted service reachable again')
      each.problem = undefined
      each.isRead = true
    } catch (error) {
      const { message: reason } = error as Error
      if (isClosed || !followed.includes(each)) return
      if (reason !== each.problem) {
        const facts = { cluster: each.cluster, reason, code: 'assisted.unreachable' }
        log.warn(facts, 'assisted service unreachable')
      }
      each.problem = reason
    }
    each.timer = clock.after(intervalMs, () => void poll(each))
  }

  function report(cluster: string, hosts: readonly Host[]): void {
    const own = nodes().filter((node) => node.cluster === cluster)
    const byMac = new Map<string, string>(
      own.flatMap(({ key, mac, otherMacs = [] }) => [mac, ...otherMacs].map((each) => [each, key] as const)),
    )
    const current = new Map<string, Set<string>>()
    for (const host of hosts) {
      const node = host.macs.map((mac) => byMac.get(mac)).find((key) => key !== undefined)
      if (node === undefined) continue
      const { word, reason } = eventOf(host)
      const text = `${word} ${reason} ${host.since ?? ''}`
      const texts = current.get(node) ?? new Set()
      current.set(node, texts.add(text))
      if (last.get(node)?.has(text) === true) continue
      observe({ node, kind: 'cluster', word, reason, ...(host.since !== undefined && { since: host.since }) })
    }
    for (const [node, texts] of current) last.set(node, texts)
  }

  function swap(clusters: readonly Cluster[]): void {
    const before = new Map(followed.map((each) => [JSON.stringify([each.cluster, each.section]), each]))
    followed = clusters.flatMap(({ name: cluster, assisted: section }): Followed[] => {
      if (section === undefined) return []
      const same = before.get(JSON.stringify([cluster, section]))
      return [same ?? { cluster, section, isRead: false, problem: undefined, timer: undefined }]
    })
    for (const each of before.values()) if (!followed.includes(each)) each.timer?.cancel()
    const known = new Set(before.values())
    for (const each of followed) if (!known.has(each)) void poll(each)
    const keys = new Set(nodes().map(({ key }) => key))
    for (const key of last.keys()) if (!keys.has(key)) last.delete(key)
  }

  swap(options.clusters)
  return {
    isRead: (node) => followed.every(({ cluster, isRead }) => isRead || !node.startsWith(`${cluster}/`)),
    problems: () =>
      followed.flatMap(({ cluster, problem }) =>
        problem === undefined
          ? []
          : [{ code: 'assisted.unreachable', text: `the assisted service of ${cluster}: ${problem}` }],
      ),
    swap,
    close() {
      isClosed = true
      for (const { timer } of followed) timer?.cancel()
    },
  }
}
