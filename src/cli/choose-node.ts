/** Finds a node by its name: `m1`, or `ocp45/m1` where several clusters have a node m1. */
import type { NodeModel } from '../plan/model.ts'
import { didYouMean } from '../text/nearest.ts'
import { UsageError } from './command.ts'

/** @throws {UsageError} when no node has this name, with a suggestion, or when several do */
export function chooseNode<Named extends Pick<NodeModel, 'key' | 'name'>>(
  { nodes }: { readonly nodes: readonly Named[] },
  name: string,
): Named {
  const matches = nodes.filter((node) => node.key === name || node.name === name)
  const [first, ...others] = matches
  if (first !== undefined && others.length === 0) return first
  if (first !== undefined) {
    throw new UsageError(
      `several clusters have a node ${name}: use ${matches.map(({ key }) => key).join(' or ')}`,
    )
  }
  const keys = nodes.map(({ key }) => key)
  throw new UsageError(
    `the site does not declare a node ${name}${didYouMean(name, name.includes('/') ? keys : nodes.map((node) => node.name))}; it has ${keys.join(', ')}`,
  )
}
