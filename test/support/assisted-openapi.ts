/** The API of the assisted service: an extract of its OpenAPI description, and a comparison of hosts with it. */
import { readFileSync } from 'node:fs'

type Model = {
  readonly properties: Readonly<Record<string, string>>
  readonly required: readonly string[]
  /** The possible values of properties. */
  readonly values: Readonly<Record<string, readonly string[]>>
}

type Operation = { readonly query: readonly string[]; readonly response: string }

export const assistedApi = JSON.parse(
  readFileSync(new URL('../fixtures/assisted/openapi-extract.json', import.meta.url), 'utf8'),
) as {
  readonly basePath: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly models: Readonly<Record<'Host' | 'HostProgressInfo' | 'Inventory' | 'Interface', Model>>
  readonly HostStage: readonly string[]
}

/** Returns the operation of a path below the base path, which may have a value or a placeholder for the ID. */
export function operationOf(method: string, path: string): Operation | undefined {
  const found = Object.entries(assistedApi.paths).find(([template]) =>
    new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
  )
  return found?.[1][method]
}

/** Returns how a host in a test differs from those that the service sends. */
export function hostProblems(host: Readonly<Record<string, unknown>>): string[] {
  return problemsOf('Host', host)
}

function problemsOf(
  name: keyof typeof assistedApi.models,
  value: Readonly<Record<string, unknown>>,
): string[] {
  const { properties, required, values } = assistedApi.models[name]
  return [
    ...required
      .filter((key) => value[key] === undefined || value[key] === null)
      .map((key) => `${name} lacks ${key}`),
    ...Object.entries(value).flatMap(([key, each]) => {
      if (each === undefined) return []
      const type = properties[key]
      if (type === undefined) return [`${name} has no ${key}`]
      const allowed = values[key] ?? (type === 'HostStage' ? assistedApi.HostStage : undefined)
      if (allowed?.includes(each as string) === false)
        return [`${name}.${key} is never ${JSON.stringify(each)}`]
      return typeProblems(`${name}.${key}`, type, each)
    }),
  ]
}

function typeProblems(where: string, type: string, value: unknown): string[] {
  switch (type) {
    case 'HostProgressInfo':
      return problemsOf(type, value as Record<string, unknown>)
    case 'int':
      return Number.isInteger(value) ? [] : [`${where} is not an integer`]
    case 'list[Interface]':
      return (value as Record<string, unknown>[]).flatMap((each) => problemsOf('Interface', each))
    default:
      if (typeof value !== 'string') return [`${where} is not a string`]
      // A document in a string.
      return where === 'Host.inventory'
        ? problemsOf('Inventory', JSON.parse(value) as Record<string, unknown>)
        : []
  }
}
