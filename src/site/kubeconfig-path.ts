/** Where a cluster's kubeconfig is, by what the site says. */
import type { Cluster } from './schema.ts'

/** Where the site says, else where openshift-install leaves it; undefined when the site says neither. */
export function kubeconfigPath({
  kubeconfig,
  ignition,
}: Pick<Cluster, 'kubeconfig' | 'ignition'>): string | undefined {
  return kubeconfig ?? (ignition === undefined ? undefined : `${ignition}/auth/kubeconfig`)
}
