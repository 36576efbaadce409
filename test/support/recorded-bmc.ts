/**
 * BMCs that return what real ones returned: test/fixtures/bmc has excerpts of public recordings. They refuse what the
 * recording does not offer: boot devices, reset types, and unknown properties.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { errorBody, type BmcTraits } from './fake-bmc.ts'

type Resource = Readonly<Record<string, unknown>>

type RecordingFile = {
  /** Where it was published. */
  readonly sources: readonly string[]
  /** Properties of `Boot` that it refuses to change, although it has them. */
  readonly refuses?: readonly string[]
  /** Whether changes need the entity tag. */
  readonly needsTag?: boolean
  readonly resources: Readonly<Record<string, Resource>>
}

const directory = new URL('../fixtures/bmc/', import.meta.url)
const targetValues = 'BootSourceOverrideTarget@Redfish.AllowableValues'

/** Names of all recordings: `dell-idrac10`. */
export const recordedNames: readonly string[] = readdirSync(directory)
  .map((file) => file.replace(/\.json$/, ''))
  .sort()

export function readRecording(name: string): RecordingFile {
  return JSON.parse(readFileSync(new URL(`${name}.json`, directory), 'utf8')) as RecordingFile
}

/** Returns a fake BMC's traits. @param system id of the system, if the BMC has several */
export function recordedTraits(name: string, system?: string): BmcTraits {
  const { resources, refuses = [], needsTag = false } = readRecording(name)
  const path = pathOfSystem(resources, system)
  const { [path]: body = {}, ...others } = resources
  const boot = (body['Boot'] ?? {}) as Resource
  const targets = boot[targetValues] as readonly unknown[] | undefined
  return {
    recording: {
      path,
      system: body,
      others: Object.fromEntries(
        Object.entries(others).map(([key, value]) => [key.replace(/\/$/, ''), value]),
      ),
    },
    resetTypes: resetTypesOf(body, resources),
    ...(typeof body['@odata.etag'] === 'string' && { etag: body['@odata.etag'] }),
    refuseBoot: (values, { headers }) => {
      if (needsTag && headers['if-match'] === undefined) return { status: 428 }
      const unknown = Object.keys(values).find((key) => !(key in boot) || refuses.includes(key))
      if (unknown !== undefined) return { status: 400, body: errorBody(`unknown property ${unknown}`) }
      const target = values['BootSourceOverrideTarget']
      const isOffered = target === undefined || (targets?.includes(target) ?? true)
      return isOffered ? undefined : { status: 400, body: errorBody(`bad target ${JSON.stringify(target)}`) }
    },
  }
}

function pathOfSystem(resources: RecordingFile['resources'], system: string | undefined): string {
  const isWanted = (path: string): boolean =>
    /^\/redfish\/v1\/Systems\/[^/]+\/?$/.test(path) &&
    (system === undefined || path.replace(/\/$/, '').endsWith(`/${system}`))
  return Object.keys(resources).find(isWanted) ?? ''
}

type ResetAction = {
  readonly 'ResetType@Redfish.AllowableValues'?: readonly string[]
  readonly '@Redfish.ActionInfo'?: string
}

function resetTypesOf(
  system: Resource,
  resources: RecordingFile['resources'],
): readonly string[] | undefined {
  const actions = system['Actions'] as Readonly<Record<string, ResetAction>> | undefined
  const action = actions?.['#ComputerSystem.Reset']
  const info = resources[action?.['@Redfish.ActionInfo'] ?? '']
  const parameters = info?.['Parameters'] as
    readonly { readonly AllowableValues: readonly string[] }[] | undefined
  return action?.['ResetType@Redfish.AllowableValues'] ?? parameters?.[0]?.AllowableValues
}
