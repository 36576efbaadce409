/**
 * Stream documents: which files a CoreOS release consists of, where they are, and what they must hash to. As
 * `openshift-install coreos print-stream-json`, a cluster's ConfigMap coreos-bootimages and Fedora CoreOS publish them
 * (https://github.com/coreos/stream-metadata-go), and the rhcos.json that OpenShift had up to 4.5. Names are those of
 * `location`, never composed. Pure: what is read is anybody's text.
 */
import { parse } from 'yaml'
import { z } from 'zod'
import { architectures, type Architecture } from '../site/schema.ts'
import { ImageProblem } from './problem.ts'

/** What a file is for. `iso` and `metal` of the live style are only fetched on request. */
export const parts = ['kernel', 'initramfs', 'rootfs', 'iso', 'metal'] as const
export type Part = (typeof parts)[number]

export type RemoteFile = {
  readonly part: Part
  /** The last step of the URL: a name without a way out of its folder. */
  readonly name: string
  readonly url: string
  /** Lower case hexadecimal. */
  readonly sha256: string
  /** Where the document says it. */
  readonly octets?: number
}

/** One release for one architecture. */
export type RemoteImage = {
  /** As the document calls itself: `rhcos-4.17`, `stable`. */
  readonly stream: string
  readonly release: string
  readonly architecture: Architecture
  readonly style: 'live' | 'installer'
  readonly files: readonly RemoteFile[]
}

export type RequestedFiles = { readonly iso: boolean; readonly metal: boolean }

const remoteUrl = z.string().refine(isFetchable, { error: 'expected a URL of http or https' })
const sha256 = z.string().regex(/^[0-9A-Fa-f]{64}$/, { error: 'expected 64 hexadecimal digits' })
const text = z
  .string()
  .max(200)
  .regex(/^[\x21-\x7e]+$/, { error: 'expected a word of printable characters' })

const artifact = z.object({ location: remoteUrl, sha256 })
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

const configMap = z.object({ kind: z.literal('ConfigMap'), data: z.object({ stream: z.string() }) })

const build = z.object({ path: z.string(), sha256, size: z.int().positive().optional() })

const buildDocument = z.object({
  baseURI: remoteUrl,
  buildid: text,
  images: z.looseObject({ kernel: build, initramfs: build, metal: build }),
})

/** A document that was read, not yet judged in its parts: those that nobody asks for may be anything. */
export type StreamDocument =
  | { readonly kind: 'stream'; readonly value: z.output<typeof streamDocument> }
  | { readonly kind: 'build'; readonly value: z.output<typeof buildDocument> }

/** @throws {ImageProblem} saying what the text is instead */
export function readDocument(text: string): StreamDocument {
  const value = parseText(text)
  const wrapped = configMap.safeParse(value)
  if (wrapped.success) return readDocument(wrapped.data.data.stream)
  const stream = streamDocument.safeParse(value)
  if (stream.success) return { kind: 'stream', value: stream.data }
  if (typeof value === 'object' && value !== null && 'baseURI' in value) {
    return { kind: 'build', value: judged(buildDocument, value, []) }
  }
  throw new ImageProblem(
    'this is no stream document: `openshift-install coreos print-stream-json` prints one, ' +
      'https://builds.coreos.fedoraproject.org/streams/stable.json is one',
  )
}

/** The architectures that it has and that machines can be booted with. */
export function architecturesOf(document: StreamDocument): Architecture[] {
  const named =
    document.kind === 'stream'
      ? Object.keys(document.value.architectures)
      : [buildArchitecture(document.value)]
  return architectures.filter((each) => named.includes(each))
}

/** @throws {ImageProblem} when the document lacks it, or what it says of it is not to be used */
export function imageOf(
  document: StreamDocument,
  architecture: Architecture,
  wishes: RequestedFiles,
): RemoteImage {
  const offered = architecturesOf(document)
  if (!offered.includes(architecture)) {
    throw new ImageProblem(
      `the document has nothing for ${architecture}, only for ${offered.join(', ') || 'others'}`,
    )
  }
  const image =
    document.kind === 'stream'
      ? streamImage(document.value, architecture, wishes)
      : buildImage(document.value, architecture, wishes)
  const names = image.files.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new ImageProblem(`two files of the document are called ${twice}`)
  return image
}

function streamImage(
  { stream, architectures: byName }: z.output<typeof streamDocument>,
  architecture: Architecture,
  wishes: RequestedFiles,
): RemoteImage {
  const place = ['architectures', architecture]
  const { release, formats } = judged(oneArchitecture, byName[architecture], place).artifacts.metal
  const { kernel, initramfs, rootfs } = formats.pxe
  const files = [
    remoteFile('kernel', kernel),
    remoteFile('initramfs', initramfs),
    remoteFile('rootfs', rootfs),
  ]
  if (wishes.iso) files.push(remoteFile('iso', wished(formats.iso, 'a live ISO').disk))
  if (wishes.metal) {
    // RHCOS compresses it with gzip, Fedora CoreOS with xz.
    const format = Object.keys(formats).find((name) => /^raw\.[a-z]+$/.test(name))
    const found = wished(format, 'a metal image')
    const at = [...place, 'artifacts', 'metal', 'formats', found]
    files.push(remoteFile('metal', judged(disk, formats[found], at).disk))
  }
  return { stream, release, architecture, style: 'live', files }
}

/** 4.5 and before: the installer writes the metal image, so it always belongs to it. From 4.6 on there are live files beside. */
function buildImage(
  { baseURI, buildid, images }: z.output<typeof buildDocument>,
  architecture: Architecture,
  wishes: RequestedFiles,
): RemoteImage {
  const file = (part: Part, key: string): RemoteFile => {
    const { path, sha256, size } = judged(build, images[key], ['images', key])
    const found = remoteFile(part, { location: new URL(path, baseURI).href, sha256 })
    return size === undefined ? found : { ...found, octets: size }
  }
  const isLive = 'live-rootfs' in images
  const style = isLive ? 'live' : 'installer'
  const files = isLive
    ? [file('kernel', 'live-kernel'), file('initramfs', 'live-initramfs'), file('rootfs', 'live-rootfs')]
    : [file('kernel', 'kernel'), file('initramfs', 'initramfs'), file('metal', 'metal')]
  if (wishes.iso) {
    const key = ['live-iso', 'iso'].find((name) => name in images)
    files.push(file('iso', wished(key, 'an ISO')))
  }
  if (wishes.metal && isLive) files.push(file('metal', 'metal'))
  return { stream: `rhcos-${buildid}`, release: buildid, architecture, style, files }
}

/** Only names of files say it: the document itself does not. */
function buildArchitecture({ images }: z.output<typeof buildDocument>): string | undefined {
  return architectures.find((each) => images.kernel.path.includes(each))
}

function remoteFile(part: Part, { location, sha256 }: z.output<typeof artifact>): RemoteFile {
  const { pathname } = new URL(location)
  const name = decodeName(pathname.slice(pathname.lastIndexOf('/') + 1))
  if (name === undefined) {
    throw new ImageProblem(`the location of the ${part} does not end with the name of a file: ${location}`)
  }
  return { part, name, url: location, sha256: sha256.toLowerCase() }
}

/** What a release may call a file, and any file system takes. */
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

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // `oc get configmap -o yaml`; aliases are what makes a small text large.
    try {
      return parse(text, { maxAliasCount: 0, logLevel: 'error' })
    } catch {
      return undefined
    }
  }
}

function judged<T>(schema: z.ZodType<T>, value: unknown, place: readonly string[]): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = [...place, ...(issue?.path ?? [])].join('.')
  throw new ImageProblem(`the document is not as expected at ${path}: ${issue?.message}`)
}

function wished<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new ImageProblem(`the document has no location of ${what}`)
  return found
}
