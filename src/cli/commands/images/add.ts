/** `slipway images add SOURCE`: downloads the images of a stream document, and prints lines for the site file. */
import { mkdir, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { addImages, type Added, type Addition } from '../../../images/fetch.ts'
import { ImageProblem, reasonOf } from '../../../images/codes.ts'
import { fileProblem } from '../../../text/file-problem.ts'
import { readPublicKeys } from '../../../images/signature.ts'
import { requireName } from '../../../images/store.ts'
import { imageOf, readDocument, type RemoteImage, type StreamDocument } from '../../../images/stream.ts'
import { createWeb, readBody, type Web } from '../../../images/web.ts'
import { architectures, type Architecture } from '../../../site/schema.ts'
import { ExitCode, UsageError } from '../../command.ts'
import { type ImagesCall, showProgress } from './call.ts'

/** A real stream document has a few tens of kilobytes. */
const maxDocumentBytes = 8 * 1024 * 1024

export async function addImage({ store, values, positionals, terminal, world }: ImagesCall): Promise<number> {
  const [source, ...more] = positionals
  if (source === undefined || more.length > 0) throw new UsageError('expected one stream document')
  const wanted = [...new Set(values.arch ?? ['x86_64'])].map(architectureNamed)
  const optionalFiles = { iso: values.iso === true, metal: values.metal === true }
  const web = webOf(world)
  const progress = showProgress(terminal, world.clock, 'verified')
  let added: readonly Added[]
  try {
    const document = readDocument(await readSource(source, web, world), values.stream)
    if (document.choice !== undefined) terminal.out(choiceLine(document.choice))
    const found = wanted.map((architecture) => imageOf(document, architecture, optionalFiles))
    const additions = found.map((image) => ({ name: nameOf(image, values.name, found.length > 1), image }))
    for (const { name } of additions) requireName(name)
    await createStore(store)
    const keys = await readPublicKeys(values.key ?? [])
    const tools = { web, clock: world.clock, watch: progress.watch, source, keys }
    added = await addImages(store, additions, tools)
  } finally {
    progress.end()
    web.close()
  }
  for (const { name, outcome } of added) {
    if (outcome === 'there') terminal.out(`${name} already exists`)
  }
  for (const line of siteLines(store, added)) terminal.out(line)
  return ExitCode.fine
}

function choiceLine({ taken, others }: NonNullable<StreamDocument['choice']>): string {
  return `stream ${taken ?? '(default)'}; the document also has ${others.join(', ')}, which you can choose with --stream`
}

function architectureNamed(text: string): Architecture {
  const found = architectures.find((each) => each === text)
  if (found === undefined) throw new UsageError(`--arch: expected one of ${architectures.join(', ')}`)
  return found
}

function webOf({ environment, clock }: ImagesCall['world']): Web {
  try {
    return createWeb(environment, clock)
  } catch (error) {
    throw new ImageProblem(
      'image.proxy-invalid',
      `invalid proxy in HTTP_PROXY or HTTPS_PROXY: ${reasonOf(error)}`,
    )
  }
}

async function readSource(source: string, web: Web, { stdin, clock }: ImagesCall['world']): Promise<string> {
  try {
    if (/^https?:/i.test(source))
      return (await readBody(web, source, maxDocumentBytes, clock)).toString('utf8')
    if (source === '-') return await readAll(stdin)
    return await readFile(source, 'utf8')
  } catch (error) {
    throw new ImageProblem(
      'image.stream-unreadable',
      fileProblem('read', `the stream document ${source}`, error),
    )
  }
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** Returns PRODUCT-RELEASE: the product comes from the file names (`rhcos-…`, `fedora-coreos-…`), or else from the stream. */
function nameOf(
  { stream, release, architecture, files }: RemoteImage,
  given: string | undefined,
  isOneOfSeveral: boolean,
): string {
  const product = /^([a-z]+(?:-[a-z]+)*)-\d/.exec(files[0]?.name ?? '')?.[1] ?? stream
  const name = given ?? `${product}-${release}`
  return isOneOfSeveral ? `${name}-${architecture}` : name
}

async function createStore(store: string): Promise<void> {
  try {
    await mkdir(store, { recursive: true })
  } catch (error) {
    throw new ImageProblem('image.write-failed', fileProblem('write', store, error))
  }
}

function siteLines(store: string, additions: readonly Addition[]): string[] {
  const entries = additions.map(({ name, image: { architecture } }) => {
    const other = architecture === 'x86_64' ? '' : `, architecture: ${architecture}`
    return `  ${name}: { dir: ${resolve(store, name)}${other} }`
  })
  return ['', 'Lines for the site file:', '', 'images:', ...entries]
}
