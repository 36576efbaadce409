/** What a node needs to install itself with one Ignition file, or which of it is missing. */
import type { FileFact, IgnitionFact, IgnitionKind, MissingFile } from '../facts.ts'
import { additionsOf } from '../ignition/additions.ts'
import type { Model, NodeModel } from '../model.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'

/** A file that a script names: what it is called, and where it is fetched. */
export type RemoteFile = { readonly name: string; readonly url: string }

export type Installation =
  | {
      readonly kind: 'possible'
      readonly style: 'live'
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      readonly rootfs: RemoteFile
      readonly ignitionUrl: string
    }
  | {
      readonly kind: 'possible'
      readonly style: 'installer'
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      readonly metal: RemoteFile
      readonly ignitionUrl: string
    }
  | {
      readonly kind: 'impossible'
      /** The image's files first, then the Ignition file and what is added to it. */
      readonly missing: readonly MissingFile[]
    }

export function installationOf(model: Model, node: NodeModel, ignition: IgnitionKind): Installation {
  const image = imageFacts(model, node.image)
  const missing = [...imageFiles(image).filter(isMissing), ...missingForIgnition(model, node, ignition)]
  if (missing.length > 0) return { kind: 'impossible', missing }

  const remote = (fact: FileFact): RemoteFile => {
    const name = fileName(fact.path)
    return { name, url: absoluteUrl(model.endpoint, urlPaths.image(node.image, name)) }
  }
  const common = {
    kind: 'possible',
    kernel: remote(image.kernel),
    initramfs: remote(image.initramfs),
    ignitionUrl: absoluteUrl(model.endpoint, urlPaths.ignition(node, ignition)),
  } as const
  return image.style === 'live'
    ? { ...common, style: 'live', rootfs: remote(image.rootfs) }
    : { ...common, style: 'installer', metal: remote(image.metal) }
}

/** What keeps a node's Ignition file from being served: the role's file, and what the site adds to it. */
export function missingForIgnition(model: Model, node: NodeModel, kind: IgnitionKind): MissingFile[] {
  const role = ignitionFact(model, node.cluster, kind)
  const { missing } = additionsOf(node, model.facts)
  if (isMissing(role)) return [role, ...missing]
  const { path, contents } = role
  if (node.files.length === 0 || !contents.version.startsWith('2.')) return [...missing]
  const problem = `${path} is Ignition ${contents.version}, and nothing can be added to a file before 3.1: leave hostname, files and networkKeyfiles out`
  return [{ kind: 'missing', path, problem }, ...missing]
}

/** In the order in which a node asks for them. */
export function imageFiles(image: ReturnType<typeof imageFacts>): readonly FileFact[] {
  return [image.kernel, image.initramfs, image.style === 'live' ? image.rootfs : image.metal]
}

export function imageFacts(model: Model, name: string) {
  return surveyed(model.facts.images.get(name), `image ${name}`)
}

export function ignitionFact(model: Model, cluster: string, kind: IgnitionKind): IgnitionFact {
  return surveyed(model.facts.ignition.get(cluster), `Ignition files of ${cluster}`)[kind]
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

export function isMissing(fact: FileFact): fact is MissingFile {
  return fact.kind === 'missing'
}

/** @throws {TypeError} when the facts are another site's: the caller compiled without a survey of this one */
function surveyed<T>(facts: T | undefined, what: string): T {
  if (facts === undefined) throw new TypeError(`site was not surveyed: ${what} not among the facts`)
  return facts
}
