/**
 * The permissions that slipway needs in a cluster, and the permission that a request needs, for the message when it is
 * missing. Pure.
 */
import type { Cluster } from '../site/schema.ts'
import { clientSigner, servingSigner } from './objects.ts'

/** A request as an API server authorizes it. */
export type Permission = {
  readonly verb: string
  /** Empty for the core group. */
  readonly group: string
  /** Includes the subresource: `certificatesigningrequests/approval`. */
  readonly resource: string
  readonly namespace?: string
}

/** As in a Role or ClusterRole. */
type Rule = {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

/** The rules of one Role, or of the ClusterRole. */
export type Grant = { readonly namespace?: string; readonly rules: readonly Rule[] }

const certificates = 'certificates.k8s.io'
const readonly = ['list', 'watch']

export function grantsFor({ approve, nodes }: Pick<Cluster, 'approve' | 'nodes'>): readonly Grant[] {
  const hasBootstrap = nodes.some(({ role }) => role === 'bootstrap')
  /** @param isNeeded whether slipway also reads single objects */
  const reading = (isNeeded: boolean) => (isNeeded ? ['get', ...readonly] : readonly)
  const signers = [clientSigner, servingSigner]
  return [
    {
      rules: [
        { apiGroups: [''], resources: ['nodes'], verbs: reading(approve !== 'off') },
        {
          apiGroups: [certificates],
          resources: ['certificatesigningrequests'],
          verbs: reading(approve === 'declared'),
        },
        ...(approve === 'declared'
          ? [
              {
                apiGroups: [certificates],
                resources: ['certificatesigningrequests/approval'],
                verbs: ['update'],
              },
              {
                apiGroups: [certificates],
                resources: ['signers'],
                resourceNames: signers,
                verbs: ['approve'],
              },
            ]
          : []),
        {
          apiGroups: ['config.openshift.io'],
          resources: ['clusterversions', 'clusteroperators'],
          verbs: readonly,
        },
        ...(hasBootstrap
          ? [{ apiGroups: ['operator.openshift.io'], resources: ['etcds'], verbs: readonly }]
          : []),
      ],
    },
    ...(hasBootstrap
      ? [
          {
            namespace: 'kube-system',
            rules: [
              {
                apiGroups: [''],
                resources: ['configmaps'],
                resourceNames: ['bootstrap'],
                verbs: readonly,
              },
            ],
          },
        ]
      : []),
    {
      namespace: 'openshift-machine-api',
      rules: [
        {
          apiGroups: [''],
          resources: ['secrets'],
          resourceNames: ['master', 'worker'].map((role) => `${role}-user-data-managed`),
          verbs: ['get'],
        },
      ],
    },
  ]
}

/** Returns the permission for a request, or undefined for a path that is not one of a resource. */
export function permissionOf(method: 'GET' | 'PUT', path: string): Permission | undefined {
  const [pathname = '', query = ''] = path.split('?')
  const parts =
    /^\/(?:api|apis\/([^/]+))\/v1\/(?:namespaces\/([^/]+)\/)?([^/]+)(?:\/([^/]+))?(?:\/(.+))?$/.exec(pathname)
  if (parts === null) return undefined
  const [, group = '', namespace, kind = '', object, part] = parts
  const read = object !== undefined ? 'get' : /(?:^|&)watch=1(?:&|$)/.test(query) ? 'watch' : 'list'
  return {
    verb: method === 'PUT' ? 'update' : read,
    group,
    resource: part === undefined ? kind : `${kind}/${part}`,
    ...(namespace !== undefined && { namespace }),
  }
}

/** Completes the message of a refusal: what is missing, and how to grant it. */
export function missingPermission(method: 'GET' | 'PUT', path: string): string {
  const permission = permissionOf(method, path)
  if (permission === undefined) return ''
  const { verb, group, resource, namespace } = permission
  const full = group === '' ? resource : `${resource}.${group}`
  const where = namespace === undefined ? '' : ` in ${namespace}`
  const what = resource.endsWith('/approval')
    ? `${verb} ${full} and approve its signer`
    : `${verb} ${full}${where}`
  return `; the user of the kubeconfig must be allowed to ${what}: apply the output of \`slipway render rbac\``
}
