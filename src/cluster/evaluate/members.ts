/**
 * The nodes of a cluster as it reports them: the state of each declared node, and the transitions to record as
 * observations: registered, ready, not ready, removed. Each transition is recorded once, even after a restart: the
 * node's history holds the earlier ones. Pure, apart from the memory of what was recorded.
 */
import type { ClusterEvent, Observation, Seen } from '../../install/observation.ts'
import { nameOf, timeOf, type NodeObject } from '../objects.ts'
import type { MemberReport } from '../report.ts'
import { findNode, readinessOf, type DeclaredNode } from './requirements.ts'

export type Member = DeclaredNode & { readonly key: string }

/** @param nodes undefined if they are not known at the moment */
export function memberReports(
  members: readonly Member[],
  nodes: readonly NodeObject[] | undefined,
): readonly MemberReport[] {
  if (nodes === undefined) return members.map(({ key }) => ({ node: key, state: 'unknown' }))
  const byName = nodesByName(nodes)
  return members.map((member) => {
    const node = findNode(member, byName)
    if (node === undefined) return { node: member.key, state: 'absent', code: 'cluster.node-not-registered' }
    const readiness = readinessOf(node)
    const code = readiness.state === 'not-ready' && ({ code: 'cluster.node-not-ready' } as const)
    return { node: member.key, ...code, ...readiness }
  })
}

export function nodesByName(nodes: readonly NodeObject[]): ReadonlyMap<string, NodeObject> {
  return new Map(nodes.map((node) => [nameOf(node), node]))
}

/** What slipway knows of a cluster that it follows. */
export type ClusterContact = {
  /** Whether the list of its nodes is known at the moment. */
  readonly hasNodes: boolean
  /** Whether its API answered at any time of this installation. */
  readonly hasAnswered: boolean
  readonly isOut: boolean
}

/**
 * Returns whether slipway knows if a cluster has a node. It does not know this during the first request, or while a
 * cluster that answered before does not respond. A cluster that never answered has no nodes yet.
 *
 * @param contact undefined if slipway follows no cluster that could have the node
 */
export function isMembershipKnown(contact: ClusterContact | undefined): boolean {
  if (contact === undefined || contact.hasNodes) return true
  return contact.isOut && !contact.hasAnswered
}

type Transition = { readonly word: ClusterEvent; readonly since?: number; readonly reason?: string }

/** The last transition of each of the two states. */
type LastTransitions = {
  /** `registered` or `removed`. */
  readonly presence?: Transition
  /** `ready` or `not-ready`, since it registered. */
  readonly readiness?: Transition
  /** The `bootID` at the last update; absent after a restart of slipway, because the history does not contain it. */
  readonly bootID?: string
}

export type MemberHistory = {
  /** Records the transitions of a node. @param node undefined if the cluster has no such node */
  update(key: string, node: NodeObject | undefined): void
  /** Compares with the history again at the next update, of one node or all. */
  forget(key?: string): void
}

type MemberHistoryOptions = {
  /** Returns what was observed of a node, oldest first. */
  readonly history: (key: string) => readonly Observation[]
  readonly observe: (seen: Seen) => void
}

export function createMemberHistory({ history, observe }: MemberHistoryOptions): MemberHistory {
  const recorded = new Map<string, LastTransitions>()
  return {
    update(key, node) {
      let last = recorded.get(key) ?? history(key).reduce(applyTransition, {})
      for (const transition of newTransitions(last, node)) {
        last = applyTransition(last, transition)
        observe({ node: key, kind: 'cluster', ...transition })
      }
      const bootID = node?.status?.nodeInfo?.bootID
      recorded.set(key, bootID === undefined ? last : { ...last, bootID })
    },
    forget(key) {
      if (key === undefined) recorded.clear()
      else recorded.delete(key)
    },
  }
}

function applyTransition(last: LastTransitions, seen: Observation | Transition): LastTransitions {
  if ('kind' in seen && seen.kind !== 'cluster') return last
  switch (seen.word) {
    case 'registered':
    case 'removed':
      return { presence: seen }
    case 'ready':
    case 'not-ready':
      return { ...last, readiness: seen }
    case 'approved-client':
    case 'approved-serving':
    case 'assisted':
    case 'assisted-installed':
    case 'assisted-failed':
      return last
  }
}

/**
 * Returns the transitions in the order in which they happened. A node that restarts so fast that it is never NotReady
 * shows this only by another `bootID`.
 */
function newTransitions(
  { presence, readiness, bootID }: LastTransitions,
  node: NodeObject | undefined,
): Transition[] {
  const isRegistered = presence?.word === 'registered'
  if (node === undefined) return isRegistered ? [{ word: 'removed' }] : []
  const createdAt = timeOf(node.metadata?.creationTimestamp)
  const isSame = isRegistered && presence.since === createdAt
  const registered: Transition[] = isSame
    ? []
    : [{ word: 'registered', ...(createdAt !== undefined && { since: createdAt }) }]
  const { state: word, ...details } = readinessOf(node)
  const hasRestarted = bootID !== undefined && (node.status?.nodeInfo?.bootID ?? bootID) !== bootID
  const isRecorded = isSame && !hasRestarted && readiness?.word === word && readiness.since === details.since
  return isRecorded ? registered : [...registered, { word, ...details }]
}
