/** What firmware and iPXE fetch: boot scripts, menus, and boot loaders. */
import { readFile, stat } from 'node:fs/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { BootEntry, BootScript, WholeFile } from '../../plan/http/plan.ts'
import type { ReadNeighbor } from '../../host/neighbors.ts'
import { renderGrubOverHttp } from '../../plan/grub/render.ts'
import { entryFor, readBootName } from '../../plan/boot/names.ts'
import type { BootSyntax } from '../../plan/boot/syntax.ts'
import { readScriptName, type ScriptName } from '../../plan/urls.ts'
import { answerBoot, renderFor, scriptText, type AnswerTools } from '../../install/boot/answer.ts'
import { renderSecureFirst } from '../../plan/ipxe/secure.ts'
import type { HttpCode } from './codes.ts'
import { unreadable, sendText, sendWholeFile } from './response.ts'
import { checkAddress, checkNeighbor, type Exchange, type Tools } from './request-context.ts'

/** A file of a node that is a script: its name, and the script of the plan. */
export type NodeScript = {
  readonly node: BootEntry
  /** The path of the request; the log's `file`. */
  readonly path: string
  readonly name: ScriptName
  readonly script: BootScript
}

/** What the query of iPXE adds. */
export type ScriptQuery = {
  readonly isSkipping: boolean
  /** Whether the client only wants to see what the node would get. */
  readonly isRehearsal: boolean
  /** Whether iPXE could not continue over HTTPS. */
  readonly isPlain: boolean
}

/** Returns the script with this name; nothing for other files of a node. */
export function findScript(
  { scripts }: Exchange['plan'],
  node: BootEntry,
  file: string,
): NodeScript | undefined {
  const name = readScriptName(file)
  if (name === undefined) return undefined
  const base = name.role === undefined ? name.name : `install-${name.role}`
  const script = scripts.get(`/boot/${node.key}/${base}.ipxe`)
  return script && { node, path: `/boot/${node.key}/${file}`, name, script }
}

/** Returns the boot script of the node that has the address of the client; only with HTTPS, whose loaders need it. */
export function findOwnScript({ plan, node: key = '' }: Exchange): NodeScript | undefined {
  const node = plan.nodes.get(key)
  return node?.secure && findScript(plan, node, 'boot.ipxe')
}

/** Reads the query of the URL of a script. */
export function scriptQuery({ query: given }: Pick<FastifyRequest, 'query'>): ScriptQuery {
  const query = given as object
  return { isSkipping: 'skip' in query, isRehearsal: 'rehearse' in query, isPlain: 'plain' in query }
}

/** Sends a boot script or a menu to the node, or a refusal to another machine. */
export async function sendNodeScript(
  exchange: Exchange,
  tools: Tools,
  sources: Pick<AnswerTools, 'installs' | 'fetchedScript'>,
  found: NodeScript & ScriptQuery,
  readNeighbor: ReadNeighbor,
): Promise<FastifyReply> {
  const { node, name } = found
  const mismatch = checkAddress(exchange, node) ?? (await checkNeighbor(exchange, node, readNeighbor))
  if (mismatch !== undefined) return sendRefusedScript(exchange, tools, node, mismatch, name.syntax)
  const secureUrl = secureUrlOf(exchange, found)
  if (secureUrl !== undefined) return sendText(exchange, tools, renderSecureFirst(node, secureUrl), () => {})
  if (name.name === 'menu' || name.name === 'local') return sendScript(exchange, tools, found)
  return sendBootScript(exchange, tools, sources, found)
}

/**
 * Returns where iPXE can get a script over HTTPS that starts an installation; nothing if it does that now, or cannot. The
 * script over HTTP would show the token to everyone who can read the traffic.
 */
function secureUrlOf(
  { isSecure }: Exchange,
  { node: { secure }, path, name, isPlain, isRehearsal, isSkipping }: NodeScript & ScriptQuery,
): string | undefined {
  if (secure === undefined || isSecure || isPlain || isRehearsal || name.syntax !== 'ipxe') return undefined
  if (name.name !== 'boot' && name.name !== 'install') return undefined
  return new URL(`${path}${isSkipping ? '?skip' : ''}`, secure.url).href
}

/**
 * Returns the first configuration of the loader of the client, which GRUB requests beside itself after HTTP Boot, or below its
 * own prefix; nothing for other paths.
 */
export function entryAt({ plan, address }: Exchange, path: string): string | undefined {
  const entry = entryFor(plan, readBootName(path.slice(1)), address)
  // U-Boot requests its script by TFTP only.
  return typeof entry === 'string' ? entry : undefined
}

/** Sends the script that shows that this GRUB reads HTTP. */
export function sendGrubOverHttp(exchange: Exchange, tools: Tools, { url }: BootEntry): FastifyReply {
  return sendText(exchange, tools, renderGrubOverHttp(url), () => {})
}

/** Sends the script of the node's current state. Only a request of the node itself changes that state. */
async function sendBootScript(
  exchange: Exchange,
  tools: Tools,
  sources: Pick<AnswerTools, 'installs' | 'fetchedScript'>,
  { node, path, name, isRehearsal, isSkipping }: NodeScript & ScriptQuery,
): Promise<FastifyReply> {
  const { client, plan, isHead, isSecure } = exchange
  const { log, counters, observe, tokens } = tools
  const { syntax, role } = name
  const isNode = (node.isOpen || exchange.node === node.key) && !isRehearsal && !isHead
  const choice = { isSkipping: isSkipping || name.isSkipping, ...(role !== undefined && { role }) }
  const learn = (token: string) => tokens.learn(token)
  const answer = await answerBoot(
    plan,
    node,
    { ...choice, syntax, isNode, isSecure },
    { ...sources, observe, learn },
  )
  counters.increment('http.scripts')
  const { text, kind: boot, reason } = answer
  return sendText(exchange, tools, text, ({ octets, aborted }) => {
    const facts = { node: node.key, client, file: path, boot, reason, octets, aborted }
    log[isHead ? 'debug' : 'info'](facts, 'boot script served')
  })
}

/** Sends a script that does not depend on the state of the node. */
function sendScript(
  exchange: Exchange,
  tools: Tools,
  { node, script, path, name }: NodeScript,
): FastifyReply {
  const { client, isHead, isSecure } = exchange
  const { boot } = script
  tools.counters.increment('http.scripts')
  return sendText(
    exchange,
    tools,
    scriptText(node, script, { syntax: name.syntax, isSecure }),
    ({ octets, aborted }) => {
      const facts = { node: node.key, client, file: path, boot, octets, aborted }
      tools.log[isHead ? 'debug' : 'info'](facts, 'boot script served')
    },
  )
}

/** Sends a script that shows on the console why the machine does not get the script of the node. */
function sendRefusedScript(
  exchange: Exchange,
  tools: Tools,
  node: BootEntry,
  { code, sentence, reason }: { code: HttpCode; sentence: string; reason: string },
  syntax: BootSyntax,
): FastifyReply {
  const { reply, client, isSecure } = exchange
  tools.counters.increment('http.scriptsRefused')
  tools.counters.refuse(code)
  tools.log.warn({ node: node.key, client, code, reason }, 'boot script refused')
  return sendText(
    { ...exchange, reply: reply.header('slipway-code', code) },
    tools,
    renderFor(node, { kind: 'refused', reason: sentence }, { syntax, isSecure }),
    () => {},
  )
}

/** Reads files and shares their content, so that a slow client does not hold a separate copy. */
export type FileReader = (path: string) => Promise<Uint8Array>

export function createFileReader(): FileReader {
  const files = new Map<string, { readonly identity: string; readonly content: Promise<Uint8Array> }>()
  return async (path) => {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true })
    const identity = `${ino}:${size}:${mtimeNs}`
    const known = files.get(path)
    if (known?.identity === identity) return known.content
    const content = readFile(path)
    content.catch(() => files.delete(path))
    files.set(path, { identity, content })
    return content
  }
}

/** UEFI HTTP Boot requests the length first (HEAD), and evaluates the media type (UEFI 2.10 §24.7). */
export function sendLoader(
  exchange: Exchange,
  tools: Tools,
  read: FileReader,
  { file, name }: { file: WholeFile; name: string },
): Promise<FastifyReply> {
  const { node, isHead } = exchange
  const report = (outcome: 'sent' | 'aborted' | 'probed' | 'missing', octets: number, durationMs: number) => {
    if (node === undefined) return
    tools.observe({ node, kind: 'loader', file: name, by: 'http', outcome, octets, durationMs })
  }
  return sendWholeFile(exchange, tools, file, {
    read: () => read(file.file).catch((error: unknown) => unreadable(error, file.file)),
    counter: 'http.loaders',
    type: 'application/efi',
    failed: () => report('missing', 0, 0),
    done: ({ octets, durationMs, aborted }) =>
      report(isHead ? 'probed' : aborted ? 'aborted' : 'sent', isHead ? 0 : octets, durationMs),
    served: 'boot loader served',
    refused: 'boot loader cannot be served',
  })
}
