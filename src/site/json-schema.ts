/** The JSON Schema of site files, for editors; and what it knows about one place, for messages. */
import { z } from 'zod'
import type { Path } from './problem.ts'
import { siteSchema } from './schema.ts'

/** The parts of a JSON Schema that messages are made from. */
export type JsonSchema = {
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
}

/** What an editor needs to complete and check a site file; `config/site.schema.json` is a copy. */
export function siteJsonSchema(): JsonSchema {
  // Draft 7 is the youngest that the YAML language server checks in every editor.
  const { $schema, ...rest } = z.toJSONSchema(siteSchema, { io: 'input', target: 'draft-07' })
  const about = { title: 'slipway site', description: 'one site: its networks, images, clusters and names' }
  return { $schema, ...about, ...rest } as JsonSchema
}

/** What the schema says of the value at `path`: nothing at all where it knows no such place. */
export function schemaAt(schema: JsonSchema, path: Path): JsonSchema {
  return path.reduce<JsonSchema>((at, step) => stepInto(at, step) ?? {}, schema)
}

function stepInto(schema: JsonSchema, step: string | number): JsonSchema | undefined {
  if (typeof step === 'number') {
    return schema.items ?? schema.anyOf?.find((option) => option.items !== undefined)?.items
  }
  const others = schema.additionalProperties
  return schema.properties?.[step] ?? (typeof others === 'object' ? others : undefined)
}
