/**
 * The kubeconfig of a declared cluster: finds the file, reads it again when it changed, and checks that it is for this
 * cluster. If it cannot be used, the reason is a sentence, which `slipway check` also shows.
 */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Finding } from '../../text/codes.ts'
import { clusterDomain } from '../../plan/model.ts'
import { formatIp } from '../../proto/address/ip.ts'
import { endpointsOf } from '../../site/declared.ts'
import { kubeconfigPath } from '../../site/file-paths.ts'
import type { Cluster } from '../../site/schema.ts'
import type { ClusterCode, Problem } from '../codes.ts'
import { BadKubeconfig, ClusterError, problemOf } from '../connection/errors.ts'
import type { Credentials, decodeKubeconfig } from './decode.ts'

/** Why slipway cannot log in to a cluster. An administrator has to act. */
export class NoCredentials extends ClusterError {
  override readonly name = 'NoCredentials'
}

export type KubeconfigFile = {
  /** Undefined if the site does not name one. */
  readonly path: string | undefined
  /** Returns the content of the file as it is now, and the same object until it changes. @throws {NoCredentials} */
  credentials(): Credentials
}

let decoder: { readonly decodeKubeconfig: typeof decodeKubeconfig } | undefined

/**
 * Loads the code that decodes a kubeconfig, before the first credentials are read. Its packages take 30 ms to load, and
 * a start does not need them before the services answer.
 */
export async function loadDecoder(): Promise<void> {
  decoder ??= await import('./decode.ts')
}

/** A kubeconfig holds three certificates and a key; a larger file is not one. */
const maxBytes = 1024 * 1024

/** Call {@link loadDecoder} before the credentials are read. @param now milliseconds since 1970 */
export function kubeconfigFile(cluster: Cluster, now: () => number): KubeconfigFile {
  const path = kubeconfigPath(cluster)
  let read: { readonly credentials: Credentials; readonly stamps: ReadonlyMap<string, string> } | undefined

  return {
    path,
    credentials() {
      if (path === undefined) {
        const remedy = 'set clusters[].kubeconfig in the site file'
        const sentence = `the cluster ${cluster.name} has no kubeconfig: ${remedy}`
        throw new NoCredentials('cluster.kubeconfig-not-declared', sentence)
      }
      if (read === undefined || hasChanged(read.stamps)) {
        read = undefined
        read = readKubeconfig(path, cluster)
      }
      const { expiresAt } = read.credentials
      if (expiresAt !== undefined && expiresAt <= now()) {
        const when = new Date(expiresAt).toISOString()
        const sentence = `the kubeconfig ${path} expired on ${when}; replace it with a new one`
        throw new NoCredentials('cluster.kubeconfig-expired', sentence)
      }
      return read.credentials
    },
  }
}

/** Returns why the kubeconfig cannot be used as it is now. */
export function kubeconfigProblem(kubeconfig: KubeconfigFile): Problem | undefined {
  try {
    kubeconfig.credentials()
    return undefined
  } catch (error) {
    return problemOf(error)
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
    // Relative paths in it are relative to its directory.
    const readNamed = (name: string) => readFile(resolve(dirname(path), name))
    const credentials = (decoder as NonNullable<typeof decoder>).decodeKubeconfig(readFile(path), readNamed)
    requireSameCluster(credentials, cluster)
    return { credentials, stamps }
  } catch (error) {
    if (error instanceof BadKubeconfig) {
      throw new NoCredentials(error.code, `the kubeconfig ${path} ${error.message}`)
    }
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' || stamps.size > 0) {
      const sentence = `cannot read the kubeconfig ${path}: ${message}`
      throw new NoCredentials('cluster.kubeconfig-unreadable', sentence)
    }
    throw new NoCredentials(
      'cluster.kubeconfig-missing',
      `the kubeconfig ${path} does not exist; \`openshift-install create ignition-configs\` writes it to auth/kubeconfig`,
    )
  }
}

function readBounded(file: string): { readonly text: string; readonly stamp: string } {
  const descriptor = openSync(file, 'r')
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw new Error(`${file} is not a regular file`)
    if (stat.size > maxBytes) throw new Error(`${file} has ${stat.size} bytes, expected at most ${maxBytes}`)
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

/** slipway acts on the cluster: it approves requests and drains the bootstrap. Another cluster must not be affected. */
function requireSameCluster({ server, serverName }: Credentials, cluster: Cluster): void {
  const { api, apiInternal } = endpointsOf(cluster)
  const domain = clusterDomain(cluster)
  const name = `api.${domain}`
  const own = [name, `api-int.${domain}`]
  const addresses = [...api, ...apiInternal].map(formatIp)
  const host = server.hostname.replace(/^\[(.*)\]$/, '$1')
  if (own.includes(host) || addresses.includes(host)) return
  if (serverName !== undefined && own.includes(serverName)) return
  const expected = `expected ${name} or ${own[1]}, or one of their addresses`
  const node = cluster.nodes.find(
    (each) =>
      [each.name, `${each.name}.${domain}`].includes(host) || each.address.map(formatIp).includes(host),
  )
  const code: ClusterCode =
    node === undefined ? 'cluster.kubeconfig-for-other-cluster' : 'cluster.kubeconfig-for-one-node'
  const subject = node === undefined ? `the server ${server.host}` : `the node ${node.name} (${server.host})`
  throw new BadKubeconfig(`is for ${subject}, ${expected}`, code)
}

/** Warns about kubeconfigs that cannot be used. @param now milliseconds since 1970 */
export async function kubeconfigFindings(clusters: readonly Cluster[], now: number): Promise<Finding[]> {
  await loadDecoder()
  return clusters.filter(isExpected).flatMap((cluster): Finding[] => {
    const problem = kubeconfigProblem(kubeconfigFile(cluster, () => now))
    if (problem === undefined) return []
    const message = `slipway cannot follow this cluster: ${problem.sentence}`
    return [{ code: problem.code, severity: 'warning', about: `cluster ${cluster.name}`, message }]
  })
}

/** Whether the site needs the kubeconfig, or the file exists; before openshift-install runs it may be missing. */
function isExpected(cluster: Cluster): boolean {
  const path = kubeconfigPath(cluster)
  const isNeeded = cluster.kubeconfig !== undefined || cluster.approve !== 'off'
  return isNeeded || (path !== undefined && existsSync(path))
}
