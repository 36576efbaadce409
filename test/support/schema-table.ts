/** Renders the keys of the site file as a Markdown table for docs/site-file.md, from its JSON schema. */

export type JsonSchema = {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly examples?: readonly unknown[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly additionalProperties?: JsonSchema | boolean
  readonly minimum?: number
  readonly maximum?: number
}

/** Returns a row for each key, nested ones as `clusters[].nodes[].mac`. The keys below equal keys are listed once. */
export function schemaTable(schema: JsonSchema): string {
  const rows = [...walk(schema, '', new Map())].filter(([key]) => key !== '$schema')
  return [
    '| key | value | default | description |',
    '|---|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n')
}

type Row = readonly [key: string, value: string, absent: string, description: string]

function* walk(schema: JsonSchema, prefix: string, toldAt: Map<string, string>): Generator<Row> {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const key = prefix === '' ? name : `${prefix}.${name}`
    const isRequired = schema.required?.includes(name) ?? false
    const inner = innerObject(property)
    if (inner === undefined) {
      yield [`\`${key}\``, valueOf(property), absent(property, isRequired), property.description ?? '']
      continue
    }
    const shape = JSON.stringify(inner.schema.properties)
    const first = toldAt.get(shape)
    if (property.description !== undefined) {
      const value = first === undefined ? '' : `as \`${first}\``
      yield [`\`${key}${inner.suffix}\``, value, absent({}, isRequired), property.description]
    }
    if (first !== undefined) continue
    toldAt.set(shape, key + inner.suffix)
    yield* walk(inner.schema, key + inner.suffix, toldAt)
  }
}

function innerObject(property: JsonSchema): { schema: JsonSchema; suffix: string } | undefined {
  if (property.properties !== undefined) return { schema: property, suffix: '' }
  if (property.items?.properties !== undefined) return { schema: property.items, suffix: '[]' }
  const values = property.additionalProperties
  if (typeof values === 'object' && values.properties !== undefined)
    return { schema: values, suffix: '.<name>' }
  return undefined
}

/** Longer lists have a table of their own, which the description names. */
const maxNames = 12

function valueOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) {
    const names = schema.enum.map((value) => `\`${String(value)}\``)
    return names.length > maxNames ? `${names[0] ?? ''}, … (${names.length} names)` : names.join(', ')
  }
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(valueOf))].join(' or ')
  if (schema.type === 'array')
    return `list of ${schema.items === undefined ? 'values' : valueOf(schema.items)}`
  if (schema.minimum !== undefined && schema.maximum !== undefined)
    return `${schema.minimum} to ${schema.maximum}`
  if (schema.examples !== undefined) return `\`${String(schema.examples[0])}\``
  return schema.type ?? 'text'
}

function absent(schema: JsonSchema, isRequired: boolean): string {
  if (isRequired) return '**required**'
  const value = schema.default
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return ''
  return `\`${JSON.stringify(value).replaceAll('"', '')}\``
}
