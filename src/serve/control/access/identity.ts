/** The user of a request to the API, what the user may do, and the reasons why a request is refused. */
import type { Scope } from '../../../plan/api.ts'
import type { ControlCode } from '../codes.ts'

export type Identity = {
  /** How the user was identified and a name, as the log prints it: `token:ci`, `proxy:alice`. */
  readonly name: string
  readonly scope: Scope
  /**
   * The token that a state-changing request must send, if a browser adds the credentials automatically: for a session, a
   * client certificate, and a proxy.
   */
  readonly csrf?: string
  /** Whether the request has the cookie of a session. */
  readonly isSession?: true
}

export type Denial = {
  readonly status: 400 | 401 | 403 | 421 | 429
  readonly code: ControlCode
  readonly error: string
  /** Seconds until the client can try again. */
  readonly retryAfter?: number
}

export function isDenial(result: Identity | Denial): result is Denial {
  return 'status' in result
}

/** The name of the user of a local client, for the log. */
export const userHeader = 'slipway-user'

/** Reports whether the user is on this machine, and reached the control socket. */
export function isLocalUser({ name }: Identity): boolean {
  return name === 'local' || name.startsWith('local:')
}

const ranks: Readonly<Record<Scope, number>> = { read: 0, operate: 1, admin: 2 }

/** Whether a scope includes another one. */
export function includes(scope: Scope, required: Scope): boolean {
  return ranks[scope] >= ranks[required]
}

export function isScope(text: unknown): text is Scope {
  return typeof text === 'string' && Object.hasOwn(ranks, text)
}
