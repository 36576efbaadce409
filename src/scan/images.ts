/** The files of an image, found by what their names have in common in all releases; names are never composed. */
import type { FileFact, ImageFacts } from '../plan/facts.ts'
import {
  agentScriptSign,
  agentSigns,
  holdsSecrets,
  installerSigns,
  liveSigns,
  otherArchitecture,
  styleOf,
  type ImageStyle,
  type Sign,
} from '../plan/image-files.ts'
import { agentArguments } from '../plan/ipxe/agent-script.ts'
import type { Image } from '../site/schema.ts'
import { listFolder, missing, openFile, readOpened, scanFile } from './file.ts'

type Key = 'kernel' | 'initramfs' | 'rootfs' | 'metal'

/** Signatures, checksums and unfinished downloads lie beside what they belong to. */
const beside = /\.(?:sig|asc|gpg|sha256(?:sum)?|part|tmp)$/

/** An iPXE script has some lines. */
const mostScriptOctets = 64 * 1024

export async function scanImage(image: Image): Promise<ImageFacts> {
  const folder = await listFolder(image.dir)
  const names = folder.kind === 'listed' ? folder.names.filter((name) => !beside.test(name)) : []
  const find = (key: Key, sign: Sign): FileFact | Promise<FileFact> => {
    const named = image[key]
    if (named !== undefined) return namedFile(image, named)
    if (folder.kind === 'listed') return foundFile(image, key, sign, names)
    return missing(image.dir, `${folder.problem}; the files of the release belong there`)
  }
  const secret = names.filter(holdsSecrets)
  const secrets = secret.length === 0 ? {} : { secrets: new Set(secret) }
  switch (intendedStyle(image, names)) {
    case 'live':
      return {
        ...secrets,
        style: 'live',
        kernel: await find('kernel', liveSigns.kernel),
        initramfs: await find('initramfs', liveSigns.initramfs),
        rootfs: await find('rootfs', liveSigns.rootfs),
        ...(await liveIso(image, names)),
      }
    case 'installer':
      return {
        ...secrets,
        style: 'installer',
        kernel: await find('kernel', installerSigns.kernel),
        initramfs: await find('initramfs', installerSigns.initramfs),
        metal: await find('metal', installerSigns.metal),
      }
    case 'agent': {
      const kernelArguments = await scriptArguments(image, names)
      return {
        ...secrets,
        style: 'agent',
        kernel: await find('kernel', agentSigns.kernel),
        initramfs: await find('initramfs', agentSigns.initramfs),
        rootfs: await find('rootfs', agentSigns.rootfs),
        ...(kernelArguments === undefined ? {} : { kernelArguments }),
      }
    }
  }
}

/** Both `…-live.x86_64.iso` (until 4.18) and `…-live-iso.x86_64.iso`. One of several would be a guess. */
async function liveIso(
  { dir, architecture }: Image,
  names: readonly string[],
): Promise<{ readonly iso?: FileFact }> {
  const [name, ...others] = names.filter(
    (each) => /live.*\.iso$/.test(each) && otherArchitecture(each, architecture) === undefined,
  )
  if (name === undefined || others.length > 0) return {}
  const iso = await scanFile(`${dir}/${name}`)
  return iso.kind === 'found' ? { iso } : {}
}

/** What the site names decides, then what lies there. */
function intendedStyle(image: Image, names: readonly string[]): ImageStyle {
  const { kernel, initramfs, rootfs, metal } = image
  if (metal !== undefined) return 'installer'
  const named = [kernel, initramfs, rootfs].filter((name) => name !== undefined)
  if (styleOf(named) === 'agent') return 'agent'
  return rootfs === undefined ? (styleOf(names) ?? 'live') : 'live'
}

/** Of the one script for this architecture, or of several the one of the kernel that the site names. */
async function scriptArguments(
  { dir, architecture, kernel }: Image,
  names: readonly string[],
): Promise<string[] | undefined> {
  const scripts = names
    .filter(
      (name) => agentScriptSign.pattern.test(name) && otherArchitecture(name, architecture) === undefined,
    )
    .filter((name, _, all) => all.length === 1 || kernel?.startsWith(name.replace(/\.ipxe$/, '')) === true)
  const [script] = scripts
  if (script === undefined || scripts.length > 1) return undefined
  const text = await readSmallText(`${dir}/${script}`)
  return text === undefined ? undefined : agentArguments(text)
}

/** Undefined for a file that cannot be read, or is too large to be what it is taken for. */
async function readSmallText(path: string): Promise<string | undefined> {
  try {
    const { file, octets } = await openFile(path)
    try {
      if (octets > mostScriptOctets) return undefined
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
  if (other === undefined) return scanFile(path)
  return missing(path, `${path} is for ${other}, the image for ${architecture}`)
}

function foundFile(
  { dir, architecture }: Image,
  key: Key,
  { pattern, shown }: Sign,
  names: readonly string[],
): FileFact | Promise<FileFact> {
  const alike = names.filter((name) => pattern.test(name))
  const fitting = alike.filter((name) => otherArchitecture(name, architecture) === undefined)
  const [first, ...others] = fitting
  if (first !== undefined && others.length === 0) return scanFile(`${dir}/${first}`)
  if (first !== undefined) {
    const choice = `name one as ${key} in the site`
    return missing(dir, `several files in ${dir} may be the ${key} (${fitting.join(', ')}): ${choice}`)
  }
  const unfit = alike.length === 0 ? '' : `, only ${alike.join(', ')}`
  return missing(
    dir,
    `no ${shown} for ${architecture} in ${dir}${unfit}; the ${key} of the release belongs there`,
  )
}
