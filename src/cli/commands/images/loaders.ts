/** `slipway images loaders`: copies the signed boot loaders of a live ISO into an image. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ImageProblem } from '../../../images/codes.ts'
import { copyLoaders } from '../../../images/loaders.ts'
import { requireStored } from '../../../images/store.ts'
import { signatureText } from '../../../plan/loader-signature.ts'
import { ExitCode, UsageError } from '../../command.ts'
import type { ImagesCall } from './call.ts'

export async function copyImageLoaders({ store, positionals, terminal }: ImagesCall): Promise<number> {
  const [name, iso, ...more] = positionals
  if (name === undefined || more.length > 0) {
    throw new UsageError('expected the name of an image, and optionally a live ISO')
  }
  const { dir } = await requireStored(store, name)
  const { directory, names, signatures } = await copyLoaders(iso ?? (await isoIn(dir)), dir)
  terminal.out(`${name}: copied ${names.join(', ')} (EFI/${directory}) to ${dir}`)
  for (const [loader, signature] of signatures) terminal.out(`${loader}: ${signatureText(signature)}`)
  terminal.out('set `loader: auto` for nodes with Secure Boot')
  return ExitCode.fine
}

/** Returns the live ISO that was downloaded with the image. */
async function isoIn(dir: string): Promise<string> {
  const [iso, ...others] = (await readdir(dir)).filter((name) => name.endsWith('.iso'))
  if (iso !== undefined && others.length === 0) return join(dir, iso)
  const found = iso === undefined ? 'no ISO' : 'several ISOs'
  throw new ImageProblem('image.loaders-missing', `${dir} has ${found}: name the live ISO of the release`)
}
