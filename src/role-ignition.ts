/**
 * Masters' and workers' Ignition files as they are to be given now. The authority of a cluster's machine configuration
 * server changes while the cluster runs, so a pointer from its installation gets old: the cluster is asked for today's.
 * Until it can be, and for a file that says more than a pointer does, it is the one on the disk.
 */
import type { ClusterConnection } from './cluster/connection/client.ts'
import { fetchUserData, userDataName, type UserData, type UserDataRole } from './cluster/user-data.ts'
import type { Clock } from './host/clock.ts'
import type { Log } from './host/log.ts'
import type { IgnitionFile } from './plan/http.ts'
import type { IgnitionDocument, IgnitionFiles, IgnitionRead } from './plan/ignition/document.ts'
import { isPointer } from './plan/ignition/pointer.ts'
import { kubeconfigPath } from './site/file-paths.ts'
import type { Cluster } from './site/schema.ts'
import { checkProvidedFile } from './scan/ignition/provided.ts'

export type RoleIgnition = IgnitionFiles & {
  /** Takes over what the site says now. */
  swap(clusters: readonly Cluster[]): void
  close(): void
}

export type RoleIgnitionOptions = {
  /** Those on the disk. */
  readonly files: IgnitionFiles
  /** Of the plan that is served now. */
  readonly ignition: () => ReadonlyMap<string, IgnitionFile>
  readonly clusters: readonly Cluster[]
  readonly connect: (cluster: Cluster) => ClusterConnection
  readonly clock: Clock
  readonly log: Log
}

/** What a cluster said. `reason`: a sentence. */
type Given =
  | { readonly kind: 'read'; readonly document: IgnitionDocument }
  | { readonly kind: 'none' | 'unheard' | 'flawed'; readonly reason: string }

/** A node waits for the answer in its boot script, which asks again. */
const answerMs = 3000
/** A rack of nodes asks at once, and each of them more than once. */
const keepMs = 60_000
const keepFailureMs = 10_000

export function createRoleIgnition(options: RoleIgnitionOptions): RoleIgnition {
  const { files, ignition, log } = options
  const told = new WeakSet<IgnitionDocument>()
  let sources = new Map<string, Source>()
  swap(options.clusters)

  function swap(clusters: readonly Cluster[]): void {
    close()
    const known = clusters.filter((cluster) => kubeconfigPath(cluster) !== undefined)
    sources = new Map(known.map((cluster) => [cluster.name, createSource(cluster, options)]))
  }

  function close(): void {
    for (const source of sources.values()) source.close()
    sources.clear()
  }

  async function read(path: string): Promise<IgnitionRead> {
    const file = [...ignition().values()].find((each) => each.file === path)
    const cluster = file?.node.split('/')[0] as string
    const source = sources.get(cluster)
    const role = file?.kind
    if (source === undefined || (role !== 'master' && role !== 'worker')) return files.read(path)
    const given = await source.read(role)
    const own = file?.isAsked === true ? undefined : await files.read(path)
    if (given.kind !== 'read') {
      return (
        own ?? { kind: 'unreadable', problem: `the cluster ${cluster} gives no ${role}.ign: ${given.reason}` }
      )
    }
    if (own?.kind === 'read' && !mayReplace(own.document, given.document)) return own
    if (own !== undefined && !told.has(given.document)) {
      told.add(given.document)
      log.info(
        { cluster, file: path, node: file?.node },
        "the cluster's own Ignition file is given in its place",
      )
    }
    return { kind: 'read', document: { ...given.document, path } }
  }

  return { read, swap, close }
}

function mayReplace({ octets }: IgnitionDocument, given: IgnitionDocument): boolean {
  if (Buffer.compare(octets, given.octets) === 0) return false
  // It was read as JSON before.
  return isPointer(JSON.parse(Buffer.from(octets).toString('utf8')))
}

type Source = {
  /** Never rejects. */
  read(role: UserDataRole): Promise<Given>
  close(): void
}

function createSource(cluster: Cluster, { connect, clock, log }: RoleIgnitionOptions): Source {
  const { name } = cluster
  const connection = connect(cluster)
  const end = new AbortController()
  const kept = new Map<UserDataRole, { readonly given: Given; readonly until: number }>()
  const underWay = new Map<UserDataRole, Promise<Given>>()

  async function ask(role: UserDataRole): Promise<Given> {
    const before = kept.get(role)?.given
    const given = settle(before, judge(role, await fetchInTime(role)))
    kept.set(role, { given, until: clock.monotonic() + (given.kind === 'read' ? keepMs : keepFailureMs) })
    const said = before?.kind === 'flawed' ? before.reason : undefined
    if (given.kind === 'flawed' && given.reason !== said) {
      log.error({ cluster: name, reason: given.reason }, 'Ignition file of the cluster is not given')
    }
    return given
  }

  async function fetchInTime(role: UserDataRole): Promise<UserData> {
    const late = new AbortController()
    const deadline = clock.after(answerMs, () => late.abort())
    const answer = await fetchUserData(connection, role, AbortSignal.any([late.signal, end.signal]))
    deadline.cancel()
    if (answer.kind !== 'unheard' || !late.signal.aborted) return answer
    return { kind: 'unheard', reason: `its API does not answer within ${answerMs / 1000} s` }
  }

  function judge(role: UserDataRole, answer: UserData): Given {
    if (answer.kind !== 'read') return answer
    const judged = checkProvidedFile(cluster, userDataName(role), answer.octets, clock.now())
    if ('document' in judged) return { kind: 'read', ...judged }
    return { kind: 'flawed', reason: `its secret ${userDataName(role)} ${judged.problem}` }
  }

  return {
    read(role) {
      const last = kept.get(role)
      if (last !== undefined && clock.monotonic() < last.until) return Promise.resolve(last.given)
      const asking = underWay.get(role) ?? ask(role).finally(() => underWay.delete(role))
      underWay.set(role, asking)
      return asking
    },
    close() {
      end.abort()
      connection.close()
    },
  }
}

/** Who was heard before, and is not now, has most likely nothing new to say. */
function settle(before: Given | undefined, now: Given): Given {
  if (before?.kind !== 'read') return now
  if (now.kind === 'unheard') return before
  const isSame = now.kind === 'read' && Buffer.compare(before.document.octets, now.document.octets) === 0
  return isSame ? before : now
}
