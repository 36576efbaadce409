/**
 * What only a node that is being installed may read, and what only it may say: its Ignition files and its
 * callbacks, both under the token of its installation. Tokens appear in no line of the log.
 */
import type { FastifyReply } from 'fastify'
import type { Installs, Permission, Secret } from '../../install/installs.ts'
import type { CallbackStage, Seen } from '../../install/observation.ts'
import type { IgnitionFile, BootEntry } from '../../plan/http.ts'
import type { IgnitionFiles } from '../../plan/ignition/document.ts'
import { tokenPlaceholder } from '../../plan/urls.ts'
import { ignitionType, sendIgnition, sendText } from './boot.ts'
import type { Exchange, Tools } from './request-context.ts'
import { refuse } from './error-response.ts'
import type { Outcome } from './transfer.ts'

/** Whoever is refused learns no more than this: not whether the node installs, nor whether a token was near. */
const closed = 'this is only for the node itself, while it is being installed'

export type SecretRequest = {
  readonly node: BootEntry
  /** Empty when the path has none. */
  readonly token: string
  readonly what: Exclude<Secret, 'initramfs'>
  /** Undefined for what is made here: the live system's. */
  readonly file: IgnitionFile | undefined
}

/** Who knows whether it may be read, and what it is at this moment. */
type Sources = { readonly installs: Pick<Installs, 'mayRead'>; readonly ignitionFiles: IgnitionFiles }

export function sendSecret(
  exchange: Exchange,
  tools: Tools,
  { installs, ignitionFiles }: Sources,
  { node, token, what, file }: SecretRequest,
): FastifyReply | Promise<FastifyReply> {
  const { client, address } = exchange
  const { log, observe } = tools
  const common = { node: node.key, kind: 'ignition', role: what, client } as const
  const permission = installs.mayRead(node.key, token, address, what)
  if (permission.kind === 'refused') {
    observe({ ...common, outcome: 'refused', octets: 0, reason: permission.reason })
    return refuseReader(exchange, tools, node, permission)
  }
  // In an open cluster anybody reads; what has no token of an installation says nothing about one.
  const isOfInstallation = token !== '' && token !== tokenPlaceholder && !exchange.isHead
  const done = ({ octets, aborted }: Outcome): void => {
    if (isOfInstallation) observe({ ...common, outcome: aborted ? 'aborted' : 'sent', octets } satisfies Seen)
  }
  if (file !== undefined) return sendIgnition(exchange, tools, ignitionFiles, { file, token, done })
  tools.counters.increment('http.ignition')
  const text = node.liveIgnition.replaceAll(tokenPlaceholder, token)
  return sendText(
    exchange,
    tools,
    text,
    (outcome) => {
      done(outcome)
      const facts = { node: node.key, client, file: 'live.ign', ...outcome }
      log[exchange.isHead ? 'debug' : 'info'](facts, 'Ignition file served')
    },
    ignitionType,
  )
}

/** An initramfs that holds an Ignition file, for the node that boots it. `send` is called when it may be read. */
export function sendSecretImage(
  exchange: Exchange,
  tools: Tools,
  installs: Pick<Installs, 'mayRead'>,
  { node, token }: Pick<SecretRequest, 'node' | 'token'>,
  send: () => Promise<FastifyReply>,
): FastifyReply | Promise<FastifyReply> {
  const permission = installs.mayRead(node.key, token, exchange.address, 'initramfs')
  return permission.kind === 'allowed' ? send() : refuseReader(exchange, tools, node, permission)
}

/** By the URL that has no token, whoever asks: it is in the folder of an image, beside what everybody may read. */
export function refuseSecretImage(exchange: Exchange, { log, counters }: Tools, file: string): FastifyReply {
  const { reply, node, client } = exchange
  counters.increment('http.ignitionRefused')
  log.warn({ node, client, file, reason: 'it holds keys, and the URL has no token' }, 'image file refused')
  return refuse(reply, { status: 403, sentence: closed })
}

function refuseReader(
  { reply, client }: Exchange,
  { log, counters }: Tools,
  { key }: BootEntry,
  { reason }: Extract<Permission, { kind: 'refused' }>,
): FastifyReply {
  counters.increment('http.ignitionRefused')
  log.warn({ node: key, client, reason }, 'Ignition file refused')
  return refuse(reply, { status: 403, sentence: closed })
}

/** Its word is kept before it is answered; what cannot be kept is an error, and the node says it again. */
export function takeCallback(
  { reply, client, address }: Exchange,
  { log, counters }: Tools,
  installs: Pick<Installs, 'callback'>,
  { key }: BootEntry,
  token: string,
  stage: CallbackStage,
): FastifyReply {
  const permission = installs.callback(key, stage, token, { address, client })
  if (permission.kind === 'refused') {
    counters.increment('http.callbacksRefused')
    log.warn({ node: key, client, stage, reason: permission.reason }, 'callback refused')
    return refuse(reply, { status: 403, sentence: closed })
  }
  counters.increment('http.callbacks')
  log.info({ node: key, client, stage }, 'callback taken')
  return reply.code(204).send()
}

/** For the log: the path without what it opens. */
export function withoutToken(path: string): string {
  return path.replace(/^(\/+boot\/+[^/]*\/+[^/]*\/+)[^/]*(\/.*)$/, '$1…$2')
}
