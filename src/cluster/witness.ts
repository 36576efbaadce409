/**
 * What a cluster says of its nodes, as observations of each node's way: that it registered, is Ready or not, was
 * removed. Said once for each transition, also over restarts: what was said before is in the node's history.
 */
import type { ClusterEvent, Observation, Seen } from '../install/observation.ts'
import { readinessOf } from './missing.ts'
import { timeOf, type NodeObject } from './objects.ts'

type Word = { readonly word: ClusterEvent; readonly since?: number; readonly reason?: string }

/** The last word on each of two questions. */
type Said = {
  /** `registered` or `removed`. */
  readonly presence?: Word
  /** `ready` or `not-ready`, since it registered. */
  readonly readiness?: Word
}

export type Witness = {
  /** @param node as the cluster has it, undefined when it has none */
  look(key: string, node: NodeObject | undefined): void
  /** What was said of it does not count any more. */
  forget(key: string): void
}

type WitnessOptions = {
  /** Oldest first. */
  readonly history: (key: string) => readonly Observation[]
  readonly observe: (seen: Seen) => void
}

export function createWitness({ history, observe }: WitnessOptions): Witness {
  const said = new Map<string, Said>()
  return {
    look(key, node) {
      let before = said.get(key) ?? history(key).reduce(take, {})
      for (const word of newWords(before, node)) {
        before = take(before, word)
        observe({ node: key, kind: 'cluster', ...word })
      }
      said.set(key, before)
    },
    forget: (key) => void said.delete(key),
  }
}

function take(said: Said, seen: Observation | Word): Said {
  if ('kind' in seen && seen.kind !== 'cluster') return said
  switch (seen.word) {
    case 'registered':
    case 'removed':
      return { presence: seen }
    case 'ready':
    case 'not-ready':
      return { ...said, readiness: seen }
    case 'approved-client':
    case 'approved-serving':
      return said
  }
}

/** In the order in which they came about. */
function newWords({ presence, readiness }: Said, node: NodeObject | undefined): Word[] {
  const isKnown = presence?.word === 'registered'
  if (node === undefined) return isKnown ? [{ word: 'removed' }] : []
  const madeAt = timeOf(node.metadata?.creationTimestamp)
  const isSame = isKnown && presence.since === madeAt
  const registered: Word[] = isSame
    ? []
    : [{ word: 'registered', ...(madeAt !== undefined && { since: madeAt }) }]
  const { state: word, ...more } = readinessOf(node)
  const isSaid = isSame && readiness?.word === word && readiness.since === more.since
  return isSaid ? registered : [...registered, { word, ...more }]
}
