/** Which nodes should serve: before its installation, and while its system starts, it is normal that a node is down. Pure. */
import type { NodeRecord } from './installs.ts'

/** From the written disk until the servers of a control-plane node run; the cluster is then installed for most of it. */
const startMs = 60 * 60_000

/**
 * @param now milliseconds since 1970
 * @returns a function that tells by the key of a node whether it should serve
 */
export function expectedNodes(records: readonly NodeRecord[], now: number): (node: string) => boolean {
  const expected = records.filter(
    ({ mode, since }) => (mode === 'installed' || mode === 'local') && now - since > startMs,
  )
  const keys = new Set(expected.map(({ node }) => node))
  return (node) => keys.has(node)
}
