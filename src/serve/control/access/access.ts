/** The tokens of the API and the sessions of browsers, in one file of the state directory. */
import type { Clock } from '../../../host/clock.ts'
import { createBrowserSessions, type Sessions } from './sessions.ts'
import { createAccessStore } from './store.ts'
import { createTokens, type Tokens } from './tokens.ts'

/** @param directory state directory; without it, tokens end with the process */
export function createAccess(
  directory: string | undefined,
  clock: Pick<Clock, 'now'>,
): { readonly tokens: Tokens; readonly sessions: Sessions } {
  const store = createAccessStore(directory)
  const tokens = createTokens(store, clock)
  return { tokens, sessions: createBrowserSessions(store, tokens, clock) }
}
