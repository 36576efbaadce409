/** What a node needs to install itself with one Ignition file, or which of it is missing. */
import {
  ignitionKinds,
  type FileFact,
  type IgnitionFact,
  type IgnitionKind,
  type ImageFacts,
  type MissingFile,
} from '../facts.ts'
import { additionsOf } from '../ignition/additions.ts'
import type { Model, NodeModel } from '../model.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import { usualAgentArguments } from './agent-script.ts'

/** A file that a script names: what it is called, and where it is fetched. */
export type RemoteFile = { readonly name: string; readonly url: string }

export type Installation =
  | {
      readonly kind: 'possible'
      readonly style: 'live'
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      readonly rootfs: RemoteFile
      readonly disk: string
      readonly ignition: IgnitionKind
      readonly ignitionUrl: string
      /** Of the live system itself; absent when the site wants none of ours in it. */
      readonly liveIgnitionUrl?: string
    }
  | {
      readonly kind: 'possible'
      readonly style: 'installer'
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      readonly metal: RemoteFile
      readonly disk: string
      readonly ignition: IgnitionKind
      readonly ignitionUrl: string
    }
  | {
      readonly kind: 'possible'
      readonly style: 'agent'
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      readonly rootfs: RemoteFile
      /** What its live system wants to be started with; its Ignition file is in the initramfs. */
      readonly kernelArguments: readonly string[]
    }
  | {
      readonly kind: 'impossible'
      /** The image's files first, then the Ignition file and what is added to it. */
      readonly missing: readonly MissingFile[]
    }

export function installationOf(model: Model, node: NodeModel, ignition: IgnitionKind): Installation {
  const image = imageFacts(model, node.image)
  const missing = missingFor(model, node, ignition).map(({ fact }) => fact)
  if (missing.length > 0) return { kind: 'impossible', missing }

  const remote = (fact: FileFact): RemoteFile => {
    const name = fileName(fact.path)
    return { name, url: absoluteUrl(model.endpoint, urlPaths.image(node.image, name)) }
  }
  const files = {
    kind: 'possible',
    kernel: remote(image.kernel),
    initramfs: remote(image.initramfs),
  } as const
  if (image.style === 'agent') {
    const { kernelArguments = usualAgentArguments } = image
    const { name } = files.initramfs
    const initramfs = { name, url: absoluteUrl(model.endpoint, urlPaths.secretImage(node, name)) }
    return { ...files, style: 'agent', initramfs, rootfs: remote(image.rootfs), kernelArguments }
  }
  const common = {
    ...files,
    // It would be missing else.
    disk: node.disk as string,
    ignition,
    ignitionUrl: absoluteUrl(model.endpoint, urlPaths.ignition(node, ignition)),
  }
  return image.style === 'live'
    ? {
        ...common,
        style: 'live',
        rootfs: remote(image.rootfs),
        ...(node.callbacks &&
          ignition !== 'single' && {
            liveIgnitionUrl: absoluteUrl(model.endpoint, urlPaths.liveIgnition(node)),
          }),
      }
    : { ...common, style: 'installer', metal: remote(image.metal) }
}

/** What a cluster's nodes may be installed as: a single node needs neither a bootstrap nor masters. */
export function ignitionKindsOf({ nodes }: Pick<Model, 'nodes'>, cluster: string): readonly IgnitionKind[] {
  const kinds = new Set(nodes.filter((node) => node.cluster === cluster).map(({ ignition }) => ignition))
  return ignitionKinds.filter((kind) => (kinds.has('single') ? kinds.has(kind) : kind !== 'single'))
}

/** A file that keeps a node from installing, and what it belongs to: `image rhcos-4.17`, `cluster ocp45`. */
type Lack = { readonly fact: MissingFile; readonly about: string }

/** The image's files first, then the Ignition file and what is added to it; an agent's initramfs holds its own already. */
export function missingFor(model: Model, node: NodeModel, ignition: IgnitionKind): readonly Lack[] {
  const image = imageFacts(model, node.image)
  const files = imageFiles(image)
    // Its Ignition file is read by a live system, which the older style has not.
    .map((fact) => (ignition === 'single' && image.style === 'installer' ? notLive(fact) : fact))
    .filter(isMissing)
    .map((fact) => ({ fact, about: `image ${node.image}` }))
  if (image.style === 'agent') return files
  const others = missingForIgnition(model, node, ignition)
  return [...files, ...diskless(node), ...others.map((fact) => ({ fact, about: `cluster ${node.cluster}` }))]
}

function diskless({ key, disk }: NodeModel): Lack[] {
  if (disk !== undefined) return []
  const problem = `no disk is named for ${key} to install on: say \`disk: /dev/sda\`, or what it is called`
  return [{ fact: { kind: 'missing', path: key, problem }, about: key }]
}

function notLive({ path }: FileFact): MissingFile {
  const dir = path.slice(0, path.lastIndexOf('/'))
  const problem = `${dir} holds a release of the 4.5 style, a single node bootstraps itself from a live one (4.8 or later)`
  return { kind: 'missing', path: dir, problem }
}

/** What keeps a node's Ignition file from being served: the role's file, and what the site adds to it. */
export function missingForIgnition(model: Model, node: NodeModel, kind: IgnitionKind): MissingFile[] {
  const role = ignitionFact(model, node.cluster, kind)
  const { missing } = additionsOf(node, model.facts)
  if (isMissing(role)) return [role, ...missing]
  // What a cluster gives is of version 3.
  if (role.kind === 'asked') return [...missing]
  const { path, contents } = role
  if (node.files.length === 0 || !contents.version.startsWith('2.')) return [...missing]
  const problem = `${path} is Ignition ${contents.version}, and nothing can be added to a file before 3.1: leave hostname, files and networkKeyfiles out`
  return [{ kind: 'missing', path, problem }, ...missing]
}

/** In the order in which a node asks for them. */
export function imageFiles(image: ImageFacts): readonly FileFact[] {
  return [image.kernel, image.initramfs, image.style === 'installer' ? image.metal : image.rootfs]
}

export function imageFacts(model: Model, name: string): ImageFacts {
  return scanned(model.facts.images.get(name), `image ${name}`)
}

export function ignitionFact(model: Model, cluster: string, kind: IgnitionKind): IgnitionFact {
  return scanned(model.facts.ignition.get(cluster), `Ignition files of ${cluster}`)[kind]
}

export function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** What is missing, each thing said once: a directory that is not there is why all of its files are missing. */
export function missingSentences(missing: readonly MissingFile[]): string[] {
  return [...new Set(missing.map(missingSentence))]
}

/** One sentence that names the place and what is wrong there. */
export function missingSentence({ path, problem }: MissingFile): string {
  const sentence = problem.replace(/\.$/, '')
  return sentence.includes(path) ? sentence : `${path}: ${sentence}`
}

export function isMissing(fact: FileFact | IgnitionFact): fact is MissingFile {
  return fact.kind === 'missing'
}

/** @throws {TypeError} when the facts are another site's: the caller compiled without a scan of this one */
function scanned<T>(facts: T | undefined, what: string): T {
  if (facts === undefined) throw new TypeError(`site was not scanned: ${what} not among the facts`)
  return facts
}
