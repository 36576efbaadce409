/** The node that a person means: `m1`, or `ocp45/m1` where several clusters have an m1. */
import type { NodeModel } from '../plan/model.ts'
import { didYouMean } from '../text/nearest.ts'
import { UsageError } from './command.ts'

/** @throws {UsageError} when there is none, with what may have been meant, or when there are several */
export function chooseNode<Named extends Pick<NodeModel, 'key' | 'name'>>(
  { nodes }: { readonly nodes: readonly Named[] },
  name: string,
): Named {
  const fitting = nodes.filter((node) => node.key === name || node.name === name)
  const [first, ...others] = fitting
  if (first !== undefined && others.length === 0) return first
  if (first !== undefined) {
    throw new UsageError(
      `${name} is in several clusters: write ${fitting.map(({ key }) => key).join(' or ')}`,
    )
  }
  const keys = nodes.map(({ key }) => key)
  throw new UsageError(
    `the site has no node ${name}${didYouMean(name, name.includes('/') ? keys : nodes.map((node) => node.name))}; it has ${keys.join(', ')}`,
  )
}
