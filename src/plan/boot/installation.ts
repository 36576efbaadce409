/** The files and arguments that a node needs to install with one Ignition file, or those that are missing. */
import type {
  FileFact,
  IgnitionFact,
  IgnitionKind,
  DeclaredImageFacts,
  InstallRole,
  ImageFacts,
  MissingFile,
  AddedFileFact,
  Facts,
} from '../facts.ts'
import { bootSource, type Model, type NodeModel } from '../model.ts'
import { missingAnswers, needsHandover, systemArguments } from '../systems/answers.ts'
import { secretUrl } from '../tls.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import { defined } from '../../text/defined.ts'
import { usualAgentArguments } from '../image-files.ts'
import type { AddedFile, Additions } from '../ignition/document.ts'
import { mirrorStorage } from '../disks/mirror.ts'
import { installDevice, shownDisk, type DiskTarget } from '../disks/target.ts'

/** A file that a script fetches. */
export type RemoteFile = { readonly name: string; readonly url: string }

export type Installation =
  | {
      readonly kind: 'possible'
      readonly style: 'live'
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      readonly rootfs: RemoteFile
      /** `coreos.inst.install_dev` */
      readonly disk: string
      readonly ignition: InstallRole
      readonly ignitionUrl: string
      /** Ignition file of the live system; absent with `callbacks: false`, unless it contains the CA of HTTPS. */
      readonly liveIgnitionUrl?: string
      /** The same as an initramfs over HTTPS, for a boot loader that trusts the CA. */
      readonly liveArchive?: RemoteFile
    }
  | {
      readonly kind: 'possible'
      readonly style: 'installer'
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      readonly metal: RemoteFile
      readonly disk: string
      readonly ignition: InstallRole
      readonly ignitionUrl: string
    }
  | {
      readonly kind: 'possible'
      readonly style: 'agent'
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      readonly rootfs: RemoteFile
      /** Arguments of its live system, whose Ignition file is in the initramfs. */
      readonly kernelArguments: readonly string[]
    }
  | {
      readonly kind: 'possible'
      readonly style: 'script'
      /** URL or path. */
      readonly source: string
      /** Absent for a URL. */
      readonly text?: string
      /** A small file that the node fetches before it starts the other installer. */
      readonly handoverUrl: string
    }
  | {
      readonly kind: 'possible'
      readonly style: 'system'
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      /** Absent if the answer file chooses it. */
      readonly disk?: string
      /** All arguments of the kernel, with those of the node. */
      readonly arguments: readonly string[]
      /** As for the script of another installer; absent if the installer fetches a file or asks for a permission. */
      readonly handoverUrl?: string
    }
  | {
      readonly kind: 'impossible'
      /** Files of the image first, then the Ignition file and the files added to it. */
      readonly missing: readonly MissingFile[]
    }

/** An installation whose files are all there. */
export type Bootable = Extract<Installation, { kind: 'possible' }>

export function installationOf(model: Model, node: NodeModel, ignition: InstallRole): Installation {
  const image = imageFacts(model, bootSource(node))
  const missing = missingFor(model, node, ignition).map(({ fact }) => fact)
  if (missing.length > 0) return { kind: 'impossible', missing }

  const handoverUrl = absoluteUrl(model.endpoint, urlPaths.handover(node), node)
  if (image.style === 'script') {
    return {
      kind: 'possible',
      style: 'script',
      source: bootSource(node),
      handoverUrl,
      ...defined({ text: image.text }),
    }
  }
  const remote = (fact: FileFact): RemoteFile => {
    const name = fileName(fact.path)
    return { name, url: absoluteUrl(model.endpoint, urlPaths.image(node.image, name), node) }
  }
  const files = {
    kind: 'possible',
    kernel: remote(image.kernel),
    initramfs: remote(image.initramfs),
  } as const
  if (image.style === 'system') {
    const rootfs = image.rootfs && remote(image.rootfs)
    const given = systemArguments(model, node, rootfs?.url)
    return {
      ...{ ...files, style: 'system', arguments: given },
      ...defined({ disk: shownDisk(node) }),
      ...(!readsIgnition(node) && needsHandover(model, node) && { handoverUrl }),
    }
  }
  if (image.style === 'agent') {
    const { kernelArguments = usualAgentArguments } = image
    const { name } = files.initramfs
    const initramfs = { name, url: secretUrl(model.endpoint, urlPaths.secretImage(node, name), node) }
    return { ...files, style: 'agent', initramfs, rootfs: remote(image.rootfs), kernelArguments }
  }
  const common = {
    ...files,
    // Otherwise it would be among the missing.
    disk: installDevice(node.disk as DiskTarget),
    ignition,
    ignitionUrl: secretUrl(model.endpoint, urlPaths.ignition(node, ignition), node),
  }
  if (image.style === 'installer') return { ...common, style: 'installer', metal: remote(image.metal) }
  const live = { ...common, style: 'live', rootfs: remote(image.rootfs) } as const
  if (model.endpoint.tls !== undefined) return { ...live, ...secureLive(model.endpoint, node, ignition) }
  const hasLiveIgnition = node.callbacks && ignition !== 'single'
  return {
    ...live,
    ...(hasLiveIgnition && {
      liveIgnitionUrl: absoluteUrl(model.endpoint, urlPaths.liveIgnition(node), node),
    }),
  }
}

/** A boot loader without HTTPS gets the file by HTTP: it contains the token, as the script does, but no other secret. */
function secureLive(endpoint: Model['endpoint'], node: NodeModel, role: InstallRole) {
  const archive = urlPaths.liveArchive(node, role)
  return {
    liveIgnitionUrl: absoluteUrl(endpoint, urlPaths.secureLiveIgnition(node, role), node),
    liveArchive: { name: fileName(archive), url: secretUrl(endpoint, archive, node) },
  }
}

/** Returns the roles that a node can be installed as; its declared role is one of them. */
export function ignitionKindsOf(
  model: Model,
  { cluster, system, ignition }: NodeModel,
): readonly InstallRole[] {
  if (system !== undefined) return [ignition]
  // The model has the roles of each cluster that has a node.
  return model.ignitionKinds.get(cluster) as readonly InstallRole[]
}

/** A file without which a node cannot install, and what it belongs to: `image rhcos-4.17`, `cluster ocp45`, `web/web1`. */
type Requirement = { readonly fact: MissingFile; readonly about: string }

/** Returns files of the image first, then the Ignition file and files added to it; the initramfs of an agent contains these. */
export function missingFor(model: Model, node: NodeModel, ignition: InstallRole): readonly Requirement[] {
  const image = imageFacts(model, bootSource(node))
  const files = imageFiles(image)
    // A live system reads this Ignition file, and the older style has none.
    .map((fact) => (ignition === 'single' && image.style === 'installer' ? notLive(fact) : fact))
    .map((fact) =>
      model.endpoint.tls !== undefined && isWithoutTrust(image) ? notVerifying(fact, image) : fact,
    )
    .filter(isMissing)
    .map((fact) => ({ fact, about: image.style === 'script' ? node.key : `image ${node.image}` }))
  if (image.style === 'agent' || image.style === 'script') return files
  const own = { about: node.key }
  if (node.system !== undefined && !readsIgnition(node)) {
    return [...files, ...missingAnswers(model, node).map((fact) => ({ fact, ...own }))]
  }
  const others = missingForIgnition(model, node, ignition)
  return [
    ...files,
    ...diskless(node),
    ...oldDisks(node, image),
    ...others.map((fact) => ({
      fact,
      about: node.system === undefined ? `cluster ${node.cluster}` : node.key,
    })),
  ]
}

function diskless({ key, disk }: NodeModel): Requirement[] {
  if (disk !== undefined) return []
  const problem = `${key} has no disk to install on: set disk, for example \`disk: /dev/sda\``
  return [{ fact: { kind: 'missing', code: 'boot.disk-missing', path: key, problem }, about: key }]
}

/** The installer of OpenShift 4.5 reads one path, and its live system runs no unit of slipway. */
function oldDisks(
  { key, disk, multipath, savePartitions, image }: NodeModel,
  { style }: ImageFacts,
): Requirement[] {
  const isPlain = disk === undefined || disk.kind === 'path'
  if (style !== 'installer' || (isPlain && multipath === undefined && savePartitions === undefined)) return []
  const problem = `${key} needs a live image (4.6 or later) for hints, mirror, multipath, and savePartitions, but image ${image} is older: set disk to a path, or use a newer image`
  return [{ fact: { kind: 'missing', code: 'boot.disk-needs-live-image', path: key, problem }, about: key }]
}

/** The old installer runs in the initramfs, which trusts no CA, and Flatcar's live system does not get the CA. */
function isWithoutTrust(image: ImageFacts): boolean {
  return image.style === 'installer' || (image.style === 'system' && image.os === 'flatcar')
}

function notVerifying({ path }: FileFact, { style }: ImageFacts): MissingFile {
  const dir = path.slice(0, path.lastIndexOf('/'))
  const [name, advice] =
    style === 'system'
      ? ['an image of Flatcar', 'use Fedora CoreOS']
      : ['an image of OpenShift 4.5', 'use an image of 4.6 or later']
  const problem = `${dir} contains ${name}, which cannot verify the CA of server.tls: ${advice}, or remove server.tls`
  return { kind: 'missing', code: 'image.no-https', path: dir, problem }
}

function notLive({ path }: FileFact): MissingFile {
  const dir = path.slice(0, path.lastIndexOf('/'))
  const problem = `${dir} contains an image of OpenShift 4.5, but a single node needs a live image (4.8 or later)`
  return { kind: 'missing', code: 'image.not-live', path: dir, problem }
}

/** Returns why the Ignition file of a node cannot be served: the role's file, or the files that the site adds. */
export function missingForIgnition(model: Model, node: NodeModel, kind: InstallRole): MissingFile[] {
  const role = ignitionFact(model, node, kind)
  const { missing } = additionsOf(node, model)
  if (isMissing(role)) return [role, ...missing]
  // A running cluster provides version 3.
  if (role.kind === 'asked') return [...missing]
  const { path, contents } = role
  if ((node.files.length === 0 && node.disk?.kind !== 'mirror') || !contents.version.startsWith('2.'))
    return [...missing]
  const problem = `${path} has Ignition version ${contents.version}, and additions need 3.1 or later: remove hostname, files, networkKeyfiles, mirror, and network (or set network.use: arguments)`
  return [{ kind: 'missing', code: 'ignition.additions-unsupported', path, problem }, ...missing]
}

/** Returns the files in the order in which a node requests them. */
export function imageFiles(image: ImageFacts): readonly FileFact[] {
  if (image.style === 'script') return [image.script]
  const last = image.style === 'installer' ? image.metal : image.rootfs
  return [image.kernel, image.initramfs, ...(last === undefined ? [] : [last])]
}

/** Reports whether the node is configured by an Ignition file. */
export function readsIgnition({ system }: Pick<NodeModel, 'system'>): boolean {
  return system === undefined || system.os === 'fcos' || system.os === 'flatcar'
}

export function imageFacts(model: Model, name: string): ImageFacts {
  return scanned(model.facts.images.get(name), `image ${name}`)
}

/** Returns the facts of an image under `images`, never those of a script. */
export function declaredImage(model: Model, name: string): DeclaredImageFacts {
  return imageFacts(model, name) as DeclaredImageFacts
}

export function ignitionFact(
  { facts }: Model,
  { key, cluster, system }: NodeModel,
  kind: InstallRole,
): IgnitionFact {
  if (system === undefined) {
    return scanned(facts.ignition.get(cluster), `Ignition files of ${cluster}`)[kind as IgnitionKind]
  }
  const [path] = system.answers
  if (path !== undefined) return scanned(facts.systemIgnition?.get(path), path)
  const problem = `${key} has no Ignition file: set answers to the path of one`
  return { kind: 'missing', code: 'answers.missing', path: key, problem }
}

export function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Returns the distinct reasons, because a missing directory is the reason for all files in it. */
export function missingSentences(missing: readonly MissingFile[]): string[] {
  return [...new Set(missing.map(missingSentence))]
}

/** Returns one sentence with the path and the problem. */
export function missingSentence({ path, problem }: MissingFile): string {
  const sentence = problem.replace(/\.$/, '')
  return sentence.includes(path) ? sentence : `${path}: ${sentence}`
}

export function isMissing(fact: FileFact | IgnitionFact): fact is MissingFile {
  return fact.kind === 'missing'
}

/** @throws {TypeError} if the caller compiles with facts of another site */
function scanned<T>(facts: T | undefined, what: string): T {
  if (facts === undefined) throw new TypeError(`site was not scanned: ${what} not among the facts`)
  return facts
}

type Added = {
  /** Absent if nothing is declared, or if a file is missing. */
  readonly additions?: Additions
  readonly missing: readonly MissingFile[]
}

/** Returns what a node adds to the Ignition file of its role, except for units. */
export function additionsOf({ files, disk, image }: NodeModel, model: Pick<Model, 'facts' | 'site'>): Added {
  const missing: MissingFile[] = []
  const added = files.flatMap(({ path, mode, source }): AddedFile[] => {
    if (source.kind === 'text') return [{ path, mode, content: new TextEncoder().encode(source.text) }]
    const fact = addedFileFact(model.facts, source.file)
    if (fact.kind === 'found') return [{ path, mode, content: fact.content }]
    missing.push(fact)
    return []
  })
  const storage =
    disk?.kind === 'mirror'
      ? mirrorStorage(disk.paths, model.site.images[image]?.architecture ?? 'x86_64')
      : undefined
  const isEmpty = added.length === 0 && storage === undefined
  return isEmpty || missing.length > 0
    ? { missing }
    : { additions: { files: added, ...defined({ storage }) }, missing }
}

/** @throws {TypeError} if the caller compiles with facts of another site */
function addedFileFact({ addedFiles }: Facts, file: string): AddedFileFact {
  const fact = addedFiles?.get(file)
  if (fact === undefined) throw new TypeError(`site was not scanned: ${file} not among the facts`)
  return fact
}
