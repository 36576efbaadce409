/**
 * `slipway images …`: downloads, verifies, and removes images, and moves them in archives to sites without internet access.
 */
import { systemClock } from '../../../host/clock.ts'
import { ImageProblem, withRemedy } from '../../../images/codes.ts'
import { fileProblem } from '../../../text/file-problem.ts'
import { didYouMean } from '../../../text/nearest.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../../command.ts'
import { addImage } from './add.ts'
import { copyImageLoaders } from './loaders.ts'
import { imagesHelp, imagesHelps } from './help.ts'
import {
  parseImagesArguments,
  type ImagesCall,
  type ImagesOption,
  type ImagesWorld,
  showProgress,
} from './call.ts'
import { listImages, removeImages, verifyImages } from './store.ts'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { exportImages } from '../../../images/export.ts'
import { importImages } from '../../../images/import.ts'
import { requireStored } from '../../../images/store.ts'
import { formatBytes } from '../../../text/format.ts'

type Subcommand = {
  readonly takes: readonly ImagesOption[]
  /** @returns an exit code */
  readonly run: (call: ImagesCall) => Promise<number>
}

const subcommands: Readonly<Record<string, Subcommand>> = {
  add: { takes: ['dir', 'name', 'arch', 'stream', 'iso', 'metal', 'key'], run: addImage },
  list: { takes: ['dir', 'site', 'json'], run: listImages },
  verify: { takes: ['dir', 'json', 'key'], run: verifyImages },
  remove: { takes: ['dir', 'site', 'force'], run: removeImages },
  export: { takes: ['dir'], run: exportImage },
  import: { takes: ['dir'], run: importImage },
  loaders: { takes: ['dir'], run: copyImageLoaders },
}

export const images: Command = {
  name: 'images',
  help: imagesHelp,
  helps: imagesHelps,

  run: (args, terminal) =>
    runImages(args, terminal, { clock: systemClock, environment: process.env, stdin: process.stdin }),
}

export async function runImages(
  args: readonly string[],
  terminal: Terminal,
  world: ImagesWorld,
): Promise<number> {
  const { values, positionals } = parseImagesArguments(args)
  const [name, ...rest] = positionals
  const known = Object.keys(subcommands)
  const subcommand = known.includes(name ?? '') ? subcommands[name as string] : undefined
  if (subcommand === undefined) {
    if (name === undefined) throw new UsageError(`expected one of ${known.join(', ')}`)
    throw new UsageError(`unknown command ${JSON.stringify(name)}${didYouMean(name, known)}`)
  }
  const foreign = (Object.keys(values) as ImagesOption[]).find((option) => !subcommand.takes.includes(option))
  if (foreign !== undefined) throw new UsageError(`--${foreign} does not apply to ${name as string}`)
  const state = world.environment['STATE_DIRECTORY'] ?? '/var/lib/slipway'
  const store = values.dir ?? `${state}/images`
  try {
    return await subcommand.run({ store, values, positionals: rest, terminal, world })
  } catch (error) {
    if (!(error instanceof ImageProblem)) throw error
    if (values.json === true)
      terminal.out(JSON.stringify({ code: error.code, error: error.message }, undefined, 2))
    terminal.err(`slipway images: ${withRemedy(error)}`)
    return ExitCode.problems
  }
}

async function exportImage({ store, positionals, terminal, world }: ImagesCall): Promise<number> {
  const names = positionals.slice(0, -1)
  const file = positionals.at(-1)
  if (file === undefined || names.length === 0) {
    throw new UsageError('expected the names of images, then a file')
  }
  const images = []
  for (const name of new Set(names)) images.push(await requireStored(store, name))
  const progress = showProgress(terminal, world.clock, 'packed')
  try {
    const { octets, hasSecrets } = await exportImages(images, file, progress.watch)
    progress.end()
    terminal.out(`${file}: ${formatBytes(octets)}; unpack it with "slipway images import"`)
    if (hasSecrets) terminal.err('the archive contains private keys of a cluster; only its owner can read it')
  } finally {
    progress.end()
  }
  return ExitCode.fine
}

async function importImage({ store, positionals, terminal, world }: ImagesCall): Promise<number> {
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new UsageError('expected one archive')
  const progress = showProgress(terminal, world.clock, 'verified')
  try {
    const archive = file === '-' ? world.stdin : await opened(file)
    if (file !== '-') progress.watch({ kind: 'total', octets: (await stat(file)).size })
    const imported = await importImages(store, archive, progress.watch)
    progress.end()
    for (const { name, outcome } of imported) {
      terminal.out(outcome === 'there' ? `${name} already exists` : `${name} imported into ${store}`)
    }
  } finally {
    progress.end()
  }
  return ExitCode.fine
}

async function opened(file: string): Promise<AsyncIterable<Uint8Array>> {
  try {
    await stat(file)
    return createReadStream(file, { highWaterMark: 1024 * 1024 })
  } catch (error) {
    throw new ImageProblem('image.archive-unreadable', fileProblem('read', file, error))
  }
}
