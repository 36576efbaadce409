/** How HAProxy drains removed nodes: a line for each change, until HAProxy has none of their servers. Pure. */
import type { Refusal } from '../../poll.ts'
import type { BalancedServer, BalancerReport } from '../../client.ts'

export type DrainProgress = { readonly lines: readonly string[]; readonly end?: 'done' | Refusal }

/** HAProxy does not respond for a moment while it reloads. */
const reloadGapMs = 15_000

/**
 * Returns a function that compares each report with the one before; the report is undefined where the site has no load
 * balancer.
 *
 * @param keys of the removed nodes
 * @param before the servers while the nodes were still in the site
 */
export function createDrainProgress(
  keys: readonly string[],
  before: readonly BalancedServer[],
): (report: BalancerReport | undefined, nowMs: number) => DrainProgress {
  const isOurs = ({ node }: BalancedServer): boolean => keys.includes(node)
  /** The last known servers, by backend and server. */
  let known = new Map(before.filter(isOurs).map((server) => [serverName(server), server]))
  /** Connections that a reload left to the previous HAProxy process, which cannot be queried. */
  let unverified = 0
  let hasStarted = false
  let unreachableSince: number | undefined

  return (report, nowMs) => {
    if (report === undefined)
      return { lines: ['this slipway does not write a load balancer configuration'], end: 'done' }
    const { applied, unreachable, servers } = report
    if (applied.reason !== undefined) {
      return refusal(`HAProxy keeps its previous configuration (${applied.outcome}): ${applied.reason}`)
    }
    if (unreachable !== undefined) {
      const lines = unreachableSince === undefined ? [`! ${unreachable}`] : []
      unreachableSince ??= nowMs
      if (nowMs - unreachableSince < reloadGapMs) return { lines }
      return refusal(
        'HAProxy does not respond, so remaining connections are unknown; --until reloaded skips this check',
      )
    }
    unreachableSince = undefined
    const draining = new Map(servers.filter(isOurs).map((server) => [serverName(server), server]))
    const lines = [...draining].flatMap(([name, server]) =>
      hasStarted && isSame(server, known.get(name)) ? [] : [server.sentence],
    )
    const removed = new Map(report.removed?.map((server) => [serverName(server), server.connections]))
    for (const [name, { isLeaving, connections: lastSeen }] of known) {
      if (draining.has(name)) continue
      // The server may have drained between two reports.
      const connections = removed.get(name) ?? lastSeen
      const isCut = !isLeaving && connections > 0
      unverified += isCut ? connections : 0
      lines.push(`${name} removed${isCut ? ` by a reload, with ${connections} connections` : ''}`)
    }
    ;[known, hasStarted] = [draining, true]
    if (draining.size > 0) return { lines }
    if (unverified === 0) return { lines, end: 'done' }
    const reason = `${unverified} connections continue in the previous HAProxy process, which cannot be queried`
    return { lines, end: { kind: 'refused', reason } }
  }
}

function refusal(reason: string): DrainProgress {
  return { lines: [], end: { kind: 'refused', reason } }
}

function serverName({ backend, server }: Pick<BalancedServer, 'backend' | 'server'>): string {
  return `${backend} ${server}`
}

function isSame(server: BalancedServer, before: BalancedServer | undefined): boolean {
  return server.status === before?.status && server.connections === before.connections
}
