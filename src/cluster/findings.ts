/** What an operator should know of a site's kubeconfigs before serving: without one its cluster cannot be asked. */
import { existsSync } from 'node:fs'
import type { Finding } from '../plan/findings.ts'
import { kubeconfigPath } from '../site/file-paths.ts'
import type { Cluster } from '../site/schema.ts'
import { kubeconfigFile } from './kubeconfig-file.ts'

/** @param now milliseconds since 1970 */
export function kubeconfigFindings(clusters: readonly Cluster[], now: number): Finding[] {
  return clusters.filter(isMeant).flatMap((cluster): Finding[] => {
    try {
      kubeconfigFile(cluster, () => now).credentials()
      return []
    } catch (error) {
      const message = `it cannot be asked, so nothing of it is followed: ${(error as Error).message}`
      return [{ severity: 'warning', about: `cluster ${cluster.name}`, message }]
    }
  })
}

/** Whether the site counts on one, or one is there; openshift-install may not have run yet. */
function isMeant(cluster: Cluster): boolean {
  const path = kubeconfigPath(cluster)
  const isWanted = cluster.kubeconfig !== undefined || cluster.approve !== 'off'
  return isWanted || (path !== undefined && existsSync(path))
}
