/** The declared nodes of a cluster, and when slipway saw each of them boot: what the policy compares requests with. */
import type { NodeRecord } from '../../install/installs.ts'
import { isBootedMember, type MemberModel } from '../../plan/model.ts'
import type { Ip } from '../../proto/address/ip.ts'

/** A declared node of the cluster. */
export type CsrNode = {
  /** `<cluster>/<name>` */
  readonly key: string
  /** The fully qualified and the short name, in lower case; the kubelet uses one of them. */
  readonly names: readonly string[]
  readonly addresses: readonly Ip[]
  /** Whether slipway boots it (`boot` is not `none`). */
  readonly isBooted: boolean
}

/** When slipway saw a node boot. Times are milliseconds since 1970. */
export type BootEvidence = {
  /** When its installation, or its boot, started. */
  readonly from: number
  /** When it was last seen booting. */
  readonly to: number
  /** When its last installation started; absent if it only booted. */
  readonly installedAt?: number
}

/**
 * Returns the boot that the whole chain proves: the token of the script opened the Ignition files, and the token that only
 * the Ignition file contains reported the first boot from the disk that was written with it. DHCP messages and requests
 * for scripts prove nothing.
 *
 * @returns undefined for a node whose chain is not complete
 */
export function bootEvidenceOf({ provenBoot }: Pick<NodeRecord, 'provenBoot'>): BootEvidence | undefined {
  if (provenBoot === undefined) return undefined
  const { startedAt, bootedAt } = provenBoot
  return { from: startedAt, to: bootedAt, installedAt: startedAt }
}

/** Returns the nodes of a cluster that join it: all but the bootstrap. */
export function csrNodes(nodes: readonly MemberModel[], cluster: string): readonly CsrNode[] {
  return nodes
    .filter((node) => node.cluster === cluster && node.role !== 'bootstrap')
    .map((node) => ({
      key: node.key,
      names: [node.fqdn, node.name],
      addresses: node.addresses,
      isBooted: isBootedMember(node),
    }))
}
