/** What differs between the images, boot loaders, and Ignition files of two sites, as they were found on the disk. Pure. */
import { formatBytes, listSome } from '../../text/format.ts'
import { ignitionKinds, type FileFact, type IgnitionFact } from '../facts.ts'
import { formatMinute } from '../ignition/findings.ts'
import { declaredImage, ignitionFact, ignitionKindsOf } from '../boot/installation.ts'
import type { Model } from '../model.ts'
import {
  compareThings,
  field,
  listField,
  withoutSecret,
  type Change,
  type Effect,
  type Field,
  type Things,
} from './change.ts'

export function* compareFiles(before: Model, after: Model): Generator<void, Change[]> {
  const usersOf = Map.groupBy(after.nodes, ({ image }) => image)
  const imageEffects = (name: string): Effect[] => {
    const users = (usersOf.get(name) ?? []).map(({ key }) => key)
    if (users.length === 0) return []
    const text = `${listSome(users, 8)} ${users.length === 1 ? 'is' : 'are'} installed from it`
    return [{ code: 'plan.image-used', text }]
  }
  return [
    ...(yield* compareThings('image', images(before), images(after), imageEffects)),
    ...(yield* compareThings('ignition', ignition(before), ignition(after))),
    ...(yield* compareThings('loader', loaders(before), loaders(after))),
  ]
}

function images(model: Model): Things {
  return new Map(
    Object.entries(model.site.images).map(([name, { dir, architecture }]) => [
      name,
      () => [field('dir', dir), field('architecture', architecture), ...imageFields(model, name)],
    ]),
  )
}

function imageFields(model: Model, name: string): Field[] {
  const facts = declaredImage(model, name)
  const last = facts.style === 'installer' ? facts.metal : facts.rootfs
  return [
    field('style', facts.style === 'system' ? facts.os : facts.style),
    field('kernel', fileText(facts.kernel)),
    field('initramfs', fileText(facts.initramfs)),
    field(facts.style === 'installer' ? 'metal' : 'rootfs', last && fileText(last)),
    listField('arguments', facts.style === 'agent' ? (facts.kernelArguments ?? []).map(withoutSecret) : []),
  ]
}

function fileText(fact: FileFact): string {
  return fact.kind === 'found' ? `${fact.path} (${formatBytes(fact.octets)})` : `${fact.path} (missing)`
}

function loaders({ facts }: Model): Things {
  return new Map([...facts.loaders].map(([name, fact]) => [name, () => [field('file', fileText(fact))]]))
}

/** Files that the nodes of a cluster can be installed with, by `CLUSTER/KIND`, and those of other systems by their path. */
function ignition(model: Model): Things {
  const ofSystems = [...(model.facts.systemIgnition ?? [])].map(([path, fact]): [string, () => Field[]] => [
    path,
    () => ignitionFields(fact),
  ])
  const ofClusters = model.nodes.filter(({ system }) => system === undefined)
  const clusters = new Map(ofClusters.map((node) => [node.cluster, node]))
  return new Map([
    ...ofSystems,
    ...[...clusters].flatMap(([cluster, node]) => {
      const wanted = new Set(ignitionKindsOf(model, node))
      return ignitionKinds
        .filter((kind) => wanted.has(kind))
        .map((kind): [string, () => Field[]] => [
          `${cluster}/${kind}`,
          () => ignitionFields(ignitionFact(model, node, kind)),
        ])
    }),
  ])
}

function ignitionFields(fact: IgnitionFact): Field[] {
  if (fact.kind === 'asked') return [field('file', 'requested from the cluster')]
  if (fact.kind === 'missing') return [field('file', fileText(fact))]
  const { version, madeAt, firstToExpire } = fact.contents
  return [
    field('file', fileText(fact)),
    field('version', version),
    field('made at', madeAt === undefined ? undefined : formatMinute(madeAt)),
    field('first certificate expires', firstToExpire && formatMinute(firstToExpire.notAfter)),
  ]
}
