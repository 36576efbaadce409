/** Finds a node by its name: `w4`, or `ocp45/w4` if several clusters have a node w4. Pure. */
import { didYouMean } from '../text/nearest.ts'
import type { NodeModel } from './model.ts'

type Named = Pick<NodeModel, 'key' | 'name'>

/** Returns the node; or a sentence when no node has this name, with a suggestion, or when several do. */
export function findNode<Node extends Named>(nodes: readonly Node[], name: string): Node | string {
  const matches = nodes.filter((node) => node.key === name || node.name === name)
  const [first, ...others] = matches
  if (first !== undefined && others.length === 0) return first
  if (first !== undefined) {
    return `several clusters have a node ${name}: use ${matches.map(({ key }) => key).join(' or ')}`
  }
  const keys = nodes.map(({ key }) => key)
  const suggestion = didYouMean(name, name.includes('/') ? keys : nodes.map((node) => node.name))
  return `the site does not declare a node ${name}${suggestion}; it has ${keys.join(', ')}`
}

/** Splits keys of nodes: `ocp45/w4` has the name `w4`. */
export function namedNodes(keys: readonly string[]): Named[] {
  return keys.map((key) => ({ key, name: key.slice(key.indexOf('/') + 1) }))
}
