/** The JSON Schema of site files, for editors, and lookups in it by path, for messages. */
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

/** Returns the schema that editors use to complete and check a site file; `config/site.schema.json` is a copy. */
export function siteJsonSchema(): JsonSchema {
  // Draft 7 is the newest version that the YAML language server supports in every editor.
  const { $schema, ...rest } = z.toJSONSchema(siteSchema, { io: 'input', target: 'draft-07' })
  const about = { title: 'slipway site', description: 'one site: its networks, images, clusters, and names' }
  return { $schema, ...about, ...rest } as JsonSchema
}

/** Returns the part of the schema for the value at `path`, or an empty schema if it does not define that path. */
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
