/**
 * Keeps tokens out of everything that is logged about a request, whatever its form: in another case of the path, in a query,
 * escaped, or in a target in absolute form. Tokens are found by value, and by their shape for those of an earlier process.
 */
import type { Log } from '../../host/log.ts'
import { tokenCharacters } from '../../plan/urls.ts'

export type TokenRedactor = {
  /** Adds a token that was given to a node. */
  learn(token: string): void
  redact(text: string): string
  /** Returns a log whose fields have no tokens. */
  wrap(log: Log): Log
}

/** The oldest tokens are forgotten first: by then they have expired. */
const maxTokens = 10_000

const replacement = '…'
const run = new RegExp(`[\\w-]{${tokenCharacters},}`, 'g')

/** The characters of base64url (RFC 4648 §5), by their code. */
const isTokenCharacter: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  /[\w-]/.test(String.fromCharCode(code)),
)

/**
 * Whether a text has as many of these characters in a row as a token. Such a run includes each character at a multiple of its
 * length, so most texts are decided by a few characters: this runs for each field of each line of the log.
 */
function hasRun(text: string): boolean {
  const is = (at: number): boolean => isTokenCharacter[text.charCodeAt(at)] === true
  for (let at = tokenCharacters - 1; at < text.length; at += tokenCharacters) {
    if (!is(at)) continue
    let first = at
    while (first > 0 && is(first - 1)) first--
    let end = at + 1
    while (end < text.length && is(end)) end++
    if (end - first >= tokenCharacters) return true
  }
  return false
}

/** A percent-encoded text may be encoded again. */
const maxDecodings = 3

export function createTokenRedactor(): TokenRedactor {
  const tokens = new Set<string>()

  function redactPlain(text: string): string {
    if (!hasRun(text)) return text
    return text.replace(run, (characters) => {
      if (hasTokenShape(characters)) return replacement
      for (let at = 0; at + tokenCharacters <= characters.length; at++) {
        if (tokens.has(characters.slice(at, at + tokenCharacters))) return replacement
      }
      return characters
    })
  }

  function redact(text: string): string {
    let decoded = text
    for (let round = 0; round < maxDecodings && decoded.includes('%'); round++) decoded = decode(decoded)
    const redacted = redactPlain(decoded)
    return redacted === decoded && decoded !== text ? redactPlain(text) : redacted
  }

  function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const redacted: Record<string, unknown> = {}
    for (const name in fields) redacted[name] = redactValue(fields[name])
    return redacted
  }

  function redactValue(value: unknown): unknown {
    if (typeof value === 'string') return value.length < tokenCharacters ? value : redact(value)
    if (!(value instanceof Error)) return value
    const stack = value.stack ?? ''
    if (redact(value.message) === value.message && redact(stack) === stack) return value
    return Object.assign(new Error(redact(value.message)), { stack: redact(stack) })
  }

  function redactLog(log: Log): Log {
    return {
      debug: (fields, message) => log.isDebug() && log.debug(redactFields(fields), message),
      info: (fields, message) => log.info(redactFields(fields), message),
      warn: (fields, message) => log.warn(redactFields(fields), message),
      error: (fields, message) => log.error(redactFields(fields), message),
      for: (service) => redactLog(log.for(service)),
      isDebug: () => log.isDebug(),
    }
  }

  return {
    learn(token) {
      if (token.length !== tokenCharacters) return
      tokens.add(token)
      const [oldest] = tokens
      if (tokens.size > maxTokens && oldest !== undefined) tokens.delete(oldest)
    },
    redact,
    wrap: redactLog,
  }
}

/** Random base64url of this length has letters of both cases; names of files rarely do. */
function hasTokenShape(characters: string): boolean {
  return characters.length === tokenCharacters && /[a-z]/.test(characters) && /[A-Z]/.test(characters)
}

/** Decodes escapes; bytes that are not UTF-8 become U+FFFD. */
function decode(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (escaped) => {
    try {
      return decodeURIComponent(escaped)
    } catch {
      return escaped.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => {
        const byte = Number.parseInt(hex, 16)
        return byte < 0x80 ? String.fromCharCode(byte) : '\u{fffd}'
      })
    }
  })
}
