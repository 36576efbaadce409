/** When a node booted, proven by the tokens of its installation: the evidence for an approval. Pure. */
import type { NodeRecord } from '../../install/installs.ts'
import type { BootEvidence } from './policy.ts'

/**
 * Returns the boot that the whole chain proves: the token of the script opened the Ignition files, reported the written
 * disk, and the token that only the Ignition file contains reported the first boot from that disk. DHCP messages and
 * requests for scripts prove nothing.
 *
 * @returns undefined for a node whose chain is not complete
 */
export function bootEvidenceOf({ provenBoot }: Pick<NodeRecord, 'provenBoot'>): BootEvidence | undefined {
  if (provenBoot === undefined) return undefined
  const { startedAt, bootedAt } = provenBoot
  return { from: startedAt, to: bootedAt, installedAt: startedAt }
}
