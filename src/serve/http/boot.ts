/** What a node is given to boot: its scripts as compiled, loaders and Ignition files byte for byte as they are on the disk. */
import { readFile } from 'node:fs/promises'
import type { FastifyReply } from 'fastify'
import type { BootScript, IgnitionFile, WholeFile } from '../../plan/http.ts'
import type { Exchange, Tools } from './exchange.ts'
import { refuse, unreadable, type Refusal } from './refusal.ts'
import { watchAnswer, wholeOf } from './transfer.ts'

/** @param path of the request; the log's `file`, as scripts are files only here */
export function sendScript(
  { reply, client, isHead }: Exchange,
  { log, counters, clock }: Tools,
  path: string,
  { body, node, boot }: BootScript,
): FastifyReply {
  counters.increment('http.scripts')
  watchAnswer(reply, clock, wholeOf(Buffer.byteLength(body)), ({ octets, aborted }) => {
    const facts = { node, client, file: path, boot, octets, aborted }
    log[isHead ? 'debug' : 'info'](facts, 'boot script served')
  })
  return reply.header('cache-control', 'no-store').type('text/plain; charset=utf-8').send(body)
}

/** Whose file it is follows from its path. */
export function sendIgnition(exchange: Exchange, tools: Tools, file: IgnitionFile): Promise<FastifyReply> {
  return sendWhole({ ...exchange, node: file.node }, tools, file, {
    counter: 'http.ignition',
    type: 'application/vnd.coreos.ignition+json',
    served: 'Ignition file served',
    refused: 'Ignition file cannot be served',
  })
}

/** UEFI HTTP Boot asks for the length (HEAD) before it fetches, and goes by the type (UEFI 2.10 §24.7). */
export function sendLoader(exchange: Exchange, tools: Tools, file: WholeFile): Promise<FastifyReply> {
  return sendWhole(exchange, tools, file, {
    counter: 'http.loaders',
    type: 'application/efi',
    served: 'boot loader served',
    refused: 'boot loader cannot be served',
  })
}

type Manner = {
  readonly counter: string
  /** The media type. */
  readonly type: string
  /** Messages of the log. */
  readonly served: string
  readonly refused: string
}

/** Small enough to be read at once, so that its length is known and it never ends before its time. */
async function sendWhole(
  { reply, client, node, isHead }: Exchange,
  { log, counters, clock }: Tools,
  { file, problem }: WholeFile,
  manner: Manner,
): Promise<FastifyReply> {
  const refused = (refusal: Refusal): FastifyReply => {
    counters.increment('http.unreadable')
    const facts = { node, client, file, reason: refusal.sentence }
    // A stranger who guesses names is no fault of the site.
    log[node === undefined ? 'debug' : 'error'](facts, manner.refused)
    return refuse(reply, refusal)
  }
  if (problem !== undefined) return refused({ status: 404, sentence: problem })
  let content: Buffer
  try {
    content = await readFile(file)
  } catch (error) {
    return refused(unreadable(error, file))
  }
  counters.increment(manner.counter)
  watchAnswer(reply, clock, wholeOf(content.length), ({ octets, durationMs, aborted }) => {
    const facts = { node, client, file, octets, durationMs, aborted }
    log[isHead ? 'debug' : 'info'](facts, manner.served)
  })
  return reply.header('cache-control', 'no-store').type(manner.type).send(content)
}
