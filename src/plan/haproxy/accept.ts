/**
 * Accepts only configurations that render.ts could have written: the privileged side reads a file that the service user
 * wrote, and HAProxy has directives that run code, read files, and start programs. Every line must be one that the
 * renderer writes, in the section where it writes it; all else is refused. Pure.
 */
import {
  bindOptionsPattern,
  canBind,
  logPattern,
  statsUriPattern,
  timeoutNames,
  timePattern,
} from '../../site/haproxy-words.ts'
import {
  allBackendLines,
  backendSettings,
  frontendSettings,
  globalSettings,
  statsSettings,
  statsUserlist,
} from './render.ts'
import { hashPattern, userPattern } from './stats.ts'

/** A refused line; its text is not repeated, because the file may be one that the service user cannot read. */
export type RefusedLine = { readonly line: number; readonly reason: string }

const maxLines = 100_000
const maxLineLength = 4096

const name = String.raw`[A-Za-z0-9_.-]{1,255}`
const hostName = String.raw`\.?[A-Za-z0-9_.-]{1,254}`
/** The port is checked separately ({@link canBind}), except on the loopback address: keepalived's health check. */
const bindEndpoint = String.raw`(?:\*|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]{2,45}\]):(?<port>\d{1,5})`
const endpoint = String.raw`(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]{2,45}\]):\d{1,5}`

/**
 * Directories in which HAProxy may create its stats socket: it does so as root, and replaces what is there. No path has
 * a dot at the beginning of a component.
 */
const socketPath = String.raw`/(?:run|var/run|var/lib)/haproxy(?:/\w[\w-]*(?:\.\w+)*)+`

const shapes = {
  section: new RegExp(`^(?:global|defaults|userlist ${statsUserlist}|(?:frontend|backend) ${name})$`),
  comment:
    /^# (?:Written by slipway from the site file of [^\p{Cc}]{1,255}\.|Edit the site file, not this file: slipway overwrites it when the site changes\.)$/u,
  socket: new RegExp(
    `^  stats socket ${socketPath} mode 660 level admin user haproxy group haproxy expose-fd listeners$`,
  ),
  bind: new RegExp(`^  bind ${bindEndpoint}${bindOptionsPattern}$`),
  log: new RegExp(`^  log ${logPattern}$`),
  timeout: new RegExp(`^  timeout (?:${timeoutNames.join('|')}) ${timePattern}$`),
  statsUri: new RegExp(`^  stats uri ${statsUriPattern}$`),
  statsRefresh: /^ {2}stats refresh [1-9]\d{0,3}s$/,
  user: new RegExp(`^  user ${userPattern} password ${hashPattern}$`),
  defaultBackend: new RegExp(`^  default_backend ${name}$`),
  useBackend: new RegExp(
    `^  use_backend ${name} if \\{ (?:req\\.ssl_sni|req\\.hdr\\(host\\),field\\(1,:\\)) (?:-i|-m end -i)(?: ${hostName})+ \\}$`,
  ),
  server: new RegExp(`^  server ${name} ${endpoint}(?: backup)?(?: disabled)?$`),
}

const fixed: Readonly<Record<string, ReadonlySet<string>>> = {
  global: new Set(globalSettings),
  defaults: new Set([...frontendSettings, ...backendSettings]),
  frontend: new Set([
    ...frontendSettings,
    ...statsSettings,
    '  tcp-request inspect-delay 5s',
    '  tcp-request content accept if { req.ssl_sni -m found }',
    '  tcp-request content accept if HTTP',
    '  tcp-request content reject',
    // The health check of keepalived.
    '  mode http',
    '  option httplog',
    '  timeout client 5s',
    '  monitor-uri /',
  ]),
  backend: new Set([...backendSettings, ...allBackendLines]),
}

const patterns: Readonly<Record<string, readonly RegExp[]>> = {
  global: [shapes.socket, shapes.log],
  defaults: [shapes.timeout],
  frontend: [
    shapes.bind,
    shapes.defaultBackend,
    shapes.useBackend,
    shapes.log,
    shapes.timeout,
    shapes.statsUri,
    shapes.statsRefresh,
  ],
  backend: [shapes.server, shapes.log, shapes.timeout],
  userlist: [shapes.user],
}

/** A listener on a port of another service would receive its connections. */
function isForeignPort(line: string): boolean {
  const port = shapes.bind.exec(line)?.groups?.['port']
  return port !== undefined && !canBind(Number(port)) && !line.startsWith('  bind 127.0.0.1:')
}

/** @returns the first line that slipway cannot have written */
export function refusedLine(text: string): RefusedLine | undefined {
  const lines = text.split('\n')
  if (lines.length > maxLines) return { line: maxLines, reason: `more than ${maxLines} lines` }
  let section = ''
  const seen = new Set<string>()
  for (const [index, line] of lines.entries()) {
    if (line === '' || shapes.comment.test(line)) continue
    if (line.length > maxLineLength)
      return { line: index + 1, reason: `longer than ${maxLineLength} characters` }
    if (shapes.section.test(line)) {
      if (seen.has(line)) return { line: index + 1, reason: 'a section that already exists' }
      seen.add(line)
      section = line.split(' ')[0] as string
      continue
    }
    const isKnown =
      fixed[section]?.has(line) === true || patterns[section]?.some((pattern) => pattern.test(line)) === true
    if (!isKnown || isForeignPort(line))
      return { line: index + 1, reason: 'a line that slipway does not write' }
  }
  return seen.size === 0 ? { line: 1, reason: 'no section' } : undefined
}
