/**
 * Hosts of an InfraEnv, as the API of the assisted service lists them (GET /v2/infra-envs/ID/hosts), and what they mean for
 * a node. Pure. Unknown fields and states are kept as text, because each release adds some.
 */
import { z } from 'zod'
import { parseMac } from '../proto/address/mac.ts'
import type { ClusterEvent } from '../install/observation.ts'

export type Host = {
  readonly status: string
  readonly statusInfo: string
  /** MAC addresses of all interfaces; empty before the agent has sent its inventory. */
  readonly macs: readonly string[]
  readonly stage?: string
  readonly percentage?: number
  /** When the status changed, milliseconds since 1970. */
  readonly since?: number
  /** The messages of failed validations. */
  readonly failures: readonly string[]
}

const host = z.looseObject({
  status: z.string(),
  status_info: z.string().nullish(),
  status_updated_at: z.string().nullish(),
  inventory: z.string().nullish(),
  validations_info: z.string().nullish(),
  progress: z
    .looseObject({ current_stage: z.string().nullish(), installation_percentage: z.number().nullish() })
    .nullish(),
})
const inventory = z.looseObject({
  interfaces: z.array(z.looseObject({ mac_address: z.string().nullish() })).nullish(),
})
const validations = z.record(
  z.string(),
  z.array(z.looseObject({ status: z.string(), message: z.string().nullish() })),
)

/** @throws {Error} for a document that is not a list of hosts */
export function readHosts(text: string): Host[] {
  const { data } = z.array(host).safeParse(parseJson(text))
  if (data === undefined) throw new Error('the response is not a list of hosts')
  return data.map(({ status, progress, ...each }) => {
    const since = Date.parse(each.status_updated_at ?? '')
    const stage = progress?.current_stage ?? ''
    const percentage = progress?.installation_percentage ?? 0
    return {
      status,
      statusInfo: each.status_info ?? '',
      macs: macsIn(each.inventory),
      failures: failuresIn(each.validations_info),
      ...(stage !== '' && { stage }),
      ...(percentage > 0 && { percentage }),
      // 0001-01-01 is the time of a host that has none.
      ...(since > 0 && { since }),
    }
  })
}

function parseJson(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

function macsIn(text: string | null | undefined): string[] {
  const { data } = inventory.safeParse(parseJson(text))
  const macs = data?.interfaces?.map((each) => parseMac(each.mac_address ?? '')) ?? []
  return macs.filter((mac) => mac !== undefined)
}

function failuresIn(text: string | null | undefined): string[] {
  const { data } = validations.safeParse(parseJson(text))
  return Object.values(data ?? {})
    .flat()
    .flatMap(({ status, message }) => (status === 'failure' || status === 'error' ? [message ?? ''] : []))
    .filter((message) => message !== '')
}

export type HostEvent = { readonly word: ClusterEvent; readonly reason: string }

/** The disk is written. A host that is added to a cluster has this state when it restarts. */
const installedStates = new Set(['installed', 'added-to-existing-cluster'])
const failedStates = new Set([
  'error',
  'cancelled',
  'preparing-failed',
  'installing-pending-user-action',
  'resetting-pending-user-action',
  'unbinding-pending-user-action',
])
const maxFailures = 3
const maxCharacters = 400

/** Returns what a host means for its node. */
export function eventOf({ status, statusInfo, stage, percentage, failures }: Host): HostEvent {
  if (installedStates.has(status)) return { word: 'assisted-installed', reason: status }
  if (failedStates.has(status)) {
    return { word: 'assisted-failed', reason: text(`${status}: ${statusInfo || stage || 'no reason given'}`) }
  }
  const progress = stage === undefined ? '' : percentage === undefined ? stage : `${stage}, ${percentage} %`
  return {
    word: 'assisted',
    reason: text([status, progress, advice(status, failures)].filter(Boolean).join(': ')),
  }
}

function advice(status: string, failures: readonly string[]): string {
  if (/^(?:known)\b/.test(status)) return 'ready, start the installation in the assisted service'
  if (/^disconnected\b/.test(status)) return 'its agent no longer reports, check its network'
  if (!/^(?:insufficient|pending-for-input)\b/.test(status)) return ''
  const more = failures.length > maxFailures ? `; ${failures.length - maxFailures} more` : ''
  return failures.slice(0, maxFailures).join('; ') + more
}

/** The service can send anything; the journal keeps each reason. */
function text(reason: string): string {
  const line = reason.replaceAll(/\s+/g, ' ').trim()
  return line.length > maxCharacters ? `${line.slice(0, maxCharacters - 1)}…` : line
}
