/** Tokens of the API: created and revoked by an administrator, each with a name, a scope, and an expiry. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../host/clock.ts'
import type { Scope } from '../../../plan/api.ts'
import { defined } from '../../../text/defined.ts'
import { hashOf, isSame, newSecret, type AccessStore, type TokenRecord } from './store.ts'

/** A token without its hash. */
export type TokenInfo = Omit<TokenRecord, 'hash'> & {
  /** Since the start of the process. */
  readonly lastUsedAt?: number
}

export type NewToken = {
  readonly name: string
  readonly scope: Scope
  readonly expiresAt?: number
  readonly createdBy: string
}

export type Tokens = {
  /** @returns nothing if the maximum number of tokens exists; the secret is not shown again @throws as the store */
  create(token: NewToken): Promise<(TokenInfo & { readonly token: string }) | undefined>
  list(): readonly TokenInfo[]
  /** @returns whether a token with this id existed @throws as the store */
  revoke(id: string): Promise<boolean>
  /** Returns the token that belongs to a secret, if it has not expired. */
  verify(secret: string): TokenInfo | undefined
  /** Returns the token with this id, if it has not expired. */
  find(id: string): TokenInfo | undefined
}

export const maxTokens = 256

/** `slipway_ID_SECRET`: the prefix lets scanners find leaked tokens. */
const format = /^slipway_([0-9a-f]{12})_[\w-]{43}$/

export function createTokens(store: AccessStore, clock: Pick<Clock, 'now'>): Tokens {
  const lastUsed = new Map<string, number>()

  function info({ id, name, scope, createdAt, createdBy, expiresAt }: TokenRecord): TokenInfo {
    const times = defined({ expiresAt, lastUsedAt: lastUsed.get(id) })
    return { id, name, scope, createdAt, createdBy, ...times }
  }

  const isValid = ({ expiresAt = Infinity }: TokenRecord) => clock.now() < expiresAt
  const find = (id: string) => store.read().tokens.find((each) => each.id === id && isValid(each))

  return {
    async create({ name, scope, expiresAt, createdBy }) {
      const id = randomBytes(6).toString('hex')
      const token = `slipway_${id}_${newSecret()}`
      const record = { id, name, scope, createdAt: clock.now(), createdBy, hash: hashOf(token) }
      const added: TokenRecord = { ...record, ...defined({ expiresAt }) }
      let isAdded = false as boolean
      await store.update((data) => {
        // An expired token stays listed until its place is needed.
        const kept = data.tokens.length < maxTokens ? data.tokens : data.tokens.filter(isValid)
        isAdded = kept.length < maxTokens
        return isAdded ? { ...data, tokens: [...kept, added] } : data
      })
      return isAdded ? { ...info(added), token } : undefined
    },
    list: () => store.read().tokens.map(info),
    async revoke(id) {
      if (!store.read().tokens.some((each) => each.id === id)) return false
      await store.update(({ tokens, sessions }) => ({
        tokens: tokens.filter((each) => each.id !== id),
        sessions: sessions.filter(({ token }) => token !== id),
      }))
      return true
    },
    verify(secret) {
      const record = find(format.exec(secret)?.[1] ?? '')
      // Without a record, the comparison takes the same time.
      const isRight = isSame(hashOf(secret), record?.hash ?? '')
      if (record === undefined || !isRight) return undefined
      lastUsed.set(record.id, clock.now())
      return info(record)
    },
    find(id) {
      const record = find(id)
      return record && info(record)
    },
  }
}
