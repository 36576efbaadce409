/** Finds the files of an image by the common parts of their names in all releases. */
import { readFile } from 'node:fs/promises'
import {
  signedLoaders,
  type FileFact,
  type FoundFile,
  type SignedLoader,
  type DeclaredImageFacts,
} from '../plan/facts.ts'
import {
  agentScriptPattern,
  agentPatterns,
  holdsSecrets,
  installerPatterns,
  livePatterns,
  otherArchitecture,
  styleOf,
  type ImageStyle,
  type NamePattern,
  agentArguments,
} from '../plan/image-files.ts'
import { maxLoaderBytes, readLoaderSignature, type LoaderSignature } from '../plan/loader-signature.ts'
import { systemPatterns } from '../plan/systems/images.ts'
import type { OtherSystem } from '../site/other-systems.ts'
import type { Image } from '../site/schema.ts'
import { defined } from '../text/defined.ts'
import { listFolder, missing, modifiedAt, openFile, readOpened, scanFile } from './file.ts'

type Key = 'kernel' | 'initramfs' | 'rootfs' | 'metal' | 'iso'

/** Signatures, checksums, and unfinished downloads. */
const ignored = /\.(?:sig|asc|gpg|sha256(?:sum)?|part|tmp)$/

/** An iPXE script has only a few lines. */
const maxScriptBytes = 64 * 1024

export async function scanImage(image: Image): Promise<DeclaredImageFacts> {
  const folder = await listFolder(image.dir)
  const names = folder.kind === 'listed' ? folder.names.filter((name) => !ignored.test(name)) : []
  const find = (key: Key, pattern: NamePattern): FileFact | Promise<FileFact> => {
    const named = image[key]
    if (named !== undefined) return namedFile(image, named)
    if (folder.kind === 'listed') return foundFile(image, key, pattern, names)
    const add = (image.os ?? 'rhcos') === 'rhcos' ? 'download them with "slipway images add", or ' : ''
    const problem = `${folder.problem}; ${add}put the files of the release there`
    return missing('image.folder-unreadable', image.dir, problem)
  }
  const secret = names.filter(holdsSecrets)
  const signed = await signedFiles(image, names)
  const secrets = defined({ secrets: secret.length === 0 ? undefined : new Set(secret), signed })
  const { os = 'rhcos' } = image
  if (os !== 'rhcos' && os !== 'fcos') {
    const { kernel, initramfs, download } = systemPatterns[os]
    return {
      ...secrets,
      style: 'system',
      os,
      kernel: await find('kernel', kernel),
      initramfs: await find('initramfs', initramfs),
      ...defined({ rootfs: download && (await systemDownload(image, os, download, names, find)) }),
    }
  }
  switch (intendedStyle(image, names)) {
    case 'live':
      return {
        ...secrets,
        style: 'live',
        kernel: await find('kernel', livePatterns.kernel),
        initramfs: await find('initramfs', livePatterns.initramfs),
        rootfs: await find('rootfs', livePatterns.rootfs),
        ...defined({ iso: await liveIso(image, names) }),
      }
    case 'installer':
      return {
        ...secrets,
        style: 'installer',
        kernel: await find('kernel', installerPatterns.kernel),
        initramfs: await find('initramfs', installerPatterns.initramfs),
        metal: await find('metal', installerPatterns.metal),
      }
    case 'agent': {
      const kernelArguments = await scriptArguments(image, names)
      const initramfs = await find('initramfs', agentPatterns.initramfs)
      const madeAt = initramfs.kind === 'found' ? await modifiedAt(initramfs.path) : undefined
      return {
        ...secrets,
        style: 'agent',
        kernel: await find('kernel', agentPatterns.kernel),
        initramfs,
        rootfs: await find('rootfs', agentPatterns.rootfs),
        ...defined({ kernelArguments, madeAt }),
      }
    }
  }
}

/** Finds what the installer downloads. Flatcar's downloads its disk image from a mirror if the directory has none. */
async function systemDownload(
  image: Image,
  os: OtherSystem,
  pattern: NamePattern,
  names: readonly string[],
  find: (key: Key, pattern: NamePattern) => FileFact | Promise<FileFact>,
): Promise<FileFact | undefined> {
  const isOptional = os === 'flatcar' && !names.some((name) => pattern.pattern.test(name))
  return isOptional ? undefined : find(image.iso === undefined ? 'rootfs' : 'iso', pattern)
}

/** Finds the signed boot loaders of the vendor beside the other files. */
async function signedFiles(
  { dir }: Image,
  names: readonly string[],
): Promise<ReadonlyMap<string, SignedLoader> | undefined> {
  const found = Object.entries(signedLoaders).map(async ([name, files]) => {
    const file = files.find((each) => names.includes(each))
    const fact = file === undefined ? undefined : await scanFile(`${dir}/${file}`, 'image.file-unreadable')
    if (fact?.kind !== 'found') return []
    return [[name, { ...fact, ...defined({ signature: await signatureOf(fact) }) }] as const]
  })
  const signed = new Map((await Promise.all(found)).flat())
  return signed.size === 0 ? undefined : signed
}

/** Returns nothing for a file that is too large, cannot be read, or is not a PE image. */
async function signatureOf({ path, octets }: FoundFile): Promise<LoaderSignature | undefined> {
  if (octets > maxLoaderBytes) return undefined
  const content = await readFile(path).catch(() => undefined)
  return content && readLoaderSignature(content)
}

/** Finds `…-live.x86_64.iso` (until 4.18) or `…-live-iso.x86_64.iso`, if there is exactly one. */
async function liveIso(
  { dir, architecture }: Image,
  names: readonly string[],
): Promise<FileFact | undefined> {
  const [name, ...others] = names.filter(
    (each) => /live.*\.iso$/.test(each) && otherArchitecture(each, architecture) === undefined,
  )
  if (name === undefined || others.length > 0) return undefined
  const iso = await scanFile(`${dir}/${name}`, 'image.file-unreadable')
  return iso.kind === 'found' ? iso : undefined
}

/** The names in the site decide, then the files in the directory. */
function intendedStyle(image: Image, names: readonly string[]): ImageStyle {
  const { kernel, initramfs, rootfs, metal } = image
  if (metal !== undefined) return 'installer'
  const named = [kernel, initramfs, rootfs].filter((name) => name !== undefined)
  if (styleOf(named) === 'agent') return 'agent'
  return rootfs === undefined ? (styleOf(names) ?? 'live') : 'live'
}

/** Reads the only script for this architecture, or of several the one that belongs to the named kernel. */
async function scriptArguments(
  { dir, architecture, kernel }: Image,
  names: readonly string[],
): Promise<string[] | undefined> {
  const scripts = names
    .filter(
      (name) => agentScriptPattern.pattern.test(name) && otherArchitecture(name, architecture) === undefined,
    )
    .filter((name, _, all) => all.length === 1 || kernel?.startsWith(name.replace(/\.ipxe$/, '')) === true)
  const [script] = scripts
  if (script === undefined || scripts.length > 1) return undefined
  const text = await readSmallText(`${dir}/${script}`)
  return text === undefined ? undefined : agentArguments(text)
}

/** Returns undefined for a file that cannot be read or is too large for a script. */
async function readSmallText(path: string): Promise<string | undefined> {
  try {
    const { file, octets } = await openFile(path)
    try {
      if (octets > maxScriptBytes) return undefined
      return new TextDecoder().decode(await readOpened(file, octets))
    } finally {
      await file.close()
    }
  } catch {
    return undefined
  }
}

function namedFile({ dir, architecture }: Image, name: string): FileFact | Promise<FileFact> {
  const path = `${dir}/${name}`
  const other = otherArchitecture(name, architecture)
  if (other === undefined) return scanFile(path, 'image.file-unreadable')
  return missing(
    'image.wrong-architecture',
    path,
    `${path} is for ${other}, but the image is for ${architecture}`,
  )
}

function foundFile(
  { dir, architecture }: Image,
  key: Key,
  { pattern, shown }: NamePattern,
  names: readonly string[],
): FileFact | Promise<FileFact> {
  const candidates = names.filter((name) => pattern.test(name))
  const matching = candidates.filter((name) => otherArchitecture(name, architecture) === undefined)
  const [first, ...others] = matching
  if (first !== undefined && others.length === 0) return scanFile(`${dir}/${first}`, 'image.file-unreadable')
  if (first !== undefined) {
    const problem = `several files in ${dir} can be the ${key} (${matching.join(', ')}): set ${key} in the image`
    return missing('image.file-ambiguous', dir, problem)
  }
  const found = candidates.length === 0 ? '' : `, only ${candidates.join(', ')}`
  const problem = `no ${shown} for ${architecture} in ${dir}${found}; put the ${key} of the release there`
  return missing('image.file-missing', dir, problem)
}
