/**
 * Reads the hosts of an InfraEnv, as the API of the assisted service lists them (GET /v2/infra-envs/ID/hosts). Pure. Unknown
 * fields are ignored, because each release adds some.
 */
import { z } from 'zod'
import { parseMac } from '../proto/address/mac.ts'

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
