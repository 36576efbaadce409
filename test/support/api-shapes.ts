/**
 * What stands at which path of a cluster's API, and how it is written there, by the published documents. The stand-ins
 * for an API server send nothing that was not seen here: what does not fit is a mistake of a test, and ends it.
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

export type Place = Kind & {
  /** Without what follows it. */
  readonly collection: string
  readonly name: string | undefined
  readonly subresource: string | undefined
  /** Compiled into the server: its collection is there from the beginning. */
  readonly isBuiltIn: boolean
}

/** A test says what no API server does. */
class Misfit extends Error {
  override readonly name = 'Misfit'
}

/** @param path its query is no matter @returns undefined for what is in no document of test/fixtures/openapi */
export function placeOf(path: string): Place | undefined {
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

/** An object as the server keeps, gives and tells it: with its kind, which a test may leave out. @throws {Misfit} */
export function asKept<T extends object>(path: string, object: T): T & Pick<Kind, 'kind' | 'apiVersion'> {
  const { kind, apiVersion, definition } = requirePlace(path)
  const kept = { kind, apiVersion, ...object }
  if (kept.kind !== kind || kept.apiVersion !== apiVersion) refuse(path, [`it is no ${apiVersion} ${kind}`])
  refuse(path, misfits(kept, definition))
  return kept
}

/** What a path that is no collection's gives: an object, or what the server says of itself. @throws {Misfit} */
export function asAnswered<T extends object>(path: string, value: T): T {
  if (path !== '/version') return asKept(path, value)
  refuse(path, misfits(value, 'io.k8s.apimachinery.pkg.version.Info'))
  return value
}

/** An object in a list: those of the built-in kinds do not say their kind there. */
export function asListed<T extends object>(path: string, object: T): T {
  const { kind, apiVersion, ...rest } = asKept(path, object)
  return (requirePlace(path).isBuiltIn ? rest : { kind, apiVersion, ...rest }) as T
}

/** @param metadata ListMeta @throws {Misfit} */
export function listOf(path: string, items: readonly object[], metadata: object): object {
  const { kind, apiVersion, definition } = requirePlace(path)
  const list = {
    ...{ kind: `${kind}List`, apiVersion, metadata },
    items: items.map((item) => asListed(path, item)),
  }
  refuse(path, misfits(list, `${definition}List`))
  return list
}

/** A line of a watch. @throws {Misfit} */
export function eventLine(path: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: object): string {
  return lineOf(path, type, asKept(path, object))
}

/** The place that a watch has come to: an object that holds nothing else. */
export function bookmarkLine(path: string, resourceVersion: string): string {
  const { kind, apiVersion } = requirePlace(path)
  const metadata = { resourceVersion }
  refuse(path, misfits(metadata, `${meta}.ObjectMeta`))
  // What is no object yet was never made: so servers before 1.34 write it.
  return lineOf(path, 'BOOKMARK', { kind, apiVersion, metadata: { ...metadata, creationTimestamp: null } })
}

/** How a watch says that it cannot go on: with status 200, in the stream. */
export function errorLine(status: number, reason: string, message: string): string {
  return lineOf('a watch', 'ERROR', statusOf(status, reason, message))
}

/** @param metadata ListMeta @throws {Misfit} */
export function statusOf(code: number, reason: string, message: string, metadata: object = {}): object {
  const status = { kind: 'Status', apiVersion: 'v1', metadata, status: 'Failure', message, reason, code }
  refuse('a refusal', misfits(status, `${meta}.Status`))
  return status
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'

/** What `/version` says. */
export const versionInfo = {
  ...{ major: '1', minor: '30', gitVersion: 'v1.30.4', gitTreeState: 'clean', platform: 'linux/amd64' },
  gitCommit: '0000000000000000000000000000000000000000',
  ...{ buildDate: '2026-01-01T00:00:00Z', goVersion: 'go1.22.5', compiler: 'gc' },
}

function lineOf(path: string, type: string, object: object): string {
  const event = { type, object }
  refuse(path, misfits(event, `${meta}.WatchEvent`))
  return `${JSON.stringify(event)}\n`
}

export function requirePlace(path: string): Place {
  const place = placeOf(path)
  if (place === undefined)
    throw new Misfit(`${path}: no document in test/fixtures/openapi says what is there`)
  return place
}

export function refuse(path: string, found: readonly string[]): void {
  if (found.length > 0) throw new Misfit(`${path}: ${found.join('; ')}`)
}
