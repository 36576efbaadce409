/**
 * Who may read what an installation is made of: Ignition files hold keys and the pull secret. Pure; a reader
 * who is refused learns one and the same sentence whatever the reason, the log learns the reason.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { InstallNode } from '../plan/install.ts'
import type { Permission, Secret } from './installs.ts'
import type { State } from './machine.ts'

export type Reader = {
  readonly token: string
  /** In the text of `formatIp`. */
  readonly address: string
}

/** curl of the installer retries five times; a second complete read is already unusual. */
export const mostReads = 3
export const mostRequests = 20

/** 128 bits that nobody guesses, in characters that a URL and a kernel's command line take as they are. */
export function newToken(): string {
  return randomBytes(16).toString('base64url')
}

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Whether `reader` may be sent `what` of this node now. */
export function judgeRead(
  node: InstallNode,
  state: State,
  reader: Reader,
  what: Secret,
  now: number,
): Permission {
  if (node.access === 'open') return { kind: 'allowed' }
  const { mode, attempt } = state
  if (!node.addresses.includes(reader.address)) return foreign(node, reader)
  if (mode !== 'installing' || attempt === undefined) {
    return refused(`${node.key} is not being installed: its mode is ${mode}`)
  }
  if (!isTokenOf(state, reader.token)) return refused('its token is not that of the installation under way')
  if (what !== 'live' && what !== 'initramfs' && what !== attempt.role) {
    return refused(`${node.key} is being installed as ${attempt.role}, not as ${what}`)
  }
  if (now >= attempt.readableUntil) {
    return refused(`its token expired at ${new Date(attempt.readableUntil).toISOString()}`)
  }
  if (attempt.reads >= mostReads) return refused(`the Ignition file was read ${mostReads} times already`)
  if (attempt.requests >= mostRequests) return refused(`files were asked for ${mostRequests} times already`)
  return { kind: 'allowed' }
}

/** Whether this is the node's own word about the installation under way, or its last one. */
export function judgeWord(node: InstallNode, state: State, reader: Reader): Permission {
  if (node.access !== 'open' && !node.addresses.includes(reader.address)) return foreign(node, reader)
  if (isTokenOf(state, reader.token)) return { kind: 'allowed' }
  return refused('its token is not that of the last installation')
}

/** Digests have one length, and comparing them tells nothing of the tokens. */
function isTokenOf({ attempt }: State, token: string): boolean {
  if (attempt === undefined || attempt.tokenHash === '') return false
  return timingSafeEqual(Buffer.from(attempt.tokenHash), Buffer.from(hashToken(token)))
}

function foreign({ key }: InstallNode, { address }: Reader): Permission {
  return refused(`${address} is not an address of ${key}`)
}

function refused(reason: string): Permission {
  return { kind: 'refused', reason }
}
