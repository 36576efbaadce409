/** What a node is given to boot: its scripts as compiled, its Ignition files byte for byte as they are on the disk. */
import { readFile } from 'node:fs/promises'
import type { FastifyReply } from 'fastify'
import type { BootScript, IgnitionFile } from '../../plan/http.ts'
import type { Exchange, Tools } from './exchange.ts'
import { refuse, unreadable, type Refusal } from './refusal.ts'
import { watchAnswer } from './transfer.ts'

/** @param path of the request; the log's `file`, as scripts are files only here */
export function sendScript(
  { reply, client, isHead }: Exchange,
  { log, counters, clock }: Tools,
  path: string,
  { body, node, boot }: BootScript,
): FastifyReply {
  counters.increment('http.scripts')
  watchAnswer(reply, clock, Buffer.byteLength(body), ({ octets, aborted }) => {
    const facts = { node, client, file: path, boot, octets, aborted }
    log[isHead ? 'debug' : 'info'](facts, 'boot script served')
  })
  return reply.header('cache-control', 'no-store').type('text/plain; charset=utf-8').send(body)
}

export async function sendIgnition(
  { reply, client, isHead }: Exchange,
  { log, counters, clock }: Tools,
  { file, node, problem }: IgnitionFile,
): Promise<FastifyReply> {
  const refused = (refusal: Refusal): FastifyReply => {
    counters.increment('http.unreadable')
    log.error({ node, client, file, reason: refusal.sentence }, 'Ignition file cannot be served')
    return refuse(reply, refusal)
  }
  if (problem !== undefined) return refused({ status: 404, sentence: problem })
  let content: Buffer
  try {
    content = await readFile(file)
  } catch (error) {
    return refused(unreadable(error, file))
  }
  counters.increment('http.ignition')
  watchAnswer(reply, clock, content.length, ({ octets, durationMs, aborted }) => {
    const facts = { node, client, file, octets, durationMs, aborted }
    log[isHead ? 'debug' : 'info'](facts, 'Ignition file served')
  })
  return reply.header('cache-control', 'no-store').type('application/vnd.coreos.ignition+json').send(content)
}
