/**
 * The tokens and sessions of the API in the state directory. Only hashes of secrets are stored. A secret has 256 random
 * bits, so one SHA-256 is enough: a slow hash protects secrets that can be guessed, and costs time for each request.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeAtomically } from '../../../host/files.ts'
import type { Scope } from '../../../plan/api.ts'

export type TokenRecord = {
  readonly id: string
  readonly name: string
  readonly scope: Scope
  readonly createdAt: number
  readonly createdBy: string
  readonly expiresAt?: number
  /** SHA-256 of the secret, in hexadecimal. */
  readonly hash: string
}

export type SessionRecord = {
  /** SHA-256 of the secret of the cookie, in hexadecimal. */
  readonly hash: string
  /** The session ends with its token. */
  readonly token: string
  readonly createdAt: number
}

export type AccessData = {
  readonly tokens: readonly TokenRecord[]
  readonly sessions: readonly SessionRecord[]
}

export type AccessStore = {
  /** @throws if the file cannot be read */
  read(): AccessData
  /**
   * Changes the data after the changes requested before.
   *
   * @throws {NodeJS.ErrnoException} if the file cannot be read or written; then nothing changed
   */
  update(change: (data: AccessData) => AccessData): Promise<void>
}

const fileName = 'api-access.json'

/** @param directory state directory; without it, tokens end with the process */
export function createAccessStore(directory: string | undefined): AccessStore {
  let current: AccessData | undefined
  let last = Promise.resolve()
  const read = () => (current ??= load(directory))

  async function apply(change: (data: AccessData) => AccessData): Promise<void> {
    const data = change(read())
    if (directory !== undefined) {
      await writeAtomically(join(directory, fileName), `${JSON.stringify(data, null, 2)}\n`, 0o600)
    }
    current = data
  }

  return {
    read,
    update(change) {
      const done = last.then(() => apply(change))
      last = done.catch(() => undefined)
      return done
    },
  }
}

/** @throws if the file exists and cannot be read, so that a write does not replace it */
function load(directory: string | undefined): AccessData {
  if (directory === undefined) return { tokens: [], sessions: [] }
  try {
    const { tokens, sessions } = JSON.parse(readFileSync(join(directory, fileName), 'utf8')) as AccessData
    return { tokens, sessions }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { tokens: [], sessions: [] }
    throw error
  }
}

export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Compares in constant time. Hashes hide the length of the expected text. */
export function isSame(left: string, right: string): boolean {
  return timingSafeEqual(digest(left), digest(right))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
