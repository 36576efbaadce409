/** `slipway images list`, `verify`, and `remove`. */
import { realpath } from 'node:fs/promises'
import { ImageProblem } from '../../../images/codes.ts'
import {
  readStore,
  readStored,
  removeImage,
  requireName,
  requireStored,
  type StoredImage,
} from '../../../images/store.ts'
import { verifyImage, type Integrity } from '../../../images/manifest.ts'
import { readPublicKeys, type PublicKeys, type Signing } from '../../../images/signature.ts'
import { explain, loadSiteFile } from '../../../site-file.ts'
import { formatBytes } from '../../../text/format.ts'
import { ExitCode, UsageError } from '../../command.ts'
import { type ImagesCall, showProgress } from './call.ts'
import { alignColumns } from '../../../text/lines.ts'

export async function listImages({ store, values, positionals, terminal }: ImagesCall): Promise<number> {
  if (positionals.length > 0) throw new UsageError('expected no arguments')
  const users = values.site === undefined ? undefined : await usersOf(values.site)
  const { images, unfinished } = await readStore(store)
  const rows = await Promise.all(images.map((image) => described(image, users)))
  if (values.json === true) {
    terminal.out(JSON.stringify({ store, images: rows, unfinished }, undefined, 2))
    return ExitCode.fine
  }
  if (images.length === 0) terminal.out(`no images in ${store}`)
  else for (const line of alignColumns([headings(users), ...rows.map(rowOf)])) terminal.out(`  ${line}`)
  for (const { name, octets } of unfinished) {
    terminal.out(`${name} is incomplete (${formatBytes(octets)}): add it again to resume, or remove it`)
  }
  for (const { problem } of images) if (problem !== undefined) terminal.err(problem)
  return ExitCode.fine
}

export async function verifyImages({
  store,
  values,
  positionals,
  terminal,
  world,
}: ImagesCall): Promise<number> {
  const images =
    positionals.length === 0
      ? (await readStore(store)).images
      : await Promise.all([...new Set(positionals)].map((name) => requireStored(store, name)))
  const progress = showProgress(terminal, world.clock, 'verified')
  const manifests = images.flatMap(({ manifest }) => manifest ?? [])
  const octets = manifests.flatMap(({ files }) => files).reduce((sum, file) => sum + file.octets, 0)
  const isQuiet = values.json === true
  if (!isQuiet) progress.watch({ kind: 'total', octets })
  const keys = await readPublicKeys(values.key ?? [])
  const results: (Integrity & { readonly name: string })[] = []
  for (const image of images) {
    results.push({
      name: image.name,
      ...(await verifyImage(image, isQuiet ? () => undefined : progress.watch, keys)),
    })
  }
  progress.end()
  if (isQuiet) terminal.out(JSON.stringify(results, undefined, 2))
  else for (const result of results) printIntegrity(result, terminal)
  return results.some((each) => isBad(each, keys)) ? ExitCode.problems : ExitCode.fine
}

export async function removeImages({ store, values, positionals, terminal }: ImagesCall): Promise<number> {
  if (positionals.length === 0) throw new UsageError('expected the names of images')
  const users = values.site === undefined ? undefined : await usersOf(values.site)
  const names = [...new Set(positionals)]
  // All or none: a refused name must not leave some of the others removed.
  for (const name of names) {
    requireName(name)
    const image = await readStored(store, name)
    const by = image === undefined ? [] : await usedBy(image, users)
    if (by.length > 0 && values.force !== true) {
      throw new ImageProblem(
        'image.in-use',
        `the site uses ${name} as ${by.join(', ')}; --force removes it anyway`,
      )
    }
  }
  for (const name of names) {
    if (!(await removeImage(store, name)))
      throw new ImageProblem(
        'image.not-stored',
        `${store} does not contain ${name}; list the images with "slipway images list"`,
      )
    terminal.out(`${name} removed`)
  }
  return ExitCode.fine
}

/** With given keys, an image without a valid signature is bad, too. */
function isBad(result: Integrity, keys: PublicKeys | undefined): boolean {
  if (result.kind !== 'whole') return result.kind === 'damaged' || keys?.isGiven === true
  const { kind } = result.signing
  return kind === 'wrong' || (kind === 'not-verified' && keys?.isGiven === true)
}

function printIntegrity(
  result: Integrity & { readonly name: string },
  terminal: ImagesCall['terminal'],
): void {
  const { name } = result
  switch (result.kind) {
    case 'whole':
      terminal.out(`${name} is intact${signedText(result.signing)}`)
      if (result.signing.kind === 'wrong') {
        for (const problem of result.signing.problems) terminal.err(`${name} is not authentic: ${problem}`)
        terminal.err(`next: do not boot ${name}; add it again with a stream document of its publisher`)
      }
      break
    case 'unknown':
      terminal.out(`${name} was copied there by hand: its checksums are unknown`)
      break
    case 'damaged':
      for (const problem of result.problems) terminal.err(`${name} is damaged: ${problem}`)
      terminal.err(`next: add ${name} again with "slipway images add"`)
  }
}

function signedText(signing: Signing): string {
  switch (signing.kind) {
    case 'signed':
      return `, signed with ${signing.keys.join(' and ')}`
    case 'not-verified':
      return `, signatures not verified: ${signing.reason}`
    case 'wrong':
      return ', but its signature is wrong'
  }
}

/** Names of images in the site, by their directory. */
type Users = ReadonlyMap<string, readonly string[]>

async function usersOf(sitePath: string): Promise<Users> {
  const loaded = await loadSiteFile(sitePath)
  if (loaded.kind !== 'site') throw new ImageProblem('image.site-invalid', explain(loaded).join('\n'))
  const users = new Map<string, string[]>()
  for (const [name, { dir }] of Object.entries(loaded.site.images)) {
    const real = await realOf(dir)
    users.set(real, [...(users.get(real) ?? []), name])
  }
  return users
}

async function usedBy({ dir }: StoredImage, users: Users | undefined): Promise<readonly string[]> {
  return users?.get(await realOf(dir)) ?? []
}

function realOf(dir: string): Promise<string> {
  return realpath(dir).catch(() => dir)
}

type Described = {
  readonly name: string
  readonly release: string | undefined
  readonly architecture: string | undefined
  readonly style: string | undefined
  readonly octets: number
  readonly added: string
  readonly byHand: boolean
  /** Absent without --site. */
  readonly usedBy?: readonly string[]
}

async function described(image: StoredImage, users: Users | undefined): Promise<Described> {
  const { name, manifest, architecture, style, octets, addedMs } = image
  const added = new Date(addedMs).toISOString()
  const common = {
    name,
    release: manifest?.release,
    architecture,
    style,
    octets,
    added,
    byHand: manifest === undefined,
  }
  return users === undefined ? common : { ...common, usedBy: await usedBy(image, users) }
}

function headings(users: Users | undefined): string[] {
  const common = ['name', 'release', 'architecture', 'style', 'size', 'added']
  return users === undefined ? common : [...common, 'used as']
}

function rowOf({ name, release, architecture, style, octets, added, byHand, usedBy }: Described): string[] {
  const day = `${added.slice(0, 10)}${byHand ? ', by hand' : ''}`
  const common = [name, release ?? '-', architecture ?? '-', style ?? '-', formatBytes(octets), day]
  return usedBy === undefined ? common : [...common, usedBy.join(', ') || '-']
}
