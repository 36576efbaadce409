/** What a node needs to install itself with one Ignition file, or which of it is missing. */
import { ignitionKinds, type FileFact, type IgnitionKind } from '../facts.ts'
import type { Model, NodeModel } from '../model.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'

export type MissingFile = Extract<FileFact, { kind: 'missing' }>

/** A file that a script names: what it is called, and where it is fetched. */
export type RemoteFile = { readonly name: string; readonly url: string }

export type Installation =
  | {
      readonly kind: 'possible'
      readonly style: 'live'
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      readonly rootfs: RemoteFile
      readonly ignition: IgnitionKind
      readonly ignitionUrl: string
    }
  | {
      readonly kind: 'possible'
      readonly style: 'installer'
      readonly kernel: RemoteFile
      readonly initramfs: RemoteFile
      readonly metal: RemoteFile
      readonly ignition: IgnitionKind
      readonly ignitionUrl: string
    }
  | {
      readonly kind: 'impossible'
      /** The image's files first, then the Ignition file. */
      readonly missing: readonly MissingFile[]
    }

export function installationOf(model: Model, node: NodeModel, ignition: IgnitionKind): Installation {
  const image = imageFacts(model, node.image)
  const missing = neededFiles(model, node, ignition)
    .map(({ fact }) => fact)
    .filter(isMissing)
  if (missing.length > 0) return { kind: 'impossible', missing }

  const remote = (fact: FileFact): RemoteFile => {
    const name = fileName(fact.path)
    return { name, url: absoluteUrl(model.endpoint, urlPaths.image(node.image, name)) }
  }
  const common = {
    kind: 'possible',
    kernel: remote(image.kernel),
    initramfs: remote(image.initramfs),
    ignition,
    ignitionUrl: absoluteUrl(model.endpoint, urlPaths.ignition(node, ignition)),
  } as const
  return image.style === 'live'
    ? { ...common, style: 'live', rootfs: remote(image.rootfs) }
    : { ...common, style: 'installer', metal: remote(image.metal) }
}

/** What a cluster's nodes may be installed as: a single node needs neither a bootstrap nor masters. */
export function ignitionKindsOf({ nodes }: Pick<Model, 'nodes'>, cluster: string): readonly IgnitionKind[] {
  const kinds = new Set(nodes.filter((node) => node.cluster === cluster).map(({ ignition }) => ignition))
  return ignitionKinds.filter((kind) => (kinds.has('single') ? kinds.has(kind) : kind !== 'single'))
}

/** The files that an installation takes, and what each belongs to: `image rhcos-4.17`, `cluster ocp45`. */
export function neededFiles(
  model: Model,
  { cluster, image }: Pick<NodeModel, 'cluster' | 'image'>,
  ignition: IgnitionKind,
): { readonly fact: FileFact; readonly about: string }[] {
  const facts = imageFacts(model, image)
  const files = imageFiles(facts).map((fact) =>
    // Its Ignition file is read by a live system, which the older style has not.
    ignition === 'single' && facts.style === 'installer' ? notLive(fact) : fact,
  )
  return [
    ...files.map((fact) => ({ fact, about: `image ${image}` })),
    { fact: ignitionFact(model, cluster, ignition), about: `cluster ${cluster}` },
  ]
}

function notLive({ path }: FileFact): MissingFile {
  const dir = path.slice(0, path.lastIndexOf('/'))
  const problem = `${dir} holds a release of the 4.5 style, a single node bootstraps itself from a live one (4.8 or later)`
  return { kind: 'missing', path: dir, problem }
}

/** In the order in which a node asks for them. */
export function imageFiles(image: ReturnType<typeof imageFacts>): readonly FileFact[] {
  return [image.kernel, image.initramfs, image.style === 'live' ? image.rootfs : image.metal]
}

export function imageFacts(model: Model, name: string) {
  return surveyed(model.facts.images.get(name), `image ${name}`)
}

export function ignitionFact(model: Model, cluster: string, kind: IgnitionKind): FileFact {
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
