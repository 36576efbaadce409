/**
 * Decodes syslog messages: RFC 5424, the older format of RFC 3164, and lines without a header. Every text is a message
 * (RFC 3164 §4.3.3), so nothing is refused.
 */

export type SyslogMessage = {
  /** 0 (emergency) to 7 (debug); 6 if the message has none. */
  readonly severity: number
  /** The program, for example `kernel` or `coreos-installer`; absent if the message names none. */
  readonly app?: string
  /** Without control characters. */
  readonly text: string
}

/** RFC 5424 §6.1: receivers should accept 2048 octets. */
export const maxMessageOctets = 2048
const maxTextLength = 1024
const defaultSeverity = 6
/** RFC 5424 §6.2.1: the highest facility is 23. */
const maxPriority = 191

/** RFC 5424 §6: version, timestamp, host, program, process, message ID, structured data, and text. */
const current =
  /^1 \S{1,48} \S{1,255} (\S{1,48}) \S{1,128} \S{1,32} (?:-|(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*")*\])+)(?: (.*))?$/s
/** RFC 3164 §4.1: time, then the host, which some programs omit, and the tag. */
const older =
  /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,6})? (?:[\w.:-]{1,255} )?([\w./@()-]{1,64})(?:\[\d+\])?: ?(.*)$/s

export function decodeSyslog(octets: Uint8Array): SyslogMessage {
  const line = new TextDecoder().decode(octets.subarray(0, maxMessageOctets))
  const [head = '', priority] = /^<(\d{1,3})>/.exec(line) ?? []
  const isPriority = priority !== undefined && Number(priority) <= maxPriority
  const rest = isPriority ? line.slice(head.length) : line
  const [, app, text = ''] = current.exec(rest) ?? older.exec(rest) ?? [undefined, undefined, rest]
  return {
    severity: isPriority ? Number(priority) % 8 : defaultSeverity,
    ...(app !== undefined && app !== '-' && { app: safe(app) }),
    text: safe(text),
  }
}

/** Colors and other control sequences of a terminal (ECMA-48). */
const controlSequence = /\x1b\[[0-?]*[ -/]*[@-~]/g // eslint-disable-line no-control-regex

/** Removes colors, and what could change a terminal or the direction of a text; also the BOM (RFC 5424 §6.4). */
function safe(text: string): string {
  return text
    .slice(0, maxTextLength)
    .replace(controlSequence, '')
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .trim()
}
