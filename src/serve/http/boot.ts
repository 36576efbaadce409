/** What a node is given to boot: its menu as compiled, loaders and Ignition files as they are on the disk. */
import { readFile } from 'node:fs/promises'
import type { FastifyReply } from 'fastify'
import type { BootScript, IgnitionFile, WholeFile } from '../../plan/http.ts'
import type { IgnitionFiles } from '../../plan/ignition/document.ts'
import { wrapIgnition } from '../../plan/ignition/wrapper.ts'
import { tokenPlaceholder } from '../../plan/urls.ts'
import type { Exchange, Tools } from './request-context.ts'
import { refuse, unreadable, type Refusal } from './error-response.ts'
import { watchAnswer, wholeOf, type Outcome } from './transfer.ts'

/** Text that was made for one request. */
export function sendText(
  { reply }: Exchange,
  { clock }: Tools,
  text: string,
  done: (outcome: Outcome) => void,
  type = 'text/plain; charset=utf-8',
): FastifyReply {
  watchAnswer(reply, clock, wholeOf(Buffer.byteLength(text)), done)
  return reply.header('cache-control', 'no-store').type(type).send(text)
}

/** The menu: the same for everybody, at any time. @param path of the request; the log's `file` */
export function sendScript(exchange: Exchange, tools: Tools, path: string, script: BootScript): FastifyReply {
  const { client, isHead } = exchange
  const { node, boot } = script
  tools.counters.increment('http.scripts')
  return sendText(exchange, tools, script.body, ({ octets, aborted }) => {
    const facts = { node, client, file: path, boot, octets, aborted }
    tools.log[isHead ? 'debug' : 'info'](facts, 'boot script served')
  })
}

export const ignitionType = 'application/vnd.coreos.ignition+json'

/**
 * Whose file it is follows from its path. What is on the disk now is sent, byte for byte; with what the site adds, a
 * wrapper around it.
 */
export function sendIgnition(
  exchange: Exchange,
  tools: Tools,
  files: IgnitionFiles,
  { file, token, done }: { file: IgnitionFile; token: string; done: (outcome: Outcome) => void },
): Promise<FastifyReply> {
  const read = async (): Promise<Uint8Array | Refusal> => {
    const found = await files.read(file.file)
    if (found.kind === 'unreadable') return { status: 404, sentence: found.problem }
    const { octets, version } = found.document
    if (file.additions === undefined) return octets
    return Buffer.from(wrapIgnition(octets, version, file.additions).replaceAll(tokenPlaceholder, token))
  }
  return sendWhole({ ...exchange, node: file.node }, tools, file, {
    read,
    counter: 'http.ignition',
    type: ignitionType,
    done,
    served: 'Ignition file served',
    refused: 'Ignition file cannot be served',
  })
}

/** UEFI HTTP Boot asks for the length (HEAD) before it fetches, and goes by the type (UEFI 2.10 §24.7). */
export function sendLoader(
  exchange: Exchange,
  tools: Tools,
  file: WholeFile,
  name: string,
): Promise<FastifyReply> {
  const { node, isHead } = exchange
  const report = (outcome: 'sent' | 'aborted' | 'probed' | 'missing', octets: number, durationMs: number) => {
    if (node === undefined) return
    tools.observe({ node, kind: 'loader', file: name, by: 'http', outcome, octets, durationMs })
  }
  if (file.problem !== undefined) report('missing', 0, 0)
  return sendWhole(exchange, tools, file, {
    read: () => readFile(file.file).catch((error: unknown) => unreadable(error, file.file)),
    counter: 'http.loaders',
    type: 'application/efi',
    done: ({ octets, durationMs, aborted }) =>
      report(isHead ? 'probed' : aborted ? 'aborted' : 'sent', isHead ? 0 : octets, durationMs),
    served: 'boot loader served',
    refused: 'boot loader cannot be served',
  })
}

type ServeOptions = {
  /** Never rejects. */
  readonly read: () => Promise<Uint8Array | Refusal>
  readonly counter: string
  /** The media type. */
  readonly type: string
  readonly done: (outcome: Outcome) => void
  /** Messages of the log. */
  readonly served: string
  readonly refused: string
}

/** Small enough to be read at once, so that its length is known and it never ends before its time. */
async function sendWhole(
  { reply, client, node, isHead }: Exchange,
  { log, counters, clock }: Tools,
  { file, problem }: WholeFile,
  manner: ServeOptions,
): Promise<FastifyReply> {
  const refused = (refusal: Refusal): FastifyReply => {
    counters.increment('http.unreadable')
    const facts = { node, client, file, reason: refusal.sentence }
    // A stranger who guesses names is no fault of the site.
    log[node === undefined ? 'debug' : 'error'](facts, manner.refused)
    return refuse(reply, refusal)
  }
  if (problem !== undefined) return refused({ status: 404, sentence: problem })
  const content = await manner.read()
  if ('sentence' in content) return refused(content)
  counters.increment(manner.counter)
  watchAnswer(reply, clock, wholeOf(content.length), (outcome) => {
    const { octets, durationMs, aborted } = outcome
    manner.done(outcome)
    const facts = { node, client, file, octets, durationMs, aborted }
    log[isHead ? 'debug' : 'info'](facts, manner.served)
  })
  return reply
    .header('cache-control', 'no-store')
    .type(manner.type)
    .send(Buffer.from(content.buffer, content.byteOffset, content.length))
}
