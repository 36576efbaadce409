/**
 * Evaluates what an installation still needs from its bootstrap, nodes, version, and operators. A bootstrap is complete by
 * the ConfigMap that openshift-install waits for, or, while there is no kubeconfig, by the health checks of all masters.
 * Pure.
 */
import { listSome } from '../../text/format.ts'
import {
  conditionOf,
  isBootstrapComplete,
  isTrue,
  nameOf,
  textOf,
  timeOf,
  type ClusterOperator,
  type ClusterVersion,
  type Condition,
  type ConfigMap,
  type NodeObject,
  type PendingRequest,
} from '../objects.ts'
import type { Problem } from '../codes.ts'
import { oneLine } from '../connection/errors.ts'

/** `missing` can be empty although `isDone` is false, and the other way around. */
export type Evaluation = { readonly isDone: boolean; readonly missing: readonly Problem[] }

export type DeclaredNode = { readonly name: string; readonly fqdn: string }

/** As openshift-install: an operator that has just stopped progressing may start again. */
const stableForMs = 30_000
const maxNames = 8
const maxMessageCharacters = 160

export type Readiness = {
  readonly state: 'ready' | 'not-ready'
  /** Since when, by the cluster's clock: milliseconds since 1970. */
  readonly since?: number
  /** Why it is not Ready. */
  readonly reason?: string
}

/** Finds a node by its full name or its short name. */
export function findNode(
  { name, fqdn }: DeclaredNode,
  nodes: ReadonlyMap<string, NodeObject>,
): NodeObject | undefined {
  return nodes.get(fqdn) ?? nodes.get(name)
}

export function readinessOf(node: NodeObject): Readiness {
  const ready = conditionOf(node, 'Ready')
  const since = timeOf(ready?.lastTransitionTime)
  const time = since === undefined ? {} : { since }
  if (ready?.status === 'True') return { state: 'ready', ...time }
  const reason = reasonOf(ready)
  return { state: 'not-ready', ...time, ...(reason === '' ? {} : { reason }) }
}

/** Every declared node has to be registered and Ready. */
export function evaluateNodes(
  declared: readonly DeclaredNode[],
  nodes: readonly NodeObject[],
  requests: readonly PendingRequest[],
): Evaluation {
  const byName = new Map(nodes.map((node) => [nameOf(node), node]))
  const missing = declared.flatMap((each): Problem[] => {
    const node = findNode(each, byName)
    if (node === undefined) {
      return [{ code: 'cluster.node-not-registered', sentence: `${each.name}: has not registered` }]
    }
    const { state, reason } = readinessOf(node)
    if (state === 'ready') return []
    const sentence = `${each.name}: not Ready${reason === undefined ? '' : `: ${reason}`}`
    return [{ code: 'cluster.node-not-ready', sentence }]
  })
  if (missing.length === 0) return { isDone: true, missing }
  return { isDone: false, missing: [...missing, ...pendingProblem(requests)] }
}

function pendingProblem(requests: readonly PendingRequest[]): Problem[] {
  if (requests.length === 0) return []
  const names = requests.map(({ csr: { name, username } }) =>
    username.startsWith('system:node:') ? `${name} of ${username.slice('system:node:'.length)}` : name,
  )
  const sentence = `certificate requests waiting for approval: ${listed(names)}`
  return [{ code: 'csr.awaiting-approval', sentence }]
}

const versionConditions = [
  ['Available', 'True'],
  ['Failing', 'False'],
  ['Progressing', 'False'],
] as const

/** As openshift-install: the version has to be Available, and neither Failing nor Progressing. */
export function evaluateVersion(
  versions: readonly ClusterVersion[],
  operators: readonly ClusterOperator[],
): Evaluation {
  const version = versions.find((each) => nameOf(each) === 'version')
  if (version === undefined) {
    const sentence = 'there is no ClusterVersion yet'
    return { isDone: false, missing: [{ code: 'cluster.version-missing', sentence }] }
  }
  const unmet = versionConditions.filter(([type, status]) => conditionOf(version, type)?.status !== status)
  if (unmet.length === 0) return { isDone: true, missing: [] }
  const message = textOf(
    conditionOf(version, isTrue(version, 'Failing') ? 'Failing' : 'Progressing')?.message,
  )
  const unavailable = operators.filter((operator) => !isTrue(operator, 'Available')).map(nameOf)
  const degraded = operators.filter((operator) => isTrue(operator, 'Degraded'))
  const missing: Problem[] = [
    ...(message === '' ? [] : [incomplete(cut(message))]),
    ...(unavailable.length === 0
      ? []
      : [
          {
            code: 'cluster.operators-unavailable' as const,
            sentence: `operators not available: ${listed(unavailable)}`,
          },
        ]),
    ...degraded.map((each): Problem => {
      const reason = reasonOf(conditionOf(each, 'Degraded'))
      const sentence = `${nameOf(each)} is degraded${reason === '' ? '' : `: ${reason}`}`
      return { code: 'cluster.operator-degraded', sentence }
    }),
  ]
  const conditions = unmet.map(([type, status]) => {
    const actual = conditionOf(version, type)?.status
    return incomplete(
      actual === undefined
        ? `the ClusterVersion has no condition ${type}`
        : `the ClusterVersion's condition ${type} is ${cut(textOf(actual))}, expected ${status}`,
    )
  })
  return { isDone: false, missing: missing.length > 0 ? missing : conditions }
}

function incomplete(sentence: string): Problem {
  return { code: 'cluster.version-incomplete', sentence }
}

/** As openshift-install: no operator progresses for 30 s. @param now milliseconds since 1970 */
export function evaluateOperators(operators: readonly ClusterOperator[], now: number): Evaluation {
  const moving = operators.filter((operator) => {
    const progressing = conditionOf(operator, 'Progressing')
    const sinceMs = now - Date.parse(textOf(progressing?.lastTransitionTime))
    return progressing?.status !== 'False' || !(sinceMs > stableForMs)
  })
  return {
    isDone: moving.length === 0 && operators.length > 0,
    missing:
      moving.length === 0
        ? []
        : [
            {
              code: 'cluster.operators-progressing',
              sentence: `operators still progressing: ${listed(moving.map(nameOf))}`,
            },
          ],
  }
}

function reasonOf(condition: Condition | undefined): string {
  return cut(textOf(condition?.message) || textOf(condition?.reason))
}

function cut(message: string): string {
  return oneLine(message, maxMessageCharacters)
}

function listed(names: readonly string[]): string {
  return listSome([...names].sort().map(cut), maxNames)
}

/** How long all masters have to pass: while the first revisions roll out, their API servers restart. */
export const passingForMs = 3 * 60_000

/**
 * @param installedFrom when the bootstrap was last installed: an older ConfigMap belongs to the previous installation
 */
export function isComplete(configMaps: readonly ConfigMap[], installedFrom: number | undefined): boolean {
  return configMaps.some((configMap) => {
    const createdAt = Date.parse(textOf(configMap.metadata?.creationTimestamp))
    const isOlder = installedFrom !== undefined && !(createdAt >= installedFrom)
    return !isOlder && isBootstrapComplete(configMap)
  })
}

export type CheckHistory = {
  /** Since when all checks pass, by the monotonic clock. */
  readonly passingSinceMs?: number
  /** False while the checks that pass may belong to the previous installation. */
  readonly counts: boolean
}

export function startChecks(installedFrom: number | undefined): CheckHistory {
  return { counts: installedFrom === undefined }
}

/** @param isPassing whether every master passes @param nowMs of the monotonic clock */
export function addCheck(history: CheckHistory, isPassing: boolean, nowMs: number): CheckHistory {
  // Masters that are being installed do not answer.
  const counts = history.counts || !isPassing
  return isPassing && counts ? { counts, passingSinceMs: history.passingSinceMs ?? nowMs } : { counts }
}

export function hasPassed({ passingSinceMs }: CheckHistory, nowMs: number): boolean {
  return passingSinceMs !== undefined && nowMs - passingSinceMs >= passingForMs
}
