/** What a node boots now: its state decides, the plan has the text. Only the node itself sets anything in motion. */
import type { FastifyReply } from 'fastify'
import type { BootAnswer, BootChoice, Installs } from '../../install/installs.ts'
import type { HttpPlan, BootEntry } from '../../plan/http.ts'
import { renderFailed, renderWaiting } from '../../plan/ipxe/waiting.ts'
import { tokenPlaceholder, urlPaths } from '../../plan/urls.ts'
import { sendText } from './boot.ts'
import type { Exchange, Tools } from './request-context.ts'

export type BootRequest = BootChoice & {
  /** Without its query. */
  readonly path: string
  /** Asked by who only wants to see what the node would get. */
  readonly isRehearsal: boolean
}

export async function sendBootScript(
  exchange: Exchange,
  tools: Tools,
  installs: Pick<Installs, 'boot' | 'preview'>,
  node: BootEntry,
  request: BootRequest,
): Promise<FastifyReply> {
  const { client, plan, isHead } = exchange
  const { log, counters, observe } = tools
  const isNode = (node.isOpen || exchange.node === node.key) && !request.isRehearsal && !isHead
  const answer = await installs[isNode ? 'boot' : 'preview'](node.key, request)
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
  { reason, canSkip }: Extract<BootAnswer, { kind: 'wait' }>,
  { path, role }: BootRequest,
): string {
  // What is missing was rendered with the plan, line by line.
  const script = scripts.get(role === undefined ? path : urlPaths.installScript(node, role))
  if (script?.problem === reason) return script.body
  const url = new URL(path, node.url).href
  return renderWaiting(node, { reason, url, ...(canSkip && { skipUrl: `${url}?skip` }) })
}
