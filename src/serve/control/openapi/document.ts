/** The OpenAPI 3.1 description of the API, generated from the operations and their schemas. */
import { z } from 'zod'
import type { Operation } from './operation.ts'
import { operations } from './operations.ts'
import { components, errorBody } from './schemas.ts'

type Json = Readonly<Record<string, unknown>>

/** Statuses that every request can get: `description` by status. */
const commonRefusals: Readonly<Record<number, string>> = {
  400: 'The request is not valid',
  401: 'The request has no valid credentials',
  403: 'The user or the origin of the request is not allowed to send it',
  405: 'The path does not have this method',
  413: 'The body of the request is too large',
  415: 'The body of the request is not JSON',
  421: 'The server does not have the name in the URL',
  429: 'Too many failed logins',
  500: 'Internal error',
}

const streamTypes = { events: 'text/event-stream', pcap: 'application/vnd.tcpdump.pcap' } as const

const refusalTexts: Readonly<Record<number, string>> = {
  ...commonRefusals,
  404: 'The resource that the path names does not exist',
  409: 'The request is not possible in the current state',
  502: 'The BMC of the node did not carry out the request',
  503: 'The maximum number of event streams is open',
}

export function openApiDocument(): Json {
  const { schemas } = z.toJSONSchema(components, { uri: (id) => `#/components/schemas/${id}` })
  const paths: Record<string, Record<string, Json>> = {}
  for (const operation of operations) {
    ;(paths[operation.path] ??= {})[operation.method] = describe(operation)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'slipway',
      version: '1',
      description:
        'Commands and state of slipway. Within /v1, fields and requests are added, but not changed or removed: clients must ignore fields that they do not know.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      {
        url: 'https://{host}:{port}',
        variables: { host: { default: 'localhost' }, port: { default: '8443' } },
      },
    ],
    security: [{ token: [] }, { session: [] }, { certificate: [] }],
    tags: [{ name: 'v1', description: 'Version 1' }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, cleaned(schema)])),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'created by slipway token create' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-slipway',
          description: 'POST /v1/session sets it',
        },
        certificate: { type: 'mutualTLS', description: 'client certificate (api.clients of the site file)' },
      },
    },
  }
}

function describe(operation: Operation): Json {
  const { id, summary, scope, path, pathTypes = {}, query = {}, headers = {}, body, response } = operation
  const { refusals = [] } = operation
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const statuses = [...new Set([...Object.keys(commonRefusals).map(Number), ...refusals])].sort(
    (a, b) => a - b,
  )
  return {
    operationId: id,
    summary,
    description: scope === 'public' ? 'Needs no user.' : `Needs the scope ${scope}.`,
    tags: ['v1'],
    ...(scope === 'public' ? { security: [] } : {}),
    parameters: [
      ...names.map((name) => parameter('path', name, pathTypes[name] ?? pathText)),
      ...Object.entries(query).map(([name, schema]) => parameter('query', name, schema)),
      ...Object.entries(headers).map(([name, schema]) => parameter('header', name, schema)),
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { required: body.isOptional !== true, content: json(schemaOf(body.schema)) } }),
    responses: {
      200: {
        description: 'Success',
        content:
          typeof response === 'string'
            ? { [streamTypes[response]]: { schema: { type: 'string' } } }
            : json(schemaOf(response)),
      },
      ...Object.fromEntries(
        statuses.map((status) => [
          status,
          { description: refusalTexts[status], content: json(schemaOf(errorBody)) },
        ]),
      ),
    },
  }
}

/** The router accepts at most this many characters (`maxParamLength` of Fastify). */
const pathText = z.string().min(1).max(100)

function parameter(place: string, name: string, schema: z.ZodType): Json {
  return { name, in: place, required: !schema.safeParse(undefined).success, schema: schemaOf(schema) }
}

function json(schema: Json): Json {
  return { 'application/json': { schema } }
}

/** Returns the schema, or a reference to it if it has a name. */
function schemaOf(schema: z.ZodType): Json {
  const known = components.get(schema)
  if (known !== undefined) return { $ref: `#/components/schemas/${known.id}` }
  if (schema instanceof z.ZodArray) return { type: 'array', items: schemaOf(schema.element as z.ZodType) }
  return cleaned(z.toJSONSchema(schema))
}

/** Removes the keywords of a whole document, and the bounds of JavaScript's integers. */
function cleaned(schema: unknown): Json {
  const text = JSON.stringify(schema, (key, value: unknown) => {
    if (key === '$schema' || key === '$id' || key === '~standard') return undefined
    return key === 'maximum' && value === Number.MAX_SAFE_INTEGER ? undefined : value
  })
  return JSON.parse(text) as Json
}
