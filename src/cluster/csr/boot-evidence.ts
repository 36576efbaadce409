/** When a node was seen booting, from its recorded history: the evidence for an approval. Pure. */
import type { NodeRecord } from '../../install/installs.ts'
import type { Observation } from '../../install/observation.ts'
import type { BootEvidence } from './policy.ts'

/** Observations with shorter gaps belong together: an installation and its reboots. */
const maxGapMs = 3_600_000

/** @param history oldest first @returns undefined for a node that was never seen booting */
export function bootEvidenceOf(
  { attempt }: Pick<NodeRecord, 'attempt'>,
  history: readonly Observation[],
): BootEvidence | undefined {
  const [to, ...earlier] = history
    .filter(isOwnBoot)
    .map(({ at }) => at)
    .reverse()
  if (to === undefined) return undefined
  let from = to
  for (const at of earlier) {
    if (from - at > maxGapMs) break
    from = at
  }
  return { from, to, ...(attempt === undefined ? {} : { installedAt: attempt.startedAt }) }
}

/**
 * Whether only the node itself can have caused the observation, as far as slipway can know: DHCP of a system that has
 * just started, and what its token gave access to. Any client can fetch scripts, boot loaders, and images.
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
