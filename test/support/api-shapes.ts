/**
 * The objects at each path of a cluster's API and their format, by the published OpenAPI documents. The test servers send
 * only objects that are validated here: an object that violates its schema is an error in a test, and fails it.
 */
import { kinds, misfits, type Kind } from './openapi.ts'

export type ApiObject = {
  readonly metadata: {
    readonly name: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

export type ApiPath = Kind & {
  /** The path without name and subresource. */
  readonly collection: string
  readonly name: string | undefined
  readonly subresource: string | undefined
  /** Compiled into the server, so that its collection always exists. */
  readonly isBuiltIn: boolean
}

/** A test uses an object that an API server would not send. */
class SchemaViolation extends Error {
  override readonly name = 'SchemaViolation'
}

/** Parses a path; a query is ignored. @returns undefined for a kind that is not in test/fixtures/openapi */
export function apiPathOf(path: string): ApiPath | undefined {
  const [, collection, core, group, plural, name, subresource] =
    /^(\/(?:api\/(v1)|apis\/([^/]+\/[^/]+))(?:\/namespaces\/[^/]+)?\/([a-z]+))(?:\/([^/?]+))?(?:\/([^/?]+))?(?:\?|$)/.exec(
      path,
    ) ?? []
  const apiVersion = core ?? group
  const kind = kinds.find(
    (each) => each.apiVersion === apiVersion && `${each.kind.toLowerCase()}s` === plural,
  )
  if (kind === undefined || collection === undefined) return undefined
  return { ...kind, collection, name, subresource, isBuiltIn: !/\.openshift\.io\//.test(kind.apiVersion) }
}

/** Returns an object as the server stores and sends it: with its kind, which a test can omit. @throws {SchemaViolation} */
export function asKept<T extends object>(path: string, object: T): T & Pick<Kind, 'kind' | 'apiVersion'> {
  const { kind, apiVersion, definition } = requireApiPath(path)
  const kept = { kind, apiVersion, ...object }
  if (kept.kind !== kind || kept.apiVersion !== apiVersion)
    refuse(path, [`it is not a ${apiVersion} ${kind}`])
  refuse(path, misfits(kept, definition))
  return kept
}

/** Returns the response for a path that is not a collection: an object, or the version. @throws {SchemaViolation} */
export function asAnswered<T extends object>(path: string, value: T): T {
  if (path !== '/version') return asKept(path, value)
  refuse(path, misfits(value, 'io.k8s.apimachinery.pkg.version.Info'))
  return value
}

/** Returns an object as an item of a list; items of built-in kinds do not contain their kind. */
export function asListed<T extends object>(path: string, object: T): T {
  const { kind, apiVersion, ...rest } = asKept(path, object)
  return (requireApiPath(path).isBuiltIn ? rest : { kind, apiVersion, ...rest }) as T
}

/** Returns a list. @param metadata ListMeta @throws {SchemaViolation} */
export function listOf(path: string, items: readonly object[], metadata: object): object {
  const { kind, apiVersion, definition } = requireApiPath(path)
  const list = {
    kind: `${kind}List`,
    apiVersion,
    metadata,
    items: items.map((item) => asListed(path, item)),
  }
  refuse(path, misfits(list, `${definition}List`))
  return list
}

/** Returns a line of a watch. @throws {SchemaViolation} */
export function eventLine(path: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: object): string {
  return lineOf(path, type, asKept(path, object))
}

/** Returns a bookmark of a watch: an object with only its resource version. */
export function bookmarkLine(path: string, resourceVersion: string): string {
  const { kind, apiVersion } = requireApiPath(path)
  const metadata = { resourceVersion }
  refuse(path, misfits(metadata, `${meta}.ObjectMeta`))
  // Servers before 1.34 send a null creation time.
  return lineOf(path, 'BOOKMARK', { kind, apiVersion, metadata: { ...metadata, creationTimestamp: null } })
}

/** Returns an error of a watch, which the server sends in the stream, with status 200. */
export function errorLine(status: number, reason: string, message: string): string {
  return lineOf('a watch', 'ERROR', statusOf(status, reason, message))
}

/** Returns the body of a refusal. @param metadata ListMeta @throws {SchemaViolation} */
export function statusOf(code: number, reason: string, message: string, metadata: object = {}): object {
  const status = { kind: 'Status', apiVersion: 'v1', metadata, status: 'Failure', message, reason, code }
  refuse('a refusal', misfits(status, `${meta}.Status`))
  return status
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'

/** The response of `/version`. */
export const versionInfo = {
  major: '1',
  minor: '30',
  gitVersion: 'v1.30.4',
  gitTreeState: 'clean',
  platform: 'linux/amd64',
  gitCommit: '0000000000000000000000000000000000000000',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: 'go1.22.5',
  compiler: 'gc',
}

function lineOf(path: string, type: string, object: object): string {
  const event = { type, object }
  refuse(path, misfits(event, `${meta}.WatchEvent`))
  return `${JSON.stringify(event)}\n`
}

export function requireApiPath(path: string): ApiPath {
  const apiPath = apiPathOf(path)
  if (apiPath === undefined)
    throw new SchemaViolation(`${path}: it is not in the documents of test/fixtures/openapi`)
  return apiPath
}

export function refuse(path: string, found: readonly string[]): void {
  if (found.length > 0) throw new SchemaViolation(`${path}: ${found.join('; ')}`)
}
