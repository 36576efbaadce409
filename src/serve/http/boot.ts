/** What firmware and iPXE fetch: boot scripts, menus, and boot loaders. */
import { readFile, stat } from 'node:fs/promises'
import type { FastifyReply } from 'fastify'
import type { BootAnswer, BootChoice, Installs } from '../../install/installs.ts'
import type { BootEntry, BootScript, HttpPlan, WholeFile } from '../../plan/http/plan.ts'
import { renderElsewhere, renderFailed, renderRefused, renderWaiting } from '../../plan/ipxe/menu.ts'
import { tokenPlaceholder, urlPaths } from '../../plan/urls.ts'
import type { HttpCode } from './codes.ts'
import { unreadable, sendText, sendWholeFile } from './response.ts'
import type { Exchange, Tools } from './request-context.ts'

export type BootRequest = BootChoice & {
  /** Without its query. */
  readonly path: string
  /** Whether the client only wants to see what the node would get. */
  readonly isRehearsal: boolean
}

/** Sends the script of the node's current state. Only a request of the node itself changes that state. */
export async function sendBootScript(
  exchange: Exchange,
  tools: Tools,
  installs: Pick<Installs, 'boot' | 'preview'>,
  node: BootEntry,
  request: BootRequest,
): Promise<FastifyReply> {
  const { client, plan, isHead } = exchange
  const { log, counters, observe, tokens } = tools
  const isNode = (node.isOpen || exchange.node === node.key) && !request.isRehearsal && !isHead
  const answer = await installs[isNode ? 'boot' : 'preview'](node.key, request)
  if (answer.kind === 'install') tokens.learn(answer.token)
  counters.increment('http.scripts')
  const reason = 'reason' in answer ? answer.reason : undefined
  if (isNode) {
    observe({
      node: node.key,
      kind: 'script',
      script: answer.kind,
      ...('role' in answer && { role: answer.role }),
      ...(reason !== undefined && { reason }),
    })
  }
  return sendText(exchange, tools, textOf(plan, node, answer, request), ({ octets, aborted }) => {
    const facts = { node: node.key, client, file: request.path, boot: answer.kind, reason, octets, aborted }
    log[isHead ? 'debug' : 'info'](facts, 'boot script served')
  })
}

function textOf(plan: HttpPlan, node: BootEntry, answer: BootAnswer, request: BootRequest): string {
  const body = (path: string): string | undefined => plan.scripts.get(path)?.body
  switch (answer.kind) {
    case 'install': {
      const script = body(urlPaths.installScript(node, answer.role)) as string
      return script.replaceAll(tokenPlaceholder, answer.token)
    }
    case 'menu':
      return body(urlPaths.menuScript(node)) as string
    case 'local':
      return body(urlPaths.localScript(node)) as string
    case 'failed':
      return renderFailed(node, answer.reason, node.url)
    case 'wait':
      return waitingText(plan, node, answer, request)
  }
}

function waitingText(
  { scripts }: HttpPlan,
  node: BootEntry,
  { reason, code, canSkip }: Extract<BootAnswer, { kind: 'wait' }>,
  { path, role }: BootRequest,
): string {
  const { url: bootUrl, installerUrl } = node
  if (code === 'install.other-appliance' && installerUrl !== undefined) {
    return renderElsewhere(node, { url: bootUrl, installerUrl })
  }
  // The plan already contains a script that lists the missing files line by line.
  const script = scripts.get(role === undefined ? path : urlPaths.installScript(node, role))
  if (script?.problem === reason) return script.body
  const url = new URL(path, node.url).href
  return renderWaiting(node, { reason, url, ...(canSkip && { skipUrl: `${url}?skip` }) })
}

/** Sends a script that does not depend on the state of the node. @param path of the request; the log's `file` */
export function sendScript(exchange: Exchange, tools: Tools, path: string, script: BootScript): FastifyReply {
  const { client, isHead } = exchange
  const { node, boot } = script
  tools.counters.increment('http.scripts')
  return sendText(exchange, tools, script.body, ({ octets, aborted }) => {
    const facts = { node, client, file: path, boot, octets, aborted }
    tools.log[isHead ? 'debug' : 'info'](facts, 'boot script served')
  })
}

/** Sends a script that shows on the console why the machine does not get the script of the node. */
export function sendRefusedScript(
  exchange: Exchange,
  tools: Tools,
  node: BootEntry,
  { code, sentence, reason }: { code: HttpCode; sentence: string; reason: string },
): FastifyReply {
  const { reply, client } = exchange
  tools.counters.increment('http.scriptsRefused')
  tools.counters.refuse(code)
  tools.log.warn({ node: node.key, client, code, reason }, 'boot script refused')
  return sendText(
    { ...exchange, reply: reply.header('slipway-code', code) },
    tools,
    renderRefused(node, sentence, node.url),
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
