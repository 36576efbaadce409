/** How nodes that are gone from the site leave the load balancer: a line for each change, until it has none of them. Pure. */
import type { Refusal } from './look-until.ts'
import type { BalancerReport } from './running-slipway.ts'

export type Farewell = { readonly lines: readonly string[]; readonly end?: 'done' | Refusal }

/** HAProxy is not heard for a moment when it is reloaded. */
const silenceMs = 15_000

/**
 * @param keys of the nodes that leave
 * @returns what is new, each time that it is given how the load balancer is: undefined where the site has none
 */
export function createFarewell(
  keys: readonly string[],
): (report: BalancerReport | undefined, nowMs: number) => Farewell {
  /** Sentences by back end and server, as they were told. */
  const told = new Map<string, string>()
  let silentSince: number | undefined

  return (report, nowMs) => {
    if (report === undefined)
      return { lines: ['the load balancer of this site is not written here'], end: 'done' }
    const { applied, unreachable, servers } = report
    if (applied.reason !== undefined) {
      const reason = `HAProxy runs on with what it had before (${applied.outcome}): ${applied.reason}`
      return { lines: [], end: { kind: 'refused', reason } }
    }
    if (unreachable !== undefined) {
      const lines = silentSince === undefined ? [`! ${unreachable}`] : []
      silentSince ??= nowMs
      if (nowMs - silentSince < silenceMs) return { lines }
      const reason =
        'HAProxy does not tell whether connections to them are left; --until reloaded does not wait for that'
      return { lines, end: { kind: 'refused', reason } }
    }
    silentSince = undefined
    const leaving = servers.filter(({ node }) => keys.includes(node))
    const lines = leaving.flatMap(({ backend, server, status, connections, sentence }) => {
      const place = `${backend} ${server}`
      const state = `${status} ${connections}`
      if (told.get(place) === state) return []
      told.set(place, state)
      return [sentence]
    })
    const left = new Set(leaving.map(({ backend, server }) => `${backend} ${server}`))
    for (const place of told.keys()) {
      if (left.has(place)) continue
      told.delete(place)
      lines.push(`${place} is gone`)
    }
    return leaving.length > 0 ? { lines } : { lines, end: 'done' }
  }
}
