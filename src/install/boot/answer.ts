/**
 * The answer to a network boot, for every protocol and boot loader: decided and recorded by the installations, observed for
 * the timeline, and rendered in the syntax of the loader.
 */
import type { BootAnswer, BootChoice, Installs } from '../installs.ts'
import type { Observe } from '../observation.ts'
import { readScript, type BootPlan } from '../../plan/boot/boot-plan.ts'
import { overHttp, overHttps } from '../../plan/boot/over-https.ts'
import { renderBoot } from '../../plan/boot/render.ts'
import type { BootEntry, BootScript, HttpPlan } from '../../plan/http/plan.ts'
import type { BootSyntax } from '../../plan/boot/syntax.ts'
import { tokenPlaceholder, urlPaths } from '../../plan/urls.ts'

export type BootRequest = BootChoice & {
  readonly syntax: BootSyntax
  /** Whether the loader requested the script over HTTPS, so it trusts the CA of this server. */
  readonly isSecure: boolean
  /** Whether the node itself requests the script: only then the request changes its state. */
  readonly isNode: boolean
}

export type AnswerTools = {
  readonly installs: Pick<Installs, 'boot' | 'preview'>
  readonly observe: Observe
  /** Returns the script of another installer that was fetched from this URL. */
  readonly fetchedScript?: (url: string) => string | undefined
  /** Receives the token of an installation, so that it is kept out of the log. */
  readonly learn: (token: string) => void
}

type Answered = {
  readonly text: string
  readonly kind: BootAnswer['kind']
  /** Why it waits or has failed: a sentence. */
  readonly reason?: string
}

/** The decision is recorded before this resolves. */
export async function answerBoot(
  plan: Pick<HttpPlan, 'scripts'>,
  node: BootEntry,
  request: BootRequest,
  { installs, observe, learn, fetchedScript }: AnswerTools,
): Promise<Answered> {
  const answer = await installs[request.isNode ? 'boot' : 'preview'](node.key, request)
  if (answer.kind === 'install') learn(answer.token)
  const reason = 'reason' in answer ? { reason: answer.reason } : {}
  if (request.isNode) {
    const role = 'role' in answer ? { role: answer.role } : {}
    // Without HTTPS, iPXE did not trust the CA.
    const hasChoice = node.secure !== undefined && request.syntax === 'ipxe'
    const by = hasChoice ? { by: request.isSecure ? ('https' as const) : ('http' as const) } : {}
    observe({ node: node.key, kind: 'script', script: answer.kind, ...role, ...by, ...reason })
  }
  return { text: textOf(plan, node, answer, request, fetchedScript), kind: answer.kind, ...reason }
}

function textOf(
  { scripts }: Pick<HttpPlan, 'scripts'>,
  node: BootEntry,
  answer: BootAnswer,
  request: BootRequest,
  fetchedScript: AnswerTools['fetchedScript'],
): string {
  const { role } = request
  const render = (plan: BootPlan) => renderFor(node, plan, request)
  const scriptAt = (path: string) => scriptText(node, scripts.get(path) as BootScript, request)
  switch (answer.kind) {
    case 'install':
      return installText(
        node,
        scripts.get(urlPaths.installScript(node, answer.role)) as BootScript,
        request,
        fetchedScript,
      ).replaceAll(tokenPlaceholder, answer.token)
    case 'menu':
      return scriptAt(urlPaths.menuScript(node))
    case 'local':
      return scriptAt(urlPaths.localScript(node))
    case 'failed':
      return render({ kind: 'failed', reason: answer.reason })
    case 'wait': {
      // The plan already contains a script that lists the missing files line by line.
      const path = role === undefined ? urlPaths.bootScript(node) : urlPaths.installScript(node, role)
      const script = scripts.get(path)
      if (script?.problem === answer.reason) return scriptText(node, script, request)
      return render(waitOf(node, answer, role))
    }
  }
}

function waitOf(
  { installerUrl }: BootEntry,
  { reason, code, canSkip }: Extract<BootAnswer, { kind: 'wait' }>,
  role: BootRequest['role'],
): BootPlan {
  if (code === 'install.other-appliance' && installerUrl !== undefined)
    return { kind: 'elsewhere', installerUrl }
  return { kind: 'wait', reason, canSkip, ...(role !== undefined && { role }) }
}

function installText(
  node: BootEntry,
  script: BootScript,
  loader: LoaderFeatures,
  fetchedScript: AnswerTools['fetchedScript'],
): string {
  const plan = script.plan()
  const text = plan.kind === 'script' ? fetchedScript?.(plan.source) : undefined
  if (plan.kind !== 'script' || text === undefined) return scriptText(node, script, loader)
  return renderFor(node, readScript(plan, text), loader)
}

/** Returns a script that does not depend on the state of the node. */
export function scriptText(node: BootEntry, script: BootScript, loader: LoaderFeatures): string {
  const isAsPlanned = loader.syntax === 'ipxe' && node.secure === undefined
  return isAsPlanned ? script.body : renderFor(node, script.plan(), loader)
}

type LoaderFeatures = Pick<BootRequest, 'syntax' | 'isSecure'>

/** Renders a plan for what the loader supports. */
export function renderFor(node: BootEntry, plan: BootPlan, { syntax, isSecure }: LoaderFeatures): string {
  const { secure, url } = node
  return secure === undefined || !isSecure
    ? renderBoot(syntax, node, overHttp(plan, node), url)
    : renderBoot(syntax, node, overHttps(plan, secure.url), secure.url)
}
