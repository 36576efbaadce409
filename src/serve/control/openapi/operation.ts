/** One request of the API: its path, who may send it, and its documents. */
import type { z } from 'zod'
import type { Scope } from '../../../plan/api.ts'

export type Operation = {
  readonly method: 'get' | 'post' | 'delete'
  /** Parameters in braces: `/v1/nodes/{cluster}/{node}`. */
  readonly path: string
  readonly scope: Scope | 'public'
  readonly id: string
  readonly summary: string
  /** Parameters of the path that are not just text. */
  readonly pathTypes?: Readonly<Record<string, z.ZodType>>
  readonly query?: Readonly<Record<string, z.ZodType>>
  readonly headers?: Readonly<Record<string, z.ZodType>>
  readonly body?: { readonly schema: z.ZodType; readonly isOptional?: true }
  /** The document of a success; `events` and `pcap` for a stream. */
  readonly response: z.ZodType | 'events' | 'pcap'
  /** Statuses of refusals, besides those of all requests. */
  readonly refusals?: readonly number[]
}

/** A request that reads. */
export function get(
  path: string,
  id: string,
  summary: string,
  response: z.ZodType,
  refusals: readonly number[] = [],
): Operation {
  return { method: 'get', path, scope: 'read', id, summary, response, refusals }
}

/** A request that changes something; the caller adds its documents. */
export function post(path: string, id: string, summary: string) {
  return { method: 'post', path, scope: 'operate', id, summary } as const
}
