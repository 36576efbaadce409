/**
 * A map whose entries are created from the model of a node when one of them is first requested. Most scripts and Ignition
 * files of a large site are never requested, and those of 5,000 nodes have half a million objects.
 */
import type { NodeModel } from '../model.ts'

type NodeMapOptions<Value> = {
  /** Keys are node keys, ordered as in the site file. */
  readonly nodes: ReadonlyMap<string, NodeModel>
  /** Returns the key of the node that could have an entry of this key. */
  readonly nodeOf: (key: string) => string | undefined
  /** Returns all entries of a node. Pure. */
  readonly create: (node: NodeModel) => Iterable<readonly [key: string, value: Value]>
}

export class NodeMap<Value> implements ReadonlyMap<string, Value> {
  readonly #options: NodeMapOptions<Value>
  /** The entries of nodes that were requested, by node key. */
  readonly #created = new Map<string, ReadonlyMap<string, Value>>()

  constructor(options: NodeMapOptions<Value>) {
    this.#options = options
  }

  get(key: string): Value | undefined {
    return this.#entriesOf(key)?.get(key)
  }

  has(key: string): boolean {
    return this.#entriesOf(key)?.has(key) === true
  }

  #entriesOf(key: string): ReadonlyMap<string, Value> | undefined {
    const { nodes, nodeOf, create } = this.#options
    const nodeKey = nodeOf(key)
    if (nodeKey === undefined) return undefined
    const before = this.#created.get(nodeKey)
    if (before !== undefined) return before
    const node = nodes.get(nodeKey)
    if (node === undefined) return undefined
    const entries = new Map(create(node))
    this.#created.set(nodeKey, entries)
    return entries
  }

  /** Creates all entries, and keeps none of them. */
  *entries(): Generator<[string, Value], undefined, unknown> {
    const { nodes, create } = this.#options
    for (const node of nodes.values()) {
      for (const [key, value] of this.#created.get(node.key) ?? create(node)) yield [key, value]
    }
  }

  [Symbol.iterator](): Generator<[string, Value], undefined, unknown> {
    return this.entries()
  }

  *keys(): Generator<string, undefined, unknown> {
    for (const [key] of this.entries()) yield key
  }

  *values(): Generator<Value, undefined, unknown> {
    for (const [, value] of this.entries()) yield value
  }

  get size(): number {
    return [...this.keys()].length
  }

  forEach(each: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [key, value] of this.entries()) each(value, key, this)
  }
}
