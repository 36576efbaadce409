/**
 * Access to Ignition files, which hold keys and the pull secret, and to callbacks. Pure. A refused client always gets
 * the same sentence; only the log has the reason.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { InstallNode } from '../plan/install.ts'
import { elapsedMs, type Moment } from '../host/clock.ts'
import { tokenLifetimeMs } from './decide-boot.ts'
import type { InstallCode } from './codes.ts'
import type { Permission, Secret } from './installs.ts'
import type { State } from './machine-state.ts'

export type Reader = {
  readonly token: string
  /** As `formatIp` writes it. */
  readonly address: string
}

/** curl in the installer retries five times; a second complete read is already unusual. */
export const maxReads = 3
export const maxRequests = 20

/** Returns 128 random bits in characters that need no escape in a URL and a kernel command line. */
export function newToken(): string {
  return randomBytes(16).toString('base64url')
}

/** Returns the token that only the Ignition file of the installation with `token` contains; same form as a token. */
export function startedTokenOf(token: string, secret: string): string {
  return createHmac('sha256', secret)
    .update(`started ${token}`)
    .digest()
    .subarray(0, 16)
    .toString('base64url')
}

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** An installer that is configured by several files reads each of them. */
const limitsOf = ({ answers = 1 }: InstallNode) => ({
  reads: maxReads * answers,
  requests: maxRequests + maxReads * (answers - 1),
})

/** Files that are the same for each role. */
const withoutRole: ReadonlySet<Secret> = new Set(['live', 'initramfs', 'handover'])

/** Returns whether `reader` may read `what` of this node now. */
export function checkRead(
  node: InstallNode,
  state: State,
  reader: Reader,
  what: Secret,
  now: Moment,
): Permission {
  if (node.access === 'open') return { kind: 'allowed' }
  const { mode, attempt } = state
  if (!node.addresses.includes(reader.address)) return wrongAddress(node, reader)
  if (mode !== 'installing' || attempt === undefined) {
    return refused('ignition.not-installing', `${node.key} is not being installed: its state is ${mode}`)
  }
  if (!matches(attempt.tokenHash, reader.token)) {
    return refused('ignition.wrong-token', 'its token is not the one of the installation in progress')
  }
  if (!withoutRole.has(what) && what !== attempt.role) {
    return refused('ignition.wrong-role', `${node.key} is being installed as ${attempt.role}, not as ${what}`)
  }
  const elapsed = elapsedMs(attempt.issued, now)
  if (elapsed === undefined || elapsed >= tokenLifetimeMs) {
    return refused(
      'ignition.token-expired',
      `its token has expired: it was valid for ${tokenLifetimeMs / 60_000} min`,
    )
  }
  const limits = limitsOf(node)
  if (attempt.reads >= limits.reads) {
    const what = node.answers === undefined ? 'the Ignition file was' : 'the answer files were'
    return refused('ignition.too-many-reads', `${what} already read ${limits.reads} times`)
  }
  if (attempt.requests >= limits.requests) {
    return refused('ignition.too-many-reads', `files were already requested ${limits.requests} times`)
  }
  return { kind: 'allowed' }
}

export type CallbackPermission =
  /** `isProof`: the token is the one that only the Ignition file on the disk contains. */
  { readonly kind: 'allowed'; readonly isProof: boolean } | Extract<Permission, { kind: 'refused' }>

/** Returns whether this is a callback of the installation in progress, or of the last one. */
export function checkCallback(node: InstallNode, { attempt }: State, reader: Reader): CallbackPermission {
  if (node.access !== 'open' && !node.addresses.includes(reader.address)) return wrongAddress(node, reader)
  if (matches(attempt?.startedHash, reader.token)) return { kind: 'allowed', isProof: true }
  if (matches(attempt?.tokenHash, reader.token)) return { kind: 'allowed', isProof: false }
  return refused('ignition.wrong-token', 'its token is not the one of the last installation')
}

/**
 * Returns whether the live system may ask about its disks: not after the end of its installation, because the answer would permit
 * overwriting the new system.
 */
export function checkDiskReport(node: InstallNode, state: State, reader: Reader): CallbackPermission {
  const permission = checkCallback(node, state, reader)
  if (permission.kind === 'refused' || state.mode !== 'installed') return permission
  return refused('ignition.not-installing', `${node.key} is not being installed: its state is installed`)
}

/** Compares digests of equal length, so that the time does not depend on the token. */
function matches(hash: string | undefined, token: string): boolean {
  if (hash === undefined || hash === '') return false
  return timingSafeEqual(Buffer.from(hash), Buffer.from(hashToken(token)))
}

function wrongAddress({ key }: InstallNode, { address }: Reader): Extract<Permission, { kind: 'refused' }> {
  return refused('ignition.wrong-address', `${address} is not an address of ${key}`)
}

function refused(code: InstallCode, reason: string): Extract<Permission, { kind: 'refused' }> {
  return { kind: 'refused', code, reason }
}
