/**
 * What differs between two compiled sites, as data: the things that are added, changed, and removed, with their
 * properties as text, and the consequences. No text contains a secret. Pure.
 */
import type { PlanCode } from '../codes.ts'
import type { Plan } from '../compile.ts'
import type { Model } from '../model.ts'

export type CompiledSite = { readonly model: Model; readonly plan: Plan }

export type Changes = {
  /** In the order of the site file; removed things follow the others of their kind. */
  readonly items: readonly Change[]
  /** Why a running slipway cannot apply the site by a reload; empty if it can. */
  readonly restart: readonly Effect[]
}

export type Change = {
  readonly action: Action
  readonly kind: Kind
  /** `ocp45/w1`, `172.16.0.0/24`, `kubeapi` */
  readonly name: string
  /** Properties that differ; all of them if the thing is added or removed. */
  readonly details: readonly Detail[]
  readonly effects: readonly Effect[]
}

export type Action = 'add' | 'change' | 'remove'

export type Kind =
  | 'server'
  | 'subnet'
  | 'cluster'
  | 'group'
  | 'node'
  | 'host'
  | 'dns'
  | 'zone'
  | 'haproxy'
  | 'frontend'
  | 'backend'
  | 'image'
  | 'ignition'
  | 'loader'
  | 'file'
  | 'menu'
  | 'tftp'
  | 'keepalived'
  | 'store'
  | 'api'
  | 'syslog'
  | 'inventory'
  | 'hook'

/** `before` is absent for an added property, `after` for a removed one, and both if the value must not be printed. */
export type Detail = {
  readonly label: string
  readonly before?: string
  readonly after?: string
  readonly isHidden?: true
}

/** The consequences of a change for machines and their clients. */
export type Effect = {
  readonly code: PlanCode
  /** One sentence in lower case without a full stop. */
  readonly text: string
}

/** A property of a thing. A property without a value does not exist. */
export type Field = {
  readonly label: string
  readonly value: string | undefined
  /** Compared, but not printed, because it can be a secret. */
  readonly isHidden?: true
}

/** Things of one kind: their fields by name. */
export type Things = ReadonlyMap<string, () => readonly Field[]>

export function field(label: string, value: string | number | undefined): Field {
  return { label, value: value === undefined ? undefined : String(value) }
}

export function hiddenField(label: string, value: string | undefined): Field {
  return { label, value, isHidden: true }
}

/** Returns a field that exists only where a switch differs from its default. */
export function flag(label: string, isSet: boolean, value = 'yes'): Field {
  return field(label, isSet ? value : undefined)
}

export function listField(label: string, values: readonly (string | number)[]): Field {
  return field(label, values.length === 0 ? undefined : values.join(', '))
}

/**
 * Returns what differs between the fields of a thing before and after; if it exists on one side only, all its fields.
 */
export function differences(before: readonly Field[], after: readonly Field[]): Detail[] {
  const old = new Map(before.map((each) => [each.label, each]))
  const labels = new Set(after.map(({ label }) => label))
  const compared = [
    ...after.map((each) => [old.get(each.label), each] as const),
    ...before.filter(({ label }) => !labels.has(label)).map((each) => [each, undefined] as const),
  ]
  return compared.flatMap(([was, is]): Detail[] => {
    if (was?.value === is?.value) return []
    const { label, isHidden } = is ?? was
    if (isHidden === true) return [{ label, isHidden }]
    return [
      {
        label,
        ...(was?.value === undefined ? {} : { before: was.value }),
        ...(is?.value === undefined ? {} : { after: is.value }),
      },
    ]
  })
}

const itemsPerStep = 200

/** Compares things of one kind, with a pause after every 200 of them. */
export function* compareThings(
  kind: Kind,
  before: Things,
  after: Things,
  effectsOf: (name: string, action: Action, details: readonly Detail[]) => readonly Effect[] = () => [],
): Generator<void, Change[]> {
  const changes: Change[] = []
  const names = [...after.keys(), ...[...before.keys()].filter((name) => !after.has(name))]
  for (const [index, name] of names.entries()) {
    const [was, is] = [before.get(name), after.get(name)]
    const action = was === undefined ? 'add' : is === undefined ? 'remove' : 'change'
    const details = differences(was?.() ?? [], is?.() ?? [])
    if (action !== 'change' || details.length > 0) {
      changes.push({ action, kind, name, details, effects: effectsOf(name, action, details) })
    }
    if ((index + 1) % itemsPerStep === 0) yield
  }
  return changes
}

/** Compares one thing that a site has at most once. */
export function compareSingle(
  kind: Kind,
  before: readonly Field[] | undefined,
  after: readonly Field[] | undefined,
): Generator<void, Change[]> {
  const things = (fields: readonly Field[] | undefined): Things =>
    new Map(fields === undefined ? [] : [[kind, () => fields]])
  return compareThings(kind, things(before), things(after))
}

/** Returns things by name. */
export function thingsOf<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
  fieldsOf: (item: Item) => readonly Field[],
): Things {
  return new Map(items.map((item) => [nameOf(item), () => fieldsOf(item)]))
}

const secretName = /pass|secret|token|key(?!map)|cred|pw/i

/** Hides the value of a kernel argument that can contain a secret, and the credentials in a URL. */
export function withoutSecret(argument: string): string {
  const [name = '', ...values] = argument.split('=')
  if (values.length > 0 && secretName.test(name)) return `${name}=…`
  return withoutCredentials(argument)
}

/** `ipmi://…@192.0.2.1`: the credentials in a URL are not printed. */
export function withoutCredentials(url: string): string {
  return url.replaceAll(/\/\/[^/@\s]*@/g, '//…@')
}
