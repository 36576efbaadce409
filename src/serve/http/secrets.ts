/**
 * What only a node can read and report, and only during its installation: its Ignition files, an initramfs with
 * secrets, and its callbacks. All three need the token of the installation. The log never contains a token.
 */
import type { FastifyReply } from 'fastify'
import { parseDiskReport } from '../../install/disk-report.ts'
import type { Installs, Permission, ReadRequest, Secret } from '../../install/installs.ts'
import type { CallbackStage, Seen } from '../../install/observation.ts'
import type { AnswerFile, BootEntry, IgnitionFile } from '../../plan/http/plan.ts'
import { type IgnitionFiles, wrapIgnition } from '../../plan/ignition/document.ts'
import { tokenPlaceholder } from '../../plan/urls.ts'
import { defined } from '../../text/defined.ts'
import type { HttpCode } from './codes.ts'
import { missingFile, refuse, type Refusal, sendText, sendWholeFile, type Outcome } from './response.ts'
import type { Mismatch, Exchange, Tools } from './request-context.ts'
import {
  authorityFile,
  isRefusal,
  liveFileName,
  needsHttps,
  refusePlain,
  renderLive,
  type LiveFile,
} from './secure.ts'

/** The same text for every refusal: it reveals neither the state of the node nor whether a token was valid. */
const closed = 'this is only for the node itself, while it is being installed'

const ignitionType = 'application/vnd.coreos.ignition+json'

export type SecretRequest = {
  readonly node: BootEntry
  /** Empty when the path has none. */
  readonly token: string
  readonly what: Exclude<Secret, 'initramfs' | 'handover'>
  /** Absent for the live system's file, which is generated. */
  readonly file: IgnitionFile | undefined
  /** A file for the installer of another operating system. */
  readonly answers?: AnswerFile | undefined
  /** Set for the live system's file with HTTPS; `file` is then that of its role. */
  readonly live?: LiveFile
}

type Sources = {
  readonly installs: Pick<Installs, 'mayRead' | 'startedToken'>
  readonly ignitionFiles: IgnitionFiles
  /** Returns the CA certificates (PEM) that nodes trust; nothing without HTTPS. */
  readonly authority?: () => string | undefined
}

/** Refuses a secret to a machine that has the address of the node and another MAC address. */
export function refuseImpostor(
  { reply, client }: Exchange,
  { log, counters }: Tools,
  { key }: BootEntry,
  { code, reason }: Mismatch,
): FastifyReply {
  counters.increment('http.ignitionRefused')
  counters.refuse(code)
  log.warn({ node: key, client, code, reason }, 'secret refused')
  return refuse(reply, { status: 403, code, sentence: closed })
}

export async function sendSecret(
  exchange: Exchange,
  tools: Tools,
  sources: Sources,
  { node, token, what, file, live, answers }: SecretRequest,
): Promise<FastifyReply> {
  const { client, address } = exchange
  const { installs } = sources
  // The file of the live system has the token, which the script has shown already, but no other secret.
  // Installers of other operating systems do not get the CA.
  if (answers === undefined && what !== 'live' && needsHttps(exchange))
    return refusePlain(exchange, tools, `${what}.ign`)
  const { log, observe } = tools
  const name = answers?.name
  const common = { node: node.key, kind: 'ignition', role: what, ...defined({ file: name }), client } as const
  const request = { token, address, what, isHead: exchange.isHead }
  const permission = await permissionOf(exchange, tools, installs, node, request)
  if (permission === undefined) {
    observe({ ...common, outcome: 'missing', octets: 0, reason: notRecorded })
    return refuse(exchange.reply, cannotRecord)
  }
  if (permission.kind === 'refused') {
    observe({ ...common, outcome: 'refused', octets: 0, reason: permission.reason })
    return refuseReader(exchange, tools, node, permission)
  }
  tools.tokens.learn(token)
  // In an open cluster, every client can read the file; a request without a token is not evidence of an installation.
  const isOfInstallation = token !== '' && token !== tokenPlaceholder && !exchange.isHead
  const done = ({ octets, aborted }: Outcome): void => {
    if (isOfInstallation) observe({ ...common, outcome: aborted ? 'aborted' : 'sent', octets } satisfies Seen)
  }
  const failed = (reason: string): void => {
    if (isOfInstallation) observe({ ...common, outcome: 'missing', octets: 0, reason } satisfies Seen)
  }
  if (file !== undefined) {
    // The installed system proves with this token that it started from the disk of this installation.
    const started = isOfInstallation ? installs.startedToken(token) : token
    tools.tokens.learn(started)
    const tokens = { token, started }
    return sendIgnition(exchange, tools, sources, { node, file, live, tokens, done, failed })
  }
  tools.counters.increment('http.ignition')
  const text = (answers?.text ?? node.liveIgnition).replaceAll(tokenPlaceholder, token)
  return sendText(
    exchange,
    tools,
    text,
    (outcome) => {
      done(outcome)
      const facts = { node: node.key, client, file: name ?? 'live.ign', ...outcome }
      const event = answers === undefined ? 'Ignition file served' : 'answer file served'
      log[exchange.isHead ? 'debug' : 'info'](facts, event)
    },
    answers === undefined ? ignitionType : 'text/plain; charset=utf-8',
  )
}

type SendEvents = {
  readonly done: (outcome: Outcome) => void
  /** Called with the reason if the file cannot be sent. */
  readonly failed: (reason: string) => void
}

type SentFile = {
  readonly node: BootEntry
  readonly file: IgnitionFile
  readonly live: LiveFile | undefined
  /** Of the installation, and of the report that the installed system has started. */
  readonly tokens: { readonly token: string; readonly started: string }
}

/** Sends the file of a role, or the file of the live system that installs it. */
function sendIgnition(
  exchange: Exchange,
  tools: Tools,
  { ignitionFiles, authority = () => undefined }: Sources,
  { node, file, live, tokens, ...events }: SentFile & SendEvents,
): Promise<FastifyReply> {
  const read = async (): Promise<Uint8Array | Refusal> => {
    const trusted = authority()
    const content = await readRole(ignitionFiles, file, tokens.started, trusted)
    if (live === undefined || isRefusal(content)) return content
    return renderLive(node, live, { content, authority: trusted ?? '', token: tokens.token })
  }
  return sendWholeFile(
    { ...exchange, node: file.node },
    tools,
    live ? { ...file, file: liveFileName(live) } : file,
    {
      read,
      counter: 'http.ignition',
      type: live?.isArchive === true ? 'application/octet-stream' : ignitionType,
      ...events,
      served: 'Ignition file served',
      refused: 'Ignition file cannot be served',
    },
  )
}

/** Reads the current file on the disk, byte for byte; where the site adds content, a config that merges the file. */
async function readRole(
  files: IgnitionFiles,
  { file, additions }: IgnitionFile,
  token: string,
  authority: string | undefined,
): Promise<Uint8Array | Refusal> {
  const found = await files.read(file)
  if (found.kind === 'unreadable') return missingFile(file, found.problem)
  const { octets, version } = found.document
  const isEmpty = additions?.files.length === 0 && additions.storage === undefined
  if (additions === undefined || (isEmpty && !reportsStart(version, token))) return octets
  const added =
    authority === undefined
      ? additions
      : { ...additions, files: [...additions.files, authorityFile(authority)] }
  return Buffer.from(wrapIgnition(octets, version, added).replaceAll(tokenPlaceholder, token))
}

/** Returns whether the installed system can report its first boot: with a token, and with a file that can be merged. */
function reportsStart(version: string, token: string): boolean {
  return version.startsWith('3.') && token !== '' && token !== tokenPlaceholder
}

/** Calls `send` when the node may read an initramfs that holds an Ignition file. */
export async function sendSecretImage(
  exchange: Exchange,
  tools: Tools,
  installs: Pick<Installs, 'mayRead'>,
  { node, token }: Pick<SecretRequest, 'node' | 'token'>,
  send: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  const { address, isHead } = exchange
  if (needsHttps(exchange)) return refusePlain(exchange, tools, 'initramfs')
  const request = { token, address, what: 'initramfs', isHead } as const
  const permission = await permissionOf(exchange, tools, installs, node, request)
  if (permission === undefined) return refuse(exchange.reply, cannotRecord)
  return permission.kind === 'allowed' ? send() : refuseReader(exchange, tools, node, permission)
}

/** A comment for GRUB, which runs the file, and any bytes for iPXE. */
const handoverText = '# slipway has recorded that another installer starts\n'

/** Records that the node starts another installer, which may then write the disk, before it sends the file. */
export async function sendHandover(
  exchange: Exchange,
  tools: Tools,
  installs: Pick<Installs, 'mayRead'>,
  { node, token }: Pick<SecretRequest, 'node' | 'token'>,
): Promise<FastifyReply> {
  const { address, isHead, client } = exchange
  const request = { token, address, what: 'handover', isHead } as const
  const permission = await permissionOf(exchange, tools, installs, node, request)
  if (permission === undefined) return refuse(exchange.reply, cannotRecord)
  if (permission.kind === 'refused') return refuseReader(exchange, tools, node, permission)
  tools.tokens.learn(token)
  return sendText(exchange, tools, handoverText, (outcome) => {
    // Another server sent the kernel and the initramfs: the next system that requests an address is not that on the disk.
    if (!isHead) {
      const sent = { octets: outcome.octets, total: handoverText.length, durationMs: 0 }
      const file = { what: 'initramfs', file: 'of another installer', outcome: 'sent' } as const
      tools.observe({ node: node.key, kind: 'file', ...file, ...sent })
    }
    tools.log[isHead ? 'debug' : 'info'](
      { node: node.key, client, ...outcome },
      'node starts another installer',
    )
  })
}

/** Refuses an image file with secrets to a request without a token. */
export function refuseSecretImage(exchange: Exchange, { log, counters }: Tools, file: string): FastifyReply {
  const { reply, node, client } = exchange
  counters.increment('http.ignitionRefused')
  const code: HttpCode = 'http.secret-without-token'
  counters.refuse(code)
  const reason = 'the file holds secrets, and the URL has no token'
  log.warn({ node, client, file, code, reason }, 'image file refused')
  return refuse(reply, { status: 403, code, sentence: closed })
}

const notRecorded = 'this server cannot record the installation now'

const cannotRecord = {
  status: 503,
  code: 'ignition.not-recorded',
  sentence: `${notRecorded}: try again`,
} as const

/** Resolves to undefined if the read cannot be recorded: then nothing may be sent. */
async function permissionOf(
  { client }: Exchange,
  { log, counters }: Tools,
  installs: Pick<Installs, 'mayRead'>,
  { key }: BootEntry,
  request: ReadRequest,
): Promise<Permission | undefined> {
  try {
    return await installs.mayRead(key, request)
  } catch (error) {
    counters.increment('http.ignitionRefused')
    log.error({ node: key, client, err: error, code: 'state.not-writable' }, 'Ignition file not sent')
    return undefined
  }
}

function refuseReader(
  { reply, client }: Exchange,
  { log, counters }: Tools,
  { key }: BootEntry,
  { code, reason }: Extract<Permission, { kind: 'refused' }>,
): FastifyReply {
  counters.increment('http.ignitionRefused')
  counters.refuse(code)
  log.warn({ node: key, client, code, reason }, 'Ignition file refused')
  // The response has one code for all reasons.
  const answer: HttpCode = 'ignition.not-allowed'
  return refuse(reply, { status: 403, code: answer, sentence: closed })
}

const diskStatus = { proceed: 200, use: 202, wait: 409 } as const

/**
 * Answers a report about the target disks: 200 if the installer may start, 202 with the disk that the hints select, and 409 with
 * the reason if the installer must wait.
 */
export async function receiveDiskReport(
  { reply, client, address }: Exchange,
  { log, counters }: Tools,
  installs: Pick<Installs, 'checkDisk'>,
  { key }: BootEntry,
  { token, body }: { readonly token: string; readonly body: string },
): Promise<FastifyReply> {
  const report = parseDiskReport(body)
  if (report === undefined) {
    const code: HttpCode = 'http.bad-disk-report'
    counters.refuse(code)
    log.warn({ node: key, client, code }, 'disk report refused')
    return refuse(reply, { status: 400, code, sentence: 'this is not a disk report' })
  }
  const answer = await installs.checkDisk(key, report, token, { address, client })
  if (answer.kind !== 'refused') {
    reply.code(diskStatus[answer.kind]).header('cache-control', 'no-store')
    const first = answer.kind === 'use' ? `${answer.device}\n` : ''
    return reply.type('text/plain; charset=utf-8').send(`${first}${answer.text}\n`)
  }
  const { code, reason } = answer
  counters.refuse(code)
  log.warn({ node: key, client, code, reason }, 'disk report refused')
  const refusal: HttpCode = 'http.callback-refused'
  return refuse(reply, { status: 403, code: refusal, sentence: closed })
}

/** Stores the callback before it answers; when storing fails, the node gets an error and repeats the callback. */
export async function receiveCallback(
  { reply, client, address }: Exchange,
  { log, counters }: Tools,
  installs: Pick<Installs, 'callback'>,
  { key }: BootEntry,
  token: string,
  stage: CallbackStage,
): Promise<FastifyReply> {
  const permission = await installs.callback(key, stage, token, { address, client })
  if (permission.kind === 'refused') {
    counters.increment('http.callbacksRefused')
    const { code, reason } = permission
    counters.refuse(code)
    log.warn({ node: key, client, stage, code, reason }, 'callback refused')
    const answer: HttpCode = 'http.callback-refused'
    return refuse(reply, { status: 403, code: answer, sentence: closed })
  }
  counters.increment('http.callbacks')
  log.info({ node: key, client, stage }, 'callback accepted')
  return reply.code(204).send()
}
