/**
 * The Ignition files of masters and workers as nodes receive them. The certificate authority of a cluster's machine
 * config server changes while the cluster runs, so the installer's pointer becomes outdated. slipway asks the cluster for
 * the current pointer, as `oc extract -n openshift-machine-api secret/worker-user-data-managed --keys=userData` does. It
 * uses the file on disk if the cluster has none, is not reachable, or if the file is more than a pointer, or points to another URL.
 */
import type { Clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import type { IgnitionFile } from '../plan/http/plan.ts'
import {
  type IgnitionDocument,
  type IgnitionFiles,
  type IgnitionRead,
  isPointer,
  mergeSources,
} from '../plan/ignition/document.ts'
import type { Cluster } from '../site/schema.ts'
import type { Problem } from './codes.ts'
import { ApiProblem, problemOf } from './connection/errors.ts'
import type { Secret } from './objects.ts'
import type { ClusterSession, Sessions } from './session.ts'

export type RoleIgnition = IgnitionFiles & {
  /** Applies a reloaded site, after its sessions. */
  swap(clusters: readonly Cluster[]): void
  close(): void
}

/** `problem` completes a sentence that starts with the name of the file. */
type CheckedFile = { readonly document: IgnitionDocument } | { readonly problem: string }

export type RoleIgnitionOptions = {
  /** The files on disk. */
  readonly files: IgnitionFiles
  /** Returns the Ignition files of the active plan. */
  readonly ignition: () => ReadonlyMap<string, IgnitionFile>
  readonly clusters: readonly Cluster[]
  readonly sessions: Pick<Sessions, 'get'>
  /** Checks that a node can join the cluster with the file. @param now milliseconds since 1970 */
  readonly checkProvidedFile: (cluster: Cluster, name: string, bytes: Uint8Array, now: number) => CheckedFile
  readonly clock: Clock
  readonly log: Log
}

/** What a cluster provides. */
type Provided =
  | { readonly kind: 'read'; readonly document: IgnitionDocument }
  /** `none`: the cluster has no such secret, or one without data. */
  | ({ readonly kind: 'none' | 'unreachable' | 'invalid' } & Problem)

const none = { kind: 'none', code: 'ignition.cluster-file-missing' } as const

type Role = 'master' | 'worker'

/** A request ends after this time. */
const timeoutMs = 3000
/** A boot waits for this time only; the request continues, and later boots get its result. */
const waitMs = 1000
/** Many nodes ask at the same time, each more than once. */
const keepMs = 60_000
const keepFailureMs = 10_000

export function createRoleIgnition(options: RoleIgnitionOptions): RoleIgnition {
  const { files, ignition, sessions, log } = options
  const logged = new WeakSet<IgnitionDocument>()
  /** Why each Ignition file on disk was last used, by its path. */
  const fallbacks = new Map<string, string>()
  let sources = new Map<string, Source>()
  const declarations = createFirstByPath(ignition)
  swap(options.clusters)

  function swap(clusters: readonly Cluster[]): void {
    close()
    sources = new Map(
      clusters.flatMap((cluster) => {
        const session = sessions.get(cluster.name)
        const isUsable = session !== undefined && session.kubeconfigPath !== undefined
        return isUsable ? [[cluster.name, createSource(cluster, session, options)]] : []
      }),
    )
  }

  function close(): void {
    for (const source of sources.values()) source.close()
    sources.clear()
  }

  async function read(path: string): Promise<IgnitionRead> {
    const file = declarations(path)
    const cluster = file?.node.split('/')[0] as string
    const source = sources.get(cluster)
    const role = file?.kind
    if (source === undefined || (role !== 'master' && role !== 'worker')) return files.read(path)
    const provided = await source.read(role)
    const own = file?.isAsked === true ? undefined : await files.read(path)
    if (provided.kind !== 'read') {
      const { code, sentence: reason } = provided
      if (own === undefined) {
        return { kind: 'unreadable', problem: `the cluster ${cluster} provides no ${role}.ign: ${reason}` }
      }
      if (own.kind === 'read' && provided.kind !== 'invalid' && fallbacks.get(path) !== reason) {
        fallbacks.set(path, reason)
        log.info({ cluster, file: path, code, reason }, 'using the Ignition file on disk')
      }
      return own
    }
    fallbacks.delete(path)
    if (own?.kind === 'read' && !canReplace(own.document, provided.document)) return own
    if (own !== undefined && !logged.has(provided.document)) {
      logged.add(provided.document)
      log.info({ cluster, file: path }, "using the cluster's own Ignition file")
    }
    return { kind: 'read', document: { ...provided.document, path } }
  }

  return { read, swap, close }
}

/** Finds the first Ignition file with a path on disk. A plan never changes, so its files are indexed once. */
function createFirstByPath(
  ignition: RoleIgnitionOptions['ignition'],
): (path: string) => IgnitionFile | undefined {
  let indexed: ReadonlyMap<string, IgnitionFile> | undefined
  let firstByPath: ReadonlyMap<string, IgnitionFile> = new Map()
  return (path) => {
    const files = ignition()
    if (files !== indexed) {
      indexed = files
      firstByPath = new Map([...files.values()].reverse().map((each) => [each.file, each]))
    }
    return firstByPath.get(path)
  }
}

/** The cluster's own file only renews the certificate authority: a pointer to another pool or server is the administrator's. */
function canReplace({ octets }: IgnitionDocument, provided: IgnitionDocument): boolean {
  if (Buffer.compare(octets, provided.octets) === 0) return false
  // Both files were parsed as JSON before.
  const [own, current] = [octets, provided.octets].map(
    (each) => JSON.parse(Buffer.from(each).toString('utf8')) as unknown,
  )
  return isPointer(own) && normalizedSources(own) === normalizedSources(current)
}

function normalizedSources(config: unknown): string {
  const sources = mergeSources(config).map((each) => (URL.canParse(each) ? new URL(each).href : each))
  return sources.join('\n')
}

type Source = {
  /** Never rejects. */
  read(role: Role): Promise<Provided>
  close(): void
}

function createSource(
  cluster: Cluster,
  session: Pick<ClusterSession, 'get'>,
  { checkProvidedFile, clock, log }: RoleIgnitionOptions,
): Source {
  const { name } = cluster
  const end = new AbortController()
  const kept = new Map<Role, { readonly provided: Provided; readonly untilMs: number }>()
  const inFlight = new Map<Role, Promise<Provided>>()
  /** Roles whose last request had no response in time: boots do not wait for the next one. */
  const unresponsive = new Set<Role>()

  async function ask(role: Role): Promise<Provided> {
    const before = kept.get(role)?.provided
    const provided = keepKnown(before, await fetchInTime(role))
    const isRead = provided.kind === 'read'
    kept.set(role, { provided, untilMs: clock.monotonic() + (isRead ? keepMs : keepFailureMs) })
    const isLogged =
      before?.kind === 'invalid' && provided.kind === 'invalid' && before.sentence === provided.sentence
    if (provided.kind === 'invalid' && !isLogged) {
      const { code, sentence: reason } = provided
      log.error({ cluster: name, code, reason }, "cluster's own Ignition file not used")
    }
    return provided
  }

  async function fetchInTime(role: Role): Promise<Provided> {
    const late = new AbortController()
    const deadline = clock.after(timeoutMs, () => late.abort())
    const provided = await fetchUserData(role, AbortSignal.any([late.signal, end.signal]))
    deadline.cancel()
    if (late.signal.aborted) unresponsive.add(role)
    else unresponsive.delete(role)
    if (provided.kind !== 'unreachable' || !late.signal.aborted) return provided
    return noResponse(timeoutMs)
  }

  async function fetchUserData(role: Role, signal: AbortSignal): Promise<Provided> {
    const secretName = `${role}-user-data-managed`
    const path = `/api/v1/namespaces/openshift-machine-api/secrets/${secretName}`
    let userData: unknown
    try {
      userData = (await session.get<Secret>(path, signal)).data?.['userData']
    } catch (error) {
      const isMissing = error instanceof ApiProblem && error.status === 404
      return isMissing
        ? { ...none, sentence: `it has no secret ${secretName}` }
        : { kind: 'unreachable', ...problemOf(error) }
    }
    if (typeof userData !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(userData)) {
      return { ...none, sentence: `its secret ${secretName} holds no userData` }
    }
    const checked = checkProvidedFile(cluster, secretName, Buffer.from(userData, 'base64'), clock.now())
    if ('document' in checked) return { kind: 'read', ...checked }
    const sentence = `its secret ${secretName} ${checked.problem}`
    return { kind: 'invalid', code: 'ignition.cluster-file-invalid', sentence }
  }

  /** @param last the last known result, used when there is none in time */
  async function inTime(asking: Promise<Provided>, last: Provided | undefined): Promise<Provided> {
    const late = Promise.withResolvers<Provided>()
    const timer = clock.after(waitMs, () => late.resolve(last ?? noResponse(waitMs)))
    const provided = await Promise.race([asking, late.promise])
    timer.cancel()
    return provided
  }

  return {
    read(role) {
      const last = kept.get(role)
      if (last !== undefined && clock.monotonic() < last.untilMs) return Promise.resolve(last.provided)
      const asking = inFlight.get(role) ?? ask(role).finally(() => inFlight.delete(role))
      inFlight.set(role, asking)
      if (last !== undefined && unresponsive.has(role)) return Promise.resolve(last.provided)
      return inTime(asking, last?.provided)
    },
    close: () => end.abort(),
  }
}

function noResponse(afterMs: number): Provided {
  const sentence = `its API did not respond within ${afterMs / 1000} s`
  return { kind: 'unreachable', code: 'cluster.no-response', sentence }
}

/** A cluster that is not reachable most likely still provides the same file. */
function keepKnown(before: Provided | undefined, now: Provided): Provided {
  if (before?.kind !== 'read') return now
  if (now.kind === 'unreachable') return before
  const isSame = now.kind === 'read' && Buffer.compare(before.document.octets, now.document.octets) === 0
  return isSame ? before : now
}
