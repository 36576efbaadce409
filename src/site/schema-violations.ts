/**
 * The JSON Schema of site files, and messages about violations of it: the invalid value, what was expected, and what may
 * be meant instead.
 */
import { z } from 'zod'
import type { SiteCode } from './codes.ts'
import type { Violation, Path } from './problem.ts'
import { defined } from '../text/defined.ts'
import { nearest } from '../text/nearest.ts'
import { quoteText } from '../text/lines.ts'
import type { Tree } from './yaml.ts'
import { siteSchema } from './schema.ts'

type Issue = z.core.$ZodIssue

/** Returns the message for zod's own checks; scalars have their own messages, which zod prefers. */
export function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') return `expected ${typeNames[issue.expected as keyof typeof typeNames]}`
  if (issue.code === 'invalid_value') return `expected ${listed(issue.values.map(String))}`
  return issue.code === 'too_small' ? 'expected at least one entry' : undefined
}

const typeNames = {
  array: 'a list',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  string: 'text',
}

/** Joins words: `a`, `a or b`, `one of a, b, c`. */
export function listed(words: readonly string[]): string {
  return words.length > 2 ? `one of ${words.join(', ')}` : words.join(' or ')
}

/** What messages are made from: the values in the file, and the schema. */
type Sources = { readonly tree: Tree; readonly schema: JsonSchema }

/** Translates each issue; an issue with a list of keys becomes one violation per key. */
export function schemaViolations(issues: readonly Issue[], tree: Tree): Violation[] {
  const sources = { tree, schema: siteJsonSchema() }
  return issues.flatMap((issue) => violationsOf(issue, issue.path as Path, sources))
}

const invalid: SiteCode = 'site.invalid-value'

function violationsOf(issue: Issue, path: Path, sources: Sources): Violation[] {
  const { tree, schema } = sources
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key, schema))
  if (!tree.has(path)) {
    // A test ensures that every key has a description.
    const message = `missing: ${schemaAt(schema, path).description as string}`
    return [{ code: 'site.missing-key', path, message }]
  }
  if (issue.code === 'invalid_key') {
    const name = quoteText(String(path.at(-1)))
    return issue.issues.map(({ message }) => ({
      code: invalid,
      path,
      at: 'key',
      message: `got ${name}, ${message}`,
    }))
  }
  if (issue.code === 'invalid_union') {
    // The alternative that accepts the type of the value describes the error best.
    const closest = issue.errors.find((errors) => !errors.some(isWrongType))
    if (closest !== undefined) {
      return closest.flatMap((inner) => violationsOf(inner, [...path, ...(inner.path as Path)], sources))
    }
  }
  const expected = issue.message.replace(/^expected /, '') + hint(issue, tree.get(path))
  return [{ code: invalid, path, expected }]
}

/** Returns what the author of `value` probably meant, or an empty string. */
function hint(issue: Issue, value: unknown): string {
  if (typeof value === 'string') {
    const [mark] = /^[\u2018-\u201f\u00ab\u00bb]/.exec(value) ?? []
    if (mark !== undefined) return `; ${typographic(mark)}`
    if (isTemplate(value)) return '; this looks like a template that was not filled in'
    if (isNumber(issue) && /^-?\d+$/.test(value)) return '; write it without quotes'
    if (issue.code === 'invalid_type' && issue.expected === 'boolean' && /^(?:true|false)$/i.test(value)) {
      return '; write it without quotes'
    }
  }
  if (typeof value === 'number' && wantsText(issue)) return '; put it in quotes, because YAML reads a number'
  if (typeof value === 'boolean' && wantsText(issue))
    return '; put it in quotes, because YAML reads a boolean'
  const known = issue.code === 'invalid_value' ? issue.values.map(String) : []
  const suggestion = typeof value === 'string' ? nearest(synonyms.get(value) ?? value, known) : undefined
  return suggestion === undefined ? '' : `; did you mean ${suggestion}?`
}

function typographic(mark: string): string {
  const code = (mark.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')
  return `the value starts with a typographic quote (U+${code}); use "`
}

/** `{{ address }}`, `${ADDRESS}`, `<address>`, and addresses such as `52:54:00:xx:xx:xx`. */
function isTemplate(text: string): boolean {
  return /\{\{|\$\{|^<[^<>]+>$|^(?:[0-9a-f]{2}:)*(?:xx:)+xx$/i.test(text)
}

function isNumber(issue: Issue): boolean {
  return issue.code === 'invalid_type' && ['int', 'number'].includes(issue.expected)
}

/** Terms of newer OpenShift documents, of Debian, and of Go. */
const synonyms = new Map([
  ['control-plane', 'master'],
  ['compute', 'worker'],
  ['amd64', 'x86_64'],
  ['arm64', 'aarch64'],
])

function isWrongType(issue: Issue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0
}

function wantsText(issue: Issue): boolean {
  return issue.code === 'invalid_union'
    ? issue.errors.flat().some(wantsText)
    : issue.code === 'invalid_type' && issue.expected === 'string'
}

function unknownKey(parent: Path, key: string, schema: JsonSchema): Violation {
  const about = { code: 'site.unknown-key', path: [...parent, key], at: 'key' } as const
  if (key === '<<') return { ...about, message: 'YAML 1.2 has no merge keys; write the keys out' }
  const known = Object.keys(mapIn(schemaAt(schema, parent)).properties as object)
  const suggestion = keySynonyms.get(key)?.find((meant) => known.includes(meant)) ?? nearest(key, known)
  const unsupported = parent.includes('network')
    ? '; for other settings of nmstate, set networkKeyfiles instead of network'
    : ''
  const help =
    suggestion === undefined ? `known here: ${known.join(', ')}${unsupported}` : `did you mean ${suggestion}?`
  return { ...about, message: `unknown key; ${help}` }
}

/**
 * Keys of install-config.yaml, agent-config.yaml, helper node files, and DHCP servers, with the corresponding keys of a
 * site file.
 */
const keySynonyms = new Map<string, readonly string[]>([
  ['ip', ['address', 'api']],
  ['ips', ['address']],
  ['ipaddr', ['address']],
  ['ipAddress', ['address']],
  ['addresses', ['address']],
  ['baseDomain', ['domain']],
  ['baseDomainName', ['domain']],
  ['network', ['subnets', 'cidr']],
  ['networks', ['subnets']],
  ['machineNetwork', ['subnets']],
  ['subnet', ['subnets', 'cidr']],
  ['api-int', ['apiInternal']],
  ['api_int', ['apiInternal']],
  ['apiInt', ['apiInternal']],
  ['apiVIP', ['api']],
  ['apiVIPs', ['api']],
  ['apps', ['ingress']],
  ['ingressVIP', ['ingress']],
  ['ingressVIPs', ['ingress']],
  ['hostname', ['name']],
  ['macaddr', ['mac']],
  ['macAddress', ['mac']],
  ['bootMACAddress', ['mac']],
  ['installationDisk', ['disk']],
  ['rootDeviceHints', ['disk']],
  ['serial', ['serialNumber']],
  ['size', ['minSizeGigabytes']],
  ['router', ['gateway']],
  ['nameserver', ['dns', 'forward']],
  ['nameservers', ['dns', 'forward']],
  ['forwarders', ['forward']],
  ['ntpServers', ['ntp']],
  ['additionalNTPSources', ['ntp']],
  ['leaseTime', ['leaseSeconds']],
  ['pxe', ['boot']],
  ['networkConfig', ['network']],
  ['slaves', ['port']],
])

// The JSON Schema of site files, for editors, and lookups in it by path, for messages.

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
  const { $schema, ...rest } = z.toJSONSchema(siteSchema, {
    io: 'input',
    target: 'draft-07',
    // zod omits the examples of a key whose text is transformed, and would show those of its type.
    override({ zodSchema, jsonSchema }) {
      const examples = z.globalRegistry.get(zodSchema)?.['examples'] as string[] | undefined
      if (examples !== undefined) jsonSchema.examples = examples
    },
  })
  const about = { title: 'slipway site', description: 'one site: its networks, images, clusters, and names' }
  return { $schema, ...about, ...withoutTypeTexts(rest as JsonSchema) } as JsonSchema
}

/** Removes descriptions of types below that of a key, because editors show the innermost one. */
function withoutTypeTexts(schema: JsonSchema, isBelowKey = false): JsonSchema {
  const { description, properties, items, anyOf, additionalProperties, ...rest } = schema
  const isDescribed = isBelowKey || description !== undefined
  return {
    ...defined({ description: isBelowKey && properties === undefined ? undefined : description }),
    ...rest,
    ...(properties && { properties: mapValues(properties, (each) => withoutTypeTexts(each)) }),
    ...(items && { items: withoutTypeTexts(items, isDescribed) }),
    ...(anyOf && { anyOf: anyOf.map((each) => withoutTypeTexts(each, isDescribed)) }),
    ...(typeof additionalProperties === 'object'
      ? { additionalProperties: withoutTypeTexts(additionalProperties) }
      : defined({ additionalProperties })),
  }
}

function mapValues<T>(values: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]))
}

/** Returns the part of the schema for the value at `path`, or an empty schema if it does not define that path. */
export function schemaAt(schema: JsonSchema, path: Path): JsonSchema {
  return path.reduce<JsonSchema>((at, step) => stepInto(at, step) ?? {}, schema)
}

function stepInto(schema: JsonSchema, step: string | number): JsonSchema | undefined {
  if (typeof step === 'number') {
    return schema.items ?? schema.anyOf?.find((option) => option.items !== undefined)?.items
  }
  const { properties, additionalProperties: others } = mapIn(schema)
  return properties?.[step] ?? (typeof others === 'object' ? others : undefined)
}

/** Returns the alternative that is a map, if the schema has several. */
function mapIn(schema: JsonSchema): JsonSchema {
  return schema.anyOf?.find(({ properties }) => properties !== undefined) ?? schema
}
