/** Formats a line of the log for a reader at a terminal: time, level, service, node, event, and then the other facts. Pure. */
import { styleText } from 'node:util'
import { printable } from '../text/lines.ts'

export const logFormats = ['text', 'json'] as const

type Style = 'bold' | 'dim' | 'red' | 'yellow'

const levelStyles: Readonly<Record<string, Style>> = { debug: 'dim', warn: 'yellow', error: 'red' }

/** The names of services have at most eight characters. */
const serviceColumns = 8

/**
 * Returns the text of a JSON line, with its line feed: `10:00:05 UTC  info   dhcp      ocp45/w1  address offered  mac=…`.
 *
 * @param line a JSON object, as pino writes it
 */
export function logText(line: string, usesColor: boolean): string {
  const paint = (style: Style | undefined, text: string): string =>
    style === undefined || !usesColor ? text : styleText(style, text, { validateStream: false })
  const { time, level, service, node, msg, reason, err, ...facts } = JSON.parse(line) as Record<
    string,
    unknown
  >
  const name = String(level)
  const event = [asText(msg), reason === undefined ? '' : asText(reason)].filter(Boolean).join(': ')
  const columns = [
    paint('dim', `${asText(time).slice(11, 19)} UTC`),
    paint(levelStyles[name], name.padEnd(5)),
    asText(service ?? '').padEnd(serviceColumns),
    ...(node === undefined ? [] : [paint('bold', asText(node))]),
    paint(levelStyles[name], event),
  ]
  const pairs = Object.entries(facts).map(([key, value]) => `${key}=${quoted(asText(value))}`)
  if (pairs.length > 0) columns.push(paint('dim', pairs.join(' ')))
  return `${columns.join('  ')}\n${errorLines(err)}`
}

/** Makes a value of any type safe for a terminal. */
function asText(value: unknown): string {
  if (typeof value === 'string') return printable(value)
  if (Array.isArray(value)) return value.map(asText).join(', ')
  return printable(JSON.stringify(value))
}

function quoted(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}

/** Returns the stack trace of an error, which its report needs, below the event. */
function errorLines(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  const { message = '', stack = message } = error as { readonly message?: string; readonly stack?: string }
  return stack
    .split('\n')
    .map((each) => `    ${printable(each)}\n`)
    .join('')
}
