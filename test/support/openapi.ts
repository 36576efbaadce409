/**
 * Validates values with the definitions of published OpenAPI documents in test/fixtures/openapi. Stricter than an API
 * server: a property that the definition does not have is a violation, so that tests cannot use invented properties.
 */
import { readFileSync } from 'node:fs'

/** The keywords that the documents use. Others are rejected, so that no keyword is ignored. */
type Schema = {
  readonly $ref?: string
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  readonly format?: 'date-time' | 'byte' | 'int32' | 'int64'
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly nullable?: boolean
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[]
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
}

type GroupVersionKind = { readonly group: string; readonly version: string; readonly kind: string }

const keywords: ReadonlySet<string> = new Set<keyof Schema>([
  ...(['$ref', 'type', 'format', 'properties', 'required', 'additionalProperties', 'items', 'enum'] as const),
  ...(['pattern', 'nullable', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'] as const),
  ...(['x-kubernetes-group-version-kind', 'x-kubernetes-preserve-unknown-fields'] as const),
])

const definitions: ReadonlyMap<string, Schema> = new Map(
  ['kubernetes', 'openshift'].flatMap((name) => {
    const url = new URL(`../fixtures/openapi/${name}.json`, import.meta.url)
    const document = JSON.parse(readFileSync(url, 'utf8')) as { definitions: Record<string, Schema> }
    return Object.entries(document.definitions)
  }),
)
for (const [name, schema] of definitions) requireUnderstood(schema, name)

/** A kind of the API, with the name of its definition. */
export type Kind = { readonly apiVersion: string; readonly kind: string; readonly definition: string }

/** All kinds of the documents except lists. */
export const kinds: readonly Kind[] = [...definitions].flatMap(([definition, schema]) =>
  (schema['x-kubernetes-group-version-kind'] ?? [])
    .filter(({ kind }) => !kind.endsWith('List'))
    .map(({ group, version, kind }) => ({
      kind,
      definition,
      apiVersion: group === '' ? version : `${group}/${version}`,
    })),
)

/** @returns the violations, for example `.spec.request is missing` */
export function misfits(value: unknown, definition: string): readonly string[] {
  return [...walk(value, definitionOf(definition), '')]
}

/** Whether a definition has a property: `['status', 'conditions', '[]', 'type']`. */
export function isPublished(definition: string, path: readonly string[]): boolean {
  let schema: Schema | undefined = definitionOf(definition)
  for (const name of path) {
    const { items, properties, additionalProperties } = resolved(schema)
    schema = name === '[]' ? items : (properties?.[name] ?? additionalProperties)
    if (schema === undefined) return false
  }
  return true
}

function* walk(value: unknown, referring: Schema, at: string): Generator<string> {
  const schema = resolved(referring)
  if (value === null && schema.nullable === true) return
  if (!isOfType(value, schema)) {
    const { type, format } = schema
    yield `${at} is ${shown(value)}, expected ${[type, format].filter(Boolean).join(' as ')}`
    return
  }
  if (schema.enum?.includes(value) === false) yield `${at} is ${shown(value)}, expected one of its enum`
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value as string)) {
    yield `${at} is ${shown(value)}, expected ${schema.pattern}`
  }
  if (Array.isArray(value)) yield* walkItems(value, schema, at)
  else if (schema.type === 'object') yield* walkProperties(value as Record<string, unknown>, schema, at)
}

function* walkItems(items: readonly unknown[], schema: Schema, at: string): Generator<string> {
  for (const [index, item] of items.entries()) yield* walk(item, schema.items ?? {}, `${at}[${index}]`)
  const kind = schema['x-kubernetes-list-type']
  if (kind !== 'map' && kind !== 'set') return
  const names = schema['x-kubernetes-list-map-keys'] ?? []
  const keyOf = (item: unknown): unknown =>
    kind === 'set' ? item : names.map((name) => (item as Readonly<Record<string, unknown>> | null)?.[name])
  const keys = items.map((item) => JSON.stringify(keyOf(item)))
  for (const [index, key] of keys.entries()) {
    if (keys.indexOf(key) !== index) yield `${at}[${index}] is there already, by its ${names.join(', ')}`
  }
}

function* walkProperties(
  object: Readonly<Record<string, unknown>>,
  { properties, additionalProperties, required = [] }: Schema,
  at: string,
): Generator<string> {
  for (const name of required) if (object[name] === undefined) yield `${at}.${name} is missing`
  // A schema without either accepts any value: fields of managedFields, the object of an event.
  if (properties === undefined && additionalProperties === undefined) return
  for (const [name, value] of Object.entries(object)) {
    // JSON omits undefined properties.
    if (value === undefined) continue
    const schema = properties?.[name] ?? additionalProperties
    if (schema === undefined) yield `${at}.${name} is not published`
    else yield* walk(value, schema, `${at}.${name}`)
  }
}

/** RFC 3339 §5.6. */
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/
/** RFC 4648 §4, with padding. */
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

function isOfType(value: unknown, { type, format }: Schema): boolean {
  if (type === undefined) return true
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'array':
      return Array.isArray(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'integer':
      return Number.isSafeInteger(value) && (format !== 'int32' || value === Number(value) >> 0)
    case 'string':
      if (typeof value !== 'string') return false
      if (format === 'date-time') return dateTime.test(value) && !Number.isNaN(Date.parse(value))
      return format !== 'byte' || base64.test(value)
  }
}

function resolved(schema: Schema): Schema {
  return schema.$ref === undefined ? schema : definitionOf(schema.$ref.replace('#/definitions/', ''))
}

/** @throws {TypeError} for a definition that is not in test/fixtures/openapi */
function definitionOf(name: string): Schema {
  const schema = definitions.get(name)
  if (schema === undefined) throw new TypeError(`${name} is not in test/fixtures/openapi`)
  return schema
}

function requireUnderstood(schema: Schema, at: string): void {
  for (const keyword of Object.keys(schema)) {
    if (!keywords.has(keyword)) throw new TypeError(`${at} has the unsupported keyword ${keyword}`)
  }
  for (const [name, each] of Object.entries(schema.properties ?? {})) requireUnderstood(each, `${at}.${name}`)
  for (const each of [schema.items, schema.additionalProperties]) {
    if (each !== undefined) requireUnderstood(each, at)
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  return text === undefined ? 'undefined' : text.slice(0, 80)
}
