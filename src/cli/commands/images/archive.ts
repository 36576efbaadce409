/** `slipway images export` and `import`: one archive for sites without internet access. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { exportImages } from '../../../images/export.ts'
import { importImages } from '../../../images/import.ts'
import { ImageProblem, reasonOf } from '../../../images/problem.ts'
import { requireStored } from '../../../images/store.ts'
import { formatBytes } from '../../../text/format.ts'
import { ExitCode, UsageError } from '../../command.ts'
import type { ImagesCall } from './call.ts'
import { showProgress } from './progress.ts'

export async function exportImage({ store, positionals, terminal, world }: ImagesCall): Promise<number> {
  const names = positionals.slice(0, -1)
  const file = positionals.at(-1)
  if (file === undefined || names.length === 0) {
    throw new UsageError('export: expected the names of images, then a file')
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

export async function importImage({ store, positionals, terminal, world }: ImagesCall): Promise<number> {
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new UsageError('import: expected one archive')
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
    throw new ImageProblem(`cannot read ${file}: ${reasonOf(error)}`)
  }
}
