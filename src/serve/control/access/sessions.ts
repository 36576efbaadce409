/** Sessions of browsers: a cookie instead of a token, which scripts of the page cannot read. */
import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '../../../host/clock.ts'
import { hashOf, newSecret, type AccessStore, type SessionRecord } from './store.ts'
import type { TokenInfo, Tokens } from './tokens.ts'

export type Session = { readonly token: TokenInfo; readonly hash: string }

export type Sessions = {
  /** Starts a session and returns the secret for its cookie. @throws as the store */
  start(token: TokenInfo): Promise<string>
  /** Returns the session of a cookie, unless it or its token has expired. */
  find(secret: string): Session | undefined
  /** @throws as the store */
  end(hash: string): Promise<void>
}

/** A screen on the wall needs a new login once a week. */
const maxAgeMs = 7 * 24 * 3_600_000
const maxIdleMs = 12 * 3_600_000
const maxPerToken = 16
const maxSessions = 256

/** `__Host-`: browsers accept it only with Secure, without Domain, and for the whole host (RFC 6265bis). */
const cookieName = '__Host-slipway'
const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict'

export function sessionCookie(secret: string): string {
  return `${cookieName}=${secret}; ${attributes}; Max-Age=${maxAgeMs / 1000}`
}

export const expiredCookie = `${cookieName}=; ${attributes}; Max-Age=0`

/** Returns the secret in the header Cookie. With two cookies of the name, the request has none. */
export function readCookie(header = ''): string | undefined {
  const found = header.split(';').flatMap((pair) => {
    const [name, value = ''] = pair.trim().split('=')
    return name === cookieName ? [value] : []
  })
  return found.length === 1 ? found[0] : undefined
}

export function createBrowserSessions(
  store: AccessStore,
  tokens: Pick<Tokens, 'find'>,
  clock: Pick<Clock, 'now'>,
): Sessions {
  const lastUsed = new Map<string, number>()
  const startedAt = clock.now()

  function isValid({ hash, token, createdAt }: SessionRecord): boolean {
    const now = clock.now()
    const used = Math.max(createdAt, lastUsed.get(hash) ?? startedAt)
    return now - createdAt < maxAgeMs && now - used < maxIdleMs && tokens.find(token) !== undefined
  }

  return {
    async start({ id }) {
      const secret = newSecret()
      const added: SessionRecord = { hash: hashOf(secret), token: id, createdAt: clock.now() }
      await store.update((data) => {
        const valid = data.sessions.filter(isValid)
        const own = valid.filter(({ token }) => token === id).slice(-(maxPerToken - 1))
        const kept = valid.filter((each) => each.token !== id || own.includes(each))
        const sessions = [...kept.slice(-(maxSessions - 1)), added]
        const hashes = new Set(sessions.map(({ hash }) => hash))
        for (const hash of lastUsed.keys()) if (!hashes.has(hash)) lastUsed.delete(hash)
        return { ...data, sessions }
      })
      return secret
    },
    find(secret) {
      // A lookup by hash reveals nothing about stored secrets through its duration.
      const hash = hashOf(secret)
      const record = store.read().sessions.find((each) => each.hash === hash)
      if (record === undefined || !isValid(record)) return undefined
      lastUsed.set(hash, clock.now())
      return { token: tokens.find(record.token) as TokenInfo, hash }
    },
    end: (hash) =>
      store.update((data) => ({ ...data, sessions: data.sessions.filter((each) => each.hash !== hash) })),
  }
}

/** Derives the CSRF token of a session or of another user. A page must get a new one after a restart of slipway. */
export function createCsrf(): (user: string) => string {
  const key = randomBytes(32)
  return (user) => createHmac('sha256', key).update(user).digest('base64url')
}
