/** Removes nodes from the site file for a client of the API ({@link createSiteChange}). */
import type { ClusterReport, MemberReport } from './cluster/report.ts'
import { describeRemoved, keysToRemove, manualSteps, removalBlockers } from './cluster/removal.ts'
import type { BalancerState } from './serve/haproxy/balancer.ts'
import type { Unchanged } from './site/edit/add.ts'
import {
  createSiteChange,
  refusedChange,
  type RefusedChange,
  type SiteChangeOptions,
  type SiteEffect,
} from './site-change.ts'

export type RemovalResult =
  | RefusedChange
  | (SiteEffect & {
      /** `planned`: nothing is written yet. `absent`: the site file has none of the nodes, but HAProxy still drains them. */
      readonly outcome: 'planned' | 'written' | 'absent'
      /** The keys of all named nodes, also of those that HAProxy still drains. */
      readonly keys: readonly string[]
      /** The nodes that the site file has, or had. */
      readonly nodes: readonly RemovedEntry[]
      /** Why only `force` removes the nodes. */
      readonly blockers: readonly string[]
    })

type RemovedEntry = {
  readonly node: string
  readonly line: number
  /** What is left to do by hand. */
  readonly manualSteps: readonly string[]
}

export type SiteRemoval = {
  /** @param body as the client sent it: names, and `base` to remove the nodes @param by the user */
  remove(body: unknown, by: string): Promise<RemovalResult>
}

export type SiteRemovalOptions = SiteChangeOptions & {
  /** Returns the state of every cluster; undefined where slipway connects to none. */
  readonly clusters: () => readonly Pick<ClusterReport, 'cluster' | 'members'>[] | undefined
  readonly servers: () => BalancerState['servers']
}

export function createSiteRemoval(options: SiteRemovalOptions): SiteRemoval {
  const { clusters, servers, log } = options
  const site = createSiteChange(options)

  async function remove(body: unknown, by: string): Promise<RemovalResult> {
    const request = readRequest(body)
    if ('outcome' in request) return request
    const { base } = request
    const changed = await site.change((text, file) => edit(text, file, request), base)
    if (changed.outcome === 'refused') return changed
    const { keys, nodes, blockers } = changed.edit
    const { effect } = changed
    const outcome = nodes.length === 0 ? 'absent' : changed.outcome
    if (outcome === 'written') {
      const facts = {
        nodes: nodes.map(({ node }) => node),
        file: effect.file,
        user: by,
        forced: request.force,
      }
      log.info(facts, 'nodes removed from the site file')
    }
    return { outcome, keys, nodes, blockers, ...effect }
  }

  async function edit(text: string, file: string, { names, force, base }: Request): Promise<Edit> {
    const [{ removeNodes }, { loadSite }] = await Promise.all([
      import('./site/edit/remove.ts'),
      import('./site/load.ts'),
    ])
    const loaded = loadSite(text.replace(/^\ufeff/, ''), file)
    if (loaded.kind === 'problems') return { kind: 'problems', when: 'before', problems: loaded.problems }
    const draining = servers().flatMap(({ node, isLeaving }) => (isLeaving ? [node] : []))
    const keys = keysToRemove(names, loaded.site, draining)
    if (typeof keys === 'string') return refusedChange('server.unknown-node', [keys], 404)
    const described = await describeRemoved(loaded.site, keys, memberOf)
    const blockers = removalBlockers(described, servers())
    if (base !== undefined && !force && blockers.length > 0) {
      return refusedChange('server.removal-refused', blockers)
    }
    if (described.length === 0) return { kind: 'removed', text, keys, nodes: [], blockers }
    const removed = removeNodes(
      text,
      file,
      described.map(({ key }) => key),
    )
    if (removed.kind !== 'removed') return removed
    const nodes = removed.nodes.map(({ key, line }) => {
      const steps = described.filter((each) => each.key === key).flatMap(manualSteps)
      return { node: key, line, manualSteps: steps }
    })
    return { kind: 'removed', text: removed.text, keys, nodes, blockers }
  }

  function memberOf(cluster: string, key: string): MemberReport {
    const report = clusters()?.find((each) => each.cluster === cluster)
    return report?.members.find(({ node }) => node === key) ?? { node: key, state: 'unknown' }
  }

  return { remove }
}

type Edit =
  | Unchanged
  | RefusedChange
  | {
      readonly kind: 'removed'
      readonly text: string
      readonly keys: readonly string[]
      readonly nodes: readonly RemovedEntry[]
      readonly blockers: readonly string[]
    }

type Request = {
  readonly names: readonly string[]
  readonly force: boolean
  readonly base: string | undefined
}

/** A body with this many names of this length is below the limit of the API (16 KiB). */
const maxNodes = 100
const maxNameLength = 127

function readRequest(body: unknown): Request | RefusedChange {
  const wrong = (reason: string) => refusedChange('server.bad-request', [reason], 400)
  if (typeof body !== 'object' || body === null) return wrong('the body must be a JSON object')
  const { nodes, force = false, base } = body as Record<string, unknown>
  if (!isNames(nodes)) return wrong(`nodes must be a list of 1 to ${maxNodes} names`)
  if (typeof force !== 'boolean') return wrong('force must be true or false')
  if (base !== undefined && typeof base !== 'string') return wrong('base must be a text')
  return { names: nodes, force, base }
}

function isNames(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= maxNodes &&
    value.every((each) => typeof each === 'string' && each.length <= maxNameLength)
  )
}
