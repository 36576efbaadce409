/**
 * What HTTPS adds to the secrets of a node: the Ignition file of its live system, with the CA and the hash of the Ignition
 * file for the disk, and refusals for requests without encryption (docs/decisions/0054).
 */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { FastifyReply } from 'fastify'
import type { BootEntry, HttpPlan, IgnitionFile } from '../../plan/http/plan.ts'
import { archivedIgnition, archiveFile } from '../../plan/ignition/archive.ts'
import { authorityPath } from '../../plan/ignition/units.ts'
import { tokenPlaceholder, urlPaths, type readLiveName } from '../../plan/urls.ts'
import type { HttpCode } from './codes.ts'
import { refuse, type Refusal } from './response.ts'
import type { Exchange, Tools } from './request-context.ts'

/** Returns whether a secret must not be sent on this connection. */
export function needsHttps({ plan, isSecure }: Pick<Exchange, 'plan' | 'isSecure'>): boolean {
  return plan.tls !== undefined && !isSecure
}

export function refusePlain(
  { reply, client, node, plan }: Exchange,
  { log, counters }: Tools,
  file: string,
): FastifyReply {
  const code: HttpCode = 'http.https-required'
  counters.increment('http.ignitionRefused')
  counters.refuse(code)
  log.warn({ node, client, file, code }, 'secret refused on a connection without encryption')
  const sentence = `this file contains secrets and is sent only over HTTPS, on port ${plan.tls?.port ?? 0}`
  return refuse(reply, { status: 403, code, sentence })
}

/** A requested file of the live system. */
export type LiveFile = NonNullable<ReturnType<typeof readLiveName>>

/** Returns the Ignition file of a role for the live system of a node; nothing without HTTPS. */
export function liveSource(
  { ignition }: Pick<HttpPlan, 'ignition'>,
  node: BootEntry,
  { role }: LiveFile,
): IgnitionFile | undefined {
  return node.secure && ignition.get(urlPaths.openIgnition(node, role))
}

/** @param content the Ignition file of the role, as this node gets it */
export function renderLive(
  { secure }: BootEntry,
  { role, isArchive }: LiveFile,
  { content, authority, token }: { content: Uint8Array; authority: string; token: string },
): Uint8Array {
  const sha512 = createHash('sha512').update(content).digest('hex')
  const text = secure?.liveIgnition(role, { authority, sha512 }).replaceAll(tokenPlaceholder, token) ?? ''
  // Linux finds a compressed archive at any offset after another one, an uncompressed one only at a multiple of 4 bytes.
  return isArchive ? gzipSync(archiveFile(archivedIgnition, Buffer.from(text))) : Buffer.from(text)
}

/** Returns the file with which curl on the installed system trusts the CA. */
export function authorityFile(authority: string) {
  return { path: authorityPath, mode: 0o644, content: Buffer.from(authority) }
}

export function liveFileName({ role, isArchive }: LiveFile): string {
  return `live-${role}.${isArchive ? 'img' : 'ign'}`
}

export function isRefusal(read: Uint8Array | Refusal): read is Refusal {
  return 'sentence' in read
}
