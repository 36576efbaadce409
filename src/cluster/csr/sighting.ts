/** When a node was seen booting, from what is kept of it: the evidence behind an approval. Pure. */
import type { NodeRecord } from '../../install/installs.ts'
import type { Observation } from '../../install/observation.ts'
import type { Sighting } from './policy.ts'

/** Sightings with no longer pause belong together: an installation, its reboots. */
const longestPauseMs = 3_600_000

/** @param history oldest first @returns `undefined` for a node that was never seen booting */
export function sightingOf(
  { attempt }: Pick<NodeRecord, 'attempt'>,
  history: readonly Observation[],
): Sighting | undefined {
  const [to, ...earlier] = history
    .filter(isOwnBoot)
    .map(({ at }) => at)
    .reverse()
  if (to === undefined) return undefined
  let from = to
  for (const at of earlier) {
    if (from - at > longestPauseMs) break
    from = at
  }
  return { from, to, ...(attempt === undefined ? {} : { installedAt: attempt.startedAt }) }
}

/**
 * What only the node itself brings about, as far as anybody can know: its DHCP when something began to run, and what
 * its token opened. Scripts, loaders and images are for everybody who asks.
 */
function isOwnBoot(seen: Observation): boolean {
  switch (seen.kind) {
    case 'dhcp':
      return seen.isFresh && seen.answer !== 'refused'
    case 'ignition':
      return seen.outcome === 'sent'
    case 'callback':
      return true
    default:
      return false
  }
}
