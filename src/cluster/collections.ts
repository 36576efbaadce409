/**
 * The kinds of objects that slipway follows: the path of each collection, and the fields to keep. A Node lists every
 * image on its disk, so keeping whole objects would cost much memory. Pure.
 */
import { isForKubelet, readCsr, type Csr } from './csr/object.ts'
import {
  apiPaths,
  type ClusterOperator,
  type ClusterVersion,
  type Conditioned,
  type ConfigMap,
  type NodeObject,
} from './objects.ts'

export type Kind<T> = {
  readonly path: string
  /** Returns the part of an object to keep, or undefined for an object to leave out. */
  readonly keep: (object: unknown) => T | undefined
  /** When there are more objects, the oldest are left out. */
  readonly maxItems?: number
}

/** A certificate signing request without a decision. */
export type PendingRequest = {
  readonly csr: Csr
  /** As received, to be sent back with an approval. Absent if slipway never approves the request. */
  readonly object?: unknown
}

/** Anyone with an Ignition file can create requests by the thousand. This many show the administrator enough. */
const maxRequests = 5000

export const kinds = {
  nodes: conditioned<NodeObject>(apiPaths.nodes),
  signingRequests: pendingRequests(),
  bootstrapConfigMap: configMaps(apiPaths.bootstrapConfigMap),
  clusterVersion: conditioned<ClusterVersion>(apiPaths.clusterVersion),
  clusterOperators: conditioned<ClusterOperator>(apiPaths.clusterOperators),
  etcd: conditioned<Conditioned>(apiPaths.etcd),
} as const

function conditioned<T extends Conditioned>(path: string): Kind<T> {
  return {
    path,
    keep(object) {
      const { conditions } = (object as Conditioned).status ?? {}
      return { ...metadataOf(object), ...(conditions !== undefined && { status: { conditions } }) } as T
    },
  }
}

function configMaps(path: string): Kind<ConfigMap> {
  return {
    path,
    keep(object) {
      const { data } = object as ConfigMap
      return { ...metadataOf(object), ...(data !== undefined && { data }) }
    },
  }
}

/** The fields of the metadata that slipway reads. */
function metadataOf(object: unknown): Pick<ConfigMap, 'metadata'> {
  const { name, creationTimestamp } = (object as ConfigMap).metadata ?? {}
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
  }
}

function pendingRequests(): Kind<PendingRequest> {
  return {
    path: apiPaths.signingRequests,
    maxItems: maxRequests,
    keep(object) {
      const csr = readCsr(object)
      if (csr === undefined || csr.isDecided) return undefined
      return isForKubelet(csr) ? { csr, object } : { csr: { ...csr, request: '' } }
    },
  }
}
