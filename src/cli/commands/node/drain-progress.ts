/** How nodes that are gone from the site leave the load balancer: a line for each change, until it has none of them. Pure. */
import type { Refusal } from '../../poll.ts'
import type { BalancedServer, BalancerReport } from '../../client.ts'

export type DrainProgress = { readonly lines: readonly string[]; readonly end?: 'done' | Refusal }

/** HAProxy is not heard for a moment when it is reloaded. */
const silenceMs = 15_000

/**
 * @param keys of the nodes that leave
 * @param before servers as they were when the nodes were still in the site
 * @returns what is new, each time that it is given how the load balancer is: undefined where the site has none
 */
export function createFarewell(
  keys: readonly string[],
  before: readonly BalancedServer[],
): (report: BalancerReport | undefined, nowMs: number) => DrainProgress {
  const isOurs = ({ node }: BalancedServer): boolean => keys.includes(node)
  /** By back end and server, as they were seen last. */
  let known = new Map(before.filter(isOurs).map((server) => [placeOf(server), server]))
  /** What went with a reload: HAProxy's process before has the connections, and nobody can ask it. */
  let unseen = 0
  let isBegun = false
  let silentSince: number | undefined

  return (report, nowMs) => {
    if (report === undefined)
      return { lines: ['the load balancer of this site is not written here'], end: 'done' }
    const { applied, unreachable, servers } = report
    if (applied.reason !== undefined) {
      return refusal(`HAProxy runs on with what it had before (${applied.outcome}): ${applied.reason}`)
    }
    if (unreachable !== undefined) {
      const lines = silentSince === undefined ? [`! ${unreachable}`] : []
      silentSince ??= nowMs
      if (nowMs - silentSince < silenceMs) return { lines }
      return refusal(
        'HAProxy does not tell whether connections to them are left; --until reloaded does not ask',
      )
    }
    silentSince = undefined
    const leaving = new Map(servers.filter(isOurs).map((server) => [placeOf(server), server]))
    const lines = [...leaving].flatMap(([place, server]) =>
      isBegun && isSame(server, known.get(place)) ? [] : [server.sentence],
    )
    for (const [place, { isLeaving, connections }] of known) {
      if (leaving.has(place)) continue
      const isCut = !isLeaving && connections > 0
      unseen += isCut ? connections : 0
      lines.push(`${place} is gone${isCut ? ` by a reload, with ${connections} connections` : ''}`)
    }
    ;[known, isBegun] = [leaving, true]
    if (leaving.size > 0) return { lines }
    if (unseen === 0) return { lines, end: 'done' }
    const reason = `${unseen} connections went on in HAProxy's process before, which cannot be asked for them`
    return { lines, end: { kind: 'refused', reason } }
  }
}

function refusal(reason: string): DrainProgress {
  return { lines: [], end: { kind: 'refused', reason } }
}

function placeOf({ backend, server }: BalancedServer): string {
  return `${backend} ${server}`
}

function isSame(server: BalancedServer, before: BalancedServer | undefined): boolean {
  return server.status === before?.status && server.connections === before.connections
}
