/** The files of an image, found by what their names have in common in all releases; names are never composed. */
import type { FileFact, ImageFacts } from '../plan/facts.ts'
import type { Architecture, Image } from '../site/schema.ts'
import { listFolder, missing, surveyFile } from './file.ts'

type Key = 'kernel' | 'initramfs' | 'rootfs' | 'metal'

/** What a file's name shows it to be; `shown` says it to people. */
type Sign = { readonly pattern: RegExp; readonly shown: string }

/** Both `…-live-kernel-x86_64` (until 4.18) and `…-live-kernel.x86_64` (since 4.19). */
const live = {
  kernel: { pattern: /live-kernel/, shown: '*live-kernel*' },
  initramfs: { pattern: /live-initramfs/, shown: '*live-initramfs*' },
  rootfs: { pattern: /live-rootfs/, shown: '*live-rootfs*' },
} as const satisfies Record<string, Sign>

const installer = {
  kernel: { pattern: /installer-kernel/, shown: '*installer-kernel*' },
  initramfs: { pattern: /installer-initramfs/, shown: '*installer-initramfs*' },
  // metal4k is for disks with sectors of 4 KiB: whoever has such disks names it.
  metal: { pattern: /metal(?!4k).*\.raw\.gz$/, shown: '*metal*.raw.gz' },
} as const satisfies Record<string, Sign>

/** Signatures, checksums and unfinished downloads lie beside what they belong to. */
const beside = /\.(?:sig|asc|gpg|sha256(?:sum)?|part|tmp)$/

export async function surveyImage(image: Image): Promise<ImageFacts> {
  const folder = await listFolder(image.dir)
  const names = folder.kind === 'listed' ? folder.names.filter((name) => !beside.test(name)) : []
  const find = (key: Key, sign: Sign): FileFact | Promise<FileFact> => {
    const named = image[key]
    if (named !== undefined) return namedFile(image, named)
    if (folder.kind === 'listed') return foundFile(image, key, sign, names)
    return missing(image.dir, `${folder.problem}; the files of the release belong there`)
  }
  if (styleOf(image, names) === 'live') {
    return {
      style: 'live',
      kernel: await find('kernel', live.kernel),
      initramfs: await find('initramfs', live.initramfs),
      rootfs: await find('rootfs', live.rootfs),
      ...(await liveIso(image, names)),
    }
  }
  return {
    style: 'installer',
    kernel: await find('kernel', installer.kernel),
    initramfs: await find('initramfs', installer.initramfs),
    metal: await find('metal', installer.metal),
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
  const iso = await surveyFile(`${dir}/${name}`)
  return iso.kind === 'found' ? { iso } : {}
}

/** What the site names decides, then what lies there; a release of the live style comes with a metal image too. */
function styleOf(image: Image, names: readonly string[]): ImageFacts['style'] {
  if (image.rootfs !== undefined) return 'live'
  if (image.metal !== undefined) return 'installer'
  const shows = (signs: Readonly<Record<string, Sign>>) =>
    names.some((name) => Object.values(signs).some(({ pattern }) => pattern.test(name)))
  return !shows(live) && shows(installer) ? 'installer' : 'live'
}

function namedFile({ dir, architecture }: Image, name: string): FileFact | Promise<FileFact> {
  const path = `${dir}/${name}`
  const other = otherArchitecture(name, architecture)
  if (other === undefined) return surveyFile(path)
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
  if (first !== undefined && others.length === 0) return surveyFile(`${dir}/${first}`)
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

/** As the names of releases spell them; a name without any contradicts nothing. */
const knownArchitectures = ['x86_64', 'aarch64', 'ppc64le', 's390x']

function otherArchitecture(name: string, wanted: Architecture): string | undefined {
  const said = knownArchitectures.filter((each) => name.includes(each))
  return said.includes(wanted) ? undefined : said[0]
}
