/** The manifest that grants slipway exactly the permissions that it needs in a cluster. */
import { stringify } from 'yaml'
import { grantsFor } from '../../cluster/rbac.ts'
import type { Cluster } from '../../site/schema.ts'

const name = 'slipway'
const rbac = 'rbac.authorization.k8s.io'

/** Returns a manifest for `oc apply`: a service account, and the roles that it needs. */
export function renderRbac(cluster: Pick<Cluster, 'approve' | 'nodes'>): string {
  const subjects = [{ kind: 'ServiceAccount', name, namespace: name }]
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: name } },
    ...grantsFor(cluster).flatMap(({ namespace, rules }) => {
      const kind = namespace === undefined ? 'ClusterRole' : 'Role'
      const metadata = { name, ...(namespace !== undefined && { namespace }) }
      return [
        { apiVersion: `${rbac}/v1`, kind, metadata, rules },
        {
          apiVersion: `${rbac}/v1`,
          kind: `${kind}Binding`,
          metadata,
          roleRef: { apiGroup: rbac, kind, name },
          subjects,
        },
      ]
    }),
  ]
  return objects
    .map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 }))
    .join('---\n')
}
