/**
 * Stream documents: the files of a CoreOS release, their URLs, and their checksums. `openshift-install coreos
 * print-stream-json`, the ConfigMap coreos-bootimages of a cluster, and Fedora CoreOS publish them
 * (https://github.com/coreos/stream-metadata-go). The rhcos.json of OpenShift 4.3 to 4.9 is supported too. File names are
 * those of `location`, never composed. Pure; the text is not trusted.
 */
import { z } from 'zod'
import { architectures, type Architecture } from '../site/schema.ts'
import { defined } from '../text/defined.ts'
import { chooseStream, type ChosenStream } from './config-map.ts'
import { printableAscii } from '../text/lines.ts'
import { ImageProblem } from './codes.ts'

/** The purpose of a file. `iso`, and `metal` of live images, are downloaded only on request. */
export const parts = ['kernel', 'initramfs', 'rootfs', 'iso', 'metal'] as const
export type Part = (typeof parts)[number]

export type RemoteFile = {
  readonly part: Part
  /** The last segment of the URL; cannot lead out of a directory. */
  readonly name: string
  readonly url: string
  /** Lower case hexadecimal. */
  readonly sha256: string
  /** Absent if the document does not state it. */
  readonly octets?: number
  /** URL of its detached OpenPGP signature, if there is one. */
  readonly signature?: string
}

/** One release for one architecture. */
export type RemoteImage = {
  /** The name in the document: `rhcos-4.17`, `stable`. */
  readonly stream: string
  readonly release: string
  readonly architecture: Architecture
  readonly style: 'live' | 'installer'
  readonly files: readonly RemoteFile[]
}

export type RequestedFiles = { readonly iso: boolean; readonly metal: boolean }

const remoteUrl = z.string().refine(isFetchable, { error: 'expected an http or https URL' })
const sha256 = z.string().regex(/^[0-9A-Fa-f]{64}$/, { error: 'expected 64 hexadecimal digits' })
const text = z
  .string()
  .max(200)
  .regex(/^[\x21-\x7e]+$/, { error: 'expected printable characters without blanks' })

const artifact = z.object({ location: remoteUrl, sha256, signature: remoteUrl.optional() })
const disk = z.object({ disk: artifact })

const streamDocument = z.object({ stream: text, architectures: z.record(z.string(), z.unknown()) })

const metal = z.object({
  release: text,
  formats: z.looseObject({
    pxe: z.object({ kernel: artifact, initramfs: artifact, rootfs: artifact }),
    iso: disk.optional(),
  }),
})

const oneArchitecture = z.object({ artifacts: z.object({ metal }) })

const build = z.object({ path: z.string(), sha256, size: z.int().positive().optional() })

const buildDocument = z.object({
  baseURI: remoteUrl,
  buildid: text,
  images: z.looseObject({}),
})

/** A parsed document. Its parts are validated when they are requested; other parts can have any form. */
export type StreamDocument = Pick<ChosenStream, 'choice'> &
  (
    | { readonly kind: 'stream'; readonly value: z.output<typeof streamDocument> }
    | { readonly kind: 'build'; readonly value: z.output<typeof buildDocument> }
  )

/**
 * @param stream as for {@link chooseStream}
 * @throws {ImageProblem} when the text is not a stream document, or does not have the stream
 */
export function readDocument(text: string, stream?: string): StreamDocument {
  const { document: value, ...choice } = chooseStream(text, stream)
  const parsed = streamDocument.safeParse(value)
  if (parsed.success) return { kind: 'stream', value: parsed.data, ...choice }
  if (typeof value === 'object' && value !== null && 'baseURI' in value) {
    return { kind: 'build', value: validated(buildDocument, value, []) }
  }
  throw new ImageProblem(
    'image.stream-invalid',

    'this is not a stream document: get one with "openshift-install coreos print-stream-json", ' +
      'or use https://builds.coreos.fedoraproject.org/streams/stable.json',
  )
}

/** Returns the architectures of the document that slipway can boot. */
export function architecturesOf(document: StreamDocument): Architecture[] {
  const named = namedArchitectures(document)
  return architectures.filter((each) => named.includes(each))
}

function namedArchitectures({ kind, value }: StreamDocument): string[] {
  return kind === 'stream' ? Object.keys(value.architectures) : buildArchitectures(value)
}

/** @throws {ImageProblem} when the document does not have the image, or its entry is invalid */
export function imageOf(
  document: StreamDocument,
  architecture: Architecture,
  options: RequestedFiles,
): RemoteImage {
  const offered = architecturesOf(document)
  if (!offered.includes(architecture)) {
    const others = namedArchitectures(document)
      .slice(0, 10)
      .map((each) => printableAscii(each, 20))
    const unsupported = offered.length > 0 ? '' : ', which slipway does not support'
    const reason =
      others.length === 0
        ? 'the document names no architecture'
        : `the document has no image for ${architecture}, only for ${(offered.length > 0 ? offered : others).join(', ')}${unsupported}`
    throw new ImageProblem('image.stream-without-image', reason)
  }
  const image =
    document.kind === 'stream'
      ? streamImage(document.value, architecture, options)
      : buildImage(document.value, architecture, options)
  const names = image.files.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined)
    throw new ImageProblem('image.stream-invalid', `two files of the document have the name ${twice}`)
  return image
}

function streamImage(
  { stream, architectures: byName }: z.output<typeof streamDocument>,
  architecture: Architecture,
  options: RequestedFiles,
): RemoteImage {
  const position = ['architectures', architecture]
  const missing = missingPart(byName[architecture])
  if (missing !== undefined) throw notBootable(`the document has ${missing} for ${architecture}`)
  const { release, formats } = validated(oneArchitecture, byName[architecture], position).artifacts.metal
  const { kernel, initramfs, rootfs } = formats.pxe
  const files = [
    remoteFile('kernel', kernel),
    remoteFile('initramfs', initramfs),
    remoteFile('rootfs', rootfs),
  ]
  if (options.iso) files.push(remoteFile('iso', requested(formats.iso, 'a live ISO').disk))
  if (options.metal) {
    // RHCOS compresses it with gzip, Fedora CoreOS with xz.
    const format = Object.keys(formats).find((name) => /^raw\.[a-z]+$/.test(name))
    const found = requested(format, 'a metal image')
    const at = [...position, 'artifacts', 'metal', 'formats', found]
    files.push(remoteFile('metal', validated(disk, formats[found], at).disk))
  }
  return { stream, release, architecture, style: 'live', files }
}

const looseFormats = z.object({
  artifacts: z.object({
    metal: z.object({ formats: z.object({ pxe: z.record(z.string(), z.unknown()).optional() }) }).optional(),
  }),
})

/** Old releases of Fedora CoreOS have no rootfs, or no files for PXE. Other faults are those of the document. */
function missingPart(entry: unknown): string | undefined {
  const parsed = looseFormats.safeParse(entry)
  if (!parsed.success) return undefined
  const { metal } = parsed.data.artifacts
  if (metal === undefined) return 'no files for bare metal'
  const { pxe } = metal.formats
  if (pxe === undefined) return 'no files for network boot'
  const part = (['kernel', 'initramfs', 'rootfs'] as const).find((each) => !(each in pxe))
  return part === undefined ? undefined : `no ${part}`
}

function notBootable(reason: string): ImageProblem {
  const message = `this release cannot be booted over the network: ${reason}`
  return new ImageProblem('image.release-not-bootable', message)
}

/**
 * Up to 4.5, the installer writes the metal image, so the image always contains it. From 4.6 on, there are live files, at
 * first beside those of the installer. Releases before 4.3 have one metal image for BIOS and another for UEFI.
 */
function buildImage(
  { baseURI, buildid, images }: z.output<typeof buildDocument>,
  architecture: Architecture,
  options: RequestedFiles,
): RemoteImage {
  const file = (part: Part, key: string): RemoteFile => {
    const { path, sha256, size } = validated(build, images[key], ['images', key])
    const found = remoteFile(part, { location: new URL(path, baseURI).href, sha256 })
    return size === undefined ? found : { ...found, octets: size }
  }
  const isLive = 'live-rootfs' in images
  const style = isLive ? 'live' : 'installer'
  const keys = isLive
    ? ({ kernel: 'live-kernel', initramfs: 'live-initramfs', rootfs: 'live-rootfs' } as const)
    : ({ kernel: 'kernel', initramfs: 'initramfs', metal: 'metal' } as const)
  const missing = Object.values(keys).find((key) => !(key in images))
  if (missing !== undefined) {
    const hasNoRootfs = !isLive && 'live-kernel' in images && !('kernel' in images)
    throw notBootable(`the document has no ${hasNoRootfs ? 'live-rootfs' : missing}`)
  }
  const files = Object.entries(keys).map(([part, key]) => file(part as Part, key))
  if (options.iso) {
    const key = ['live-iso', 'iso'].find((name) => name in images)
    files.push(file('iso', requested(key, 'an ISO')))
  }
  if (options.metal && isLive) {
    const key = 'metal' in images ? 'metal' : undefined
    files.push(file('metal', requested(key, 'a metal image')))
  }
  return { stream: `rhcos-${buildid}`, release: buildid, architecture, style, files }
}

/** Only the file names contain the architecture. */
function buildArchitectures({ images }: z.output<typeof buildDocument>): string[] {
  const paths = [images['live-kernel'], images['kernel']].map(
    (each) => z.object({ path: z.string() }).safeParse(each).data?.path,
  )
  return architectures.filter((each) => paths.some((path) => path?.includes(each)))
}

function remoteFile(part: Part, { location, sha256, signature }: z.output<typeof artifact>): RemoteFile {
  const { pathname } = new URL(location)
  const name = decodeName(pathname.slice(pathname.lastIndexOf('/') + 1))
  if (name === undefined) {
    throw new ImageProblem(
      'image.stream-invalid',
      `the location of the ${part} does not end with a valid file name: ${location}`,
    )
  }
  return { part, name, url: location, sha256: sha256.toLowerCase(), ...defined({ signature }) }
}

/** Valid file names of a release, on every file system. */
export const plainName = /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,199}$/

function decodeName(step: string): string | undefined {
  try {
    const name = decodeURIComponent(step)
    return plainName.test(name) ? name : undefined
  } catch {
    return undefined
  }
}

function isFetchable(text: string): boolean {
  return URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)
}

function validated<T>(schema: z.ZodType<T>, value: unknown, position: readonly string[]): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = [...position, ...(issue?.path ?? [])].join('.')
  throw new ImageProblem('image.stream-invalid', `the document is invalid at ${path}: ${issue?.message}`)
}

function requested<T>(found: T | undefined, what: string): T {
  if (found === undefined)
    throw new ImageProblem('image.stream-without-image', `the document has no location for ${what}`)
  return found
}
