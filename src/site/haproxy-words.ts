/**
 * The words of haproxy.cfg that the site file can contain: bind lines, times, log targets, and the path of the statistics
 * page. Only words that need no other file and no code are accepted, because HAProxy starts as root
 * (src/plan/haproxy/accept.ts). Pure.
 */
import { ipv4Pattern, parseIp, type Ip } from '../proto/address/ip.ts'

/** A bind line: an endpoint, and options such as `v4v6` or `interface ens4`. */
export type Bind = {
  /** `172.16.0.111:6443`, `[2001:db8::1]:6443`, or `*:6443` for every address */
  readonly endpoint: string
  /** Undefined for every address. */
  readonly address: Ip | undefined
  readonly port: number
  /** In order, separated by spaces; empty if there are none. */
  readonly options: string
}

/** Options of `bind` that need no file, no user, and no socket of another process. */
export const bindOptionsPattern = String.raw`(?: (?:transparent|v4v6|v6only|accept-proxy|defer-accept|tfo|interface [A-Za-z0-9_.:@-]{1,15}|mss [1-9]\d{2,4}|maxconn [1-9]\d{0,6}))*`

const wholeOptions = new RegExp(`^${bindOptionsPattern}$`)

/** Privileged ports other than these belong to other services of the machine. */
export function canBind(port: number): boolean {
  return port === 80 || port === 443 || (port >= 1024 && port <= 65_535)
}

export function parseBind(text: string): Bind | undefined {
  const [endpoint = '', ...words] = text.trim().split(/\s+/)
  const found = /^(?<host>\*|[\d.]*|\[[0-9A-Fa-f:.]+\]):(?<digits>[1-9]\d{1,4})$/.exec(endpoint)?.groups
  const { host = '', digits = '' } = found ?? {}
  const port = Number(digits)
  const options = words.join(' ')
  if (!canBind(port) || !wholeOptions.test(words.map((word) => ` ${word}`).join(''))) return undefined
  if (host === '*' || host === '') return { endpoint: `*:${port}`, address: undefined, port, options }
  const address = parseIp(host.replace(/^\[|\]$/g, ''))
  if (address === undefined) return undefined
  const isAny = /^[0.:]+$/.test(host.replace(/^\[|\]$/g, ''))
  return { endpoint: `${host.toLowerCase()}:${port}`, address: isAny ? undefined : address, port, options }
}

const timeUnitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

export const timePattern = String.raw`[1-9]\d{0,8}(?:ms|s|m|h|d)`

/** Returns the milliseconds of a time in HAProxy's format. */
export function timeMs(text: string): number {
  const digits = Number.parseInt(text, 10)
  return digits * (timeUnitsMs[text.slice(String(digits).length)] as number)
}

/** In the order in which they are rendered. */
export const timeoutNames = ['client', 'connect', 'queue', 'server', 'tunnel', 'check'] as const
export type TimeoutName = (typeof timeoutNames)[number]

const facility =
  '(?:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|auth2|ftp|ntp|audit|alert|cron2|local[0-7])'
const level = '(?:emerg|alert|crit|err|warning|notice|info|debug)'

/** Only syslog sockets: HAProxy could write to any other socket. */
export const logPattern = String.raw`(?:stdout|stderr|/dev/log|/run/systemd/journal/(?:dev-log|syslog)|${ipv4Pattern}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?)(?: len [1-9]\d{1,4})?(?: format (?:rfc3164|rfc5424|local|short|raw|timed|iso|priority))? ${facility}(?: ${level}){0,2}`

export const statsUriPattern = String.raw`/[A-Za-z0-9._~/?=&;-]{0,127}`
