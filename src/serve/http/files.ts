/**
 * The files of the administrator below /files: directories and files for every client, and templates, which only the node
 * gets that they are rendered for. Symbolic links are resolved first: a link never leads out of its directory, and nothing
 * that the site declares as secret is served.
 */
import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { FastifyReply } from 'fastify'
import type { ReadNeighbor } from '../../host/neighbors.ts'
import { renderedKey, type FilesPlan, type RenderedFile } from '../../plan/files/compile.ts'
import { isWithin } from '../../plan/files/protected.ts'
import type { HttpCode } from './codes.ts'
import { sendImage, type FileLabels, type ImageSources } from './images.ts'
import { checkLiveNeighbor, type Exchange, type Tools } from './request-context.ts'
import { missingFile, refuse, sendText, unreadable, type Refusal } from './response.ts'

const labels: FileLabels = {
  counter: 'http.files',
  served: 'file served',
  refused: 'file cannot be served',
}

type Requested = {
  /** Below /files, decoded. */
  readonly path: string
  /** A client on this machine can name the node whose file it wants to see. */
  readonly node?: string
}

/** Sends a file, or refuses it. */
export async function sendServedFile(
  exchange: Exchange,
  tools: Tools,
  sources: ImageSources,
  { path, node: named }: Requested,
  readNeighbor: ReadNeighbor,
): Promise<FastifyReply> {
  const { files } = exchange.plan
  if (files === undefined || !isPlainPath(path)) return notFound(exchange)
  const node = exchange.isLocal && named !== undefined ? named : exchange.node
  const rendered = node === undefined ? undefined : files.rendered.get(renderedKey(node, path))
  if (node !== undefined && rendered !== undefined) {
    return sendRendered(exchange, tools, readNeighbor, { node, path, rendered })
  }
  const source = await findShared(files, path)
  if (source === undefined) {
    return files.templates.has(path) ? refuseFile(exchange, tools, path, notForClient) : notFound(exchange)
  }
  if ('sentence' in source) return refuseFile(exchange, tools, path, source)
  const directory = { dir: dirname(source.file), files: new Map(), secrets: new Set<string>() }
  return sendImage(exchange, tools, sources, directory, basename(source.file), labels)
}

function notFound({ reply }: Exchange): FastifyReply {
  reply.callNotFound()
  return reply
}

/** Accepts no empty parts, no dotfiles, and so no `..`. */
function isPlainPath(path: string): boolean {
  return !path.includes('\0') && path.split('/').every((part) => part !== '' && !part.startsWith('.'))
}

/** Returns the file without symbolic links, or why it is not served; nothing if no entry has this path. */
async function findShared(
  { shared, protectedPaths }: FilesPlan,
  path: string,
): Promise<{ readonly file: string } | Refusal | undefined> {
  const found = sourceOf(shared, path)
  if (found === undefined) return undefined
  const { file, dir } = found
  try {
    const [real, root] = await Promise.all([realpath(file), dir === undefined ? undefined : realpath(dir)])
    if (root !== undefined && !isWithin(real, [root])) return guarded(file, `${file} leads out of ${root}`)
    if (isWithin(real, protectedPaths))
      return guarded(file, `${real} contains secrets, images, or a template`)
    const { mode } = await stat(real)
    // A file that other users of this machine cannot read is not for every client on the network.
    return (mode & 0o004) === 0 ? unreadable({ code: 'EACCES' }, file) : { file: real }
  } catch (error) {
    return unreadable(error, file)
  }
}

/** Finds the entry with this path, or the directory with the longest path around it. */
function sourceOf(
  shared: FilesPlan['shared'],
  path: string,
): { readonly file: string; readonly dir?: string } | undefined {
  const exact = shared.get(path)
  if (exact?.kind === 'file') return { file: exact.file }
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const entry = shared.get(path.slice(0, end))
    if (entry?.kind === 'dir') return { dir: entry.dir, file: join(entry.dir, path.slice(end + 1)) }
  }
  return undefined
}

function guarded(path: string, detail: string): Refusal {
  const { sentence } = missingFile(path, detail)
  return { status: 403, code: 'http.file-protected', sentence, detail }
}

const notForClient: Refusal = {
  status: 403,
  code: 'http.file-not-for-client',
  sentence:
    'this file is rendered for each declared node, and the address of this client is not that of a node',
}

type ForNode = { readonly node: string; readonly path: string; readonly rendered: RenderedFile }

async function sendRendered(
  exchange: Exchange,
  tools: Tools,
  readNeighbor: ReadNeighbor,
  { node, path, rendered }: ForNode,
): Promise<FastifyReply> {
  const { plan, client, isHead } = exchange
  const entry = plan.nodes.get(node)
  const mismatch = entry && (await checkLiveNeighbor(exchange, entry, readNeighbor))
  if (mismatch !== undefined) {
    const { code, sentence, reason: detail } = mismatch
    return refuseFile(exchange, tools, path, { status: 403, code, sentence, detail })
  }
  const { file, problem } = rendered
  if (problem !== undefined) return refuseFile(exchange, tools, path, missingFile(file, problem))
  tools.counters.increment(labels.counter)
  return sendText(exchange, tools, rendered.text, ({ octets, durationMs, aborted }) => {
    tools.log[isHead ? 'debug' : 'info']({ node, client, file, octets, durationMs, aborted }, labels.served)
  })
}

function refuseFile(
  { reply, node, client, isLocal }: Exchange,
  { log, counters }: Tools,
  path: string,
  refusal: Refusal,
): FastifyReply {
  const { code, sentence, detail = sentence }: { code: HttpCode; sentence: string; detail?: string } = refusal
  counters.increment('http.filesRefused')
  counters.refuse(code)
  const facts = { node, client, file: `/files/${path}`, code, reason: detail }
  // An undeclared client that guesses names is not an error of the site.
  log[node === undefined ? 'debug' : 'error'](facts, labels.refused)
  return refuse(reply, isLocal ? { ...refusal, sentence: detail } : refusal)
}
