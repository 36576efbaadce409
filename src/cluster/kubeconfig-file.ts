/** The kubeconfig of a declared cluster: found, read, judged for this cluster, and read anew when it changed. */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { clusterDomain } from '../plan/model.ts'
import { formatIp } from '../proto/address/ip.ts'
import { endpointsOf } from '../site/endpoints.ts'
import { kubeconfigPath } from '../site/file-paths.ts'
import type { Cluster } from '../site/schema.ts'
import { BadKubeconfig, decodeKubeconfig, type Credentials } from './kubeconfig.ts'

/** Why a cluster cannot be asked at all: a whole sentence. A person has to do something about it. */
export class NoCredentials extends Error {
  override readonly name = 'NoCredentials'
}

export type KubeconfigFile = {
  /** Undefined when the site names none. */
  readonly path: string | undefined
  /** Of the file as it is now; the same object while it does not change. @throws {NoCredentials} */
  credentials(): Credentials
}

/** Three certificates and a key; what is larger than this is another file. */
const mostOctets = 1024 * 1024

/** @param now milliseconds since 1970 */
export function kubeconfigFile(cluster: Cluster, now: () => number): KubeconfigFile {
  const path = kubeconfigPath(cluster)
  let read: { readonly credentials: Credentials; readonly stamps: ReadonlyMap<string, string> } | undefined

  return {
    path,
    credentials() {
      if (path === undefined) {
        const remedy = 'name its kubeconfig as clusters[].kubeconfig in the site'
        throw new NoCredentials(`nothing says how to ask the cluster ${cluster.name}: ${remedy}`)
      }
      if (read === undefined || hasChanged(read.stamps)) {
        read = undefined
        read = readKubeconfig(path, cluster)
      }
      const { expiresAt } = read.credentials
      if (expiresAt !== undefined && expiresAt <= now()) {
        const when = new Date(expiresAt).toISOString()
        throw new NoCredentials(`the kubeconfig ${path} ended on ${when}; put a new one in its place`)
      }
      return read.credentials
    },
  }
}

/** Why it cannot be used as it is now: a sentence. */
export function problemWith(kubeconfig: KubeconfigFile): string | undefined {
  try {
    kubeconfig.credentials()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function readKubeconfig(
  path: string,
  cluster: Cluster,
): { readonly credentials: Credentials; readonly stamps: ReadonlyMap<string, string> } {
  const stamps = new Map<string, string>()
  const readFile = (file: string): string => {
    const { text, stamp } = readBounded(file)
    stamps.set(file, stamp)
    return text
  }
  try {
    // Files that it names are beside it.
    const besides = (name: string) => readFile(resolve(dirname(path), name))
    const credentials = decodeKubeconfig(readFile(path), besides)
    requireSameCluster(credentials, cluster)
    return { credentials, stamps }
  } catch (error) {
    if (error instanceof BadKubeconfig) {
      throw new NoCredentials(`the kubeconfig ${path} ${error.message}`)
    }
    const { code, message } = error as NodeJS.ErrnoException
    throw new NoCredentials(
      code === 'ENOENT' && stamps.size === 0
        ? `there is no kubeconfig ${path}; \`openshift-install create ignition-configs\` writes it to auth/kubeconfig`
        : `cannot read the kubeconfig ${path}: ${message}`,
    )
  }
}

function readBounded(file: string): { readonly text: string; readonly stamp: string } {
  const descriptor = openSync(file, 'r')
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw new Error(`${file} is no regular file`)
    if (stat.size > mostOctets) throw new Error(`${file} is too large, with ${stat.size} octets`)
    return { text: readFileSync(descriptor, 'utf8'), stamp: stampOf(stat) }
  } finally {
    closeSync(descriptor)
  }
}

function hasChanged(stamps: ReadonlyMap<string, string>): boolean {
  return [...stamps].some(([file, stamp]) => {
    const stat = statSync(file, { throwIfNoEntry: false })
    return stat === undefined || stampOf(stat) !== stamp
  })
}

function stampOf({ ino, size, mtimeMs }: { ino: number; size: number; mtimeMs: number }): string {
  return `${ino} ${size} ${mtimeMs}`
}

/** What is done in its name (approving, taking the bootstrap out) must not be done to another cluster. */
function requireSameCluster({ server, serverName }: Credentials, cluster: Cluster): void {
  const { api, apiInternal } = endpointsOf(cluster)
  const domain = clusterDomain(cluster)
  const name = `api.${domain}`
  const own = [name, `api-int.${domain}`]
  const addresses = [...api, ...apiInternal].map(formatIp)
  const host = server.hostname.replace(/^\[(.*)\]$/, '$1')
  if (own.includes(host) || addresses.includes(host)) return
  if (serverName !== undefined && own.includes(serverName)) return
  throw new BadKubeconfig(`is for ${server.host}, expected ${name}: it is of another cluster`)
}
