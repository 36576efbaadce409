/** What an installation still lacks, in lines for people, from what the API says of nodes and operators. Pure. */
import {
  conditionOf,
  isTrue,
  isUndecided,
  nameOf,
  textOf,
  timeOf,
  type ClusterOperator,
  type ClusterVersion,
  type Condition,
  type NodeObject,
  type SigningRequest,
} from './objects.ts'
import { oneLine } from './connection/errors.ts'
import { listSome } from '../text/list.ts'

/** `missing` may say something although it is done, and nothing although it is not. */
export type Judgement = { readonly isDone: boolean; readonly missing: readonly string[] }

export type WantedNode = { readonly name: string; readonly fqdn: string }

/** As openshift-install: an operator that stopped progressing may begin again at once. */
const stableMs = 30_000
const mostNames = 8
const mostMessage = 160

export type Readiness = {
  readonly state: 'ready' | 'not-ready'
  /** Since when, by the clock of who said so: milliseconds since 1970. */
  readonly since?: number
  /** Why it is not Ready. */
  readonly reason?: string
}

/** By its full name or its first label. */
export function nodeOf(
  { name, fqdn }: WantedNode,
  nodes: ReadonlyMap<string, NodeObject>,
): NodeObject | undefined {
  return nodes.get(fqdn) ?? nodes.get(name)
}

export function readinessOf(node: NodeObject): Readiness {
  const ready = conditionOf(node, 'Ready')
  const since = timeOf(ready?.lastTransitionTime)
  const time = since === undefined ? {} : { since }
  if (ready?.status === 'True') return { state: 'ready', ...time }
  const said = saidOf(ready)
  return { state: 'not-ready', ...time, ...(said === '' ? {} : { reason: said }) }
}

/** Whether every declared node has registered and is Ready. */
export function judgeNodes(
  wanted: readonly WantedNode[],
  nodes: readonly NodeObject[],
  requests: readonly SigningRequest[],
): Judgement {
  const byName = new Map(nodes.map((node) => [nameOf(node), node]))
  const lines = wanted.flatMap((each) => {
    const node = nodeOf(each, byName)
    if (node === undefined) return [`${each.name}: has not registered`]
    const { state, reason } = readinessOf(node)
    if (state === 'ready') return []
    return [`${each.name}: not Ready${reason === undefined ? '' : `: ${reason}`}`]
  })
  return { isDone: lines.length === 0, missing: lines.length === 0 ? [] : [...lines, ...pending(requests)] }
}

function pending(requests: readonly SigningRequest[]): string[] {
  const open = requests.filter(isUndecided)
  if (open.length === 0) return []
  const names = open.map((request) => {
    const user = textOf(request.spec?.username)
    return user.startsWith('system:node:')
      ? `${nameOf(request)} of ${user.slice('system:node:'.length)}`
      : nameOf(request)
  })
  return [`certificate requests that wait for approval: ${listed(names)}`]
}

/** As openshift-install: Available, neither Failing nor Progressing. */
export function judgeVersion(
  versions: readonly ClusterVersion[],
  operators: readonly ClusterOperator[],
): Judgement {
  const version = versions.find((each) => nameOf(each) === 'version')
  if (version === undefined) return { isDone: false, missing: ['there is no ClusterVersion yet'] }
  const isFailing = isTrue(version, 'Failing')
  const isDone =
    isTrue(version, 'Available') &&
    conditionOf(version, 'Failing')?.status === 'False' &&
    conditionOf(version, 'Progressing')?.status === 'False'
  if (isDone) return { isDone, missing: [] }
  const said = textOf(conditionOf(version, isFailing ? 'Failing' : 'Progressing')?.message)
  const unavailable = operators.filter((operator) => !isTrue(operator, 'Available')).map(nameOf)
  const degraded = operators.filter((operator) => isTrue(operator, 'Degraded'))
  return {
    isDone,
    missing: [
      ...(said === '' ? [] : [cut(said)]),
      ...(unavailable.length === 0 ? [] : [`operators not available: ${listed(unavailable)}`]),
      ...degraded.map((each) => `${nameOf(each)} is degraded${because(conditionOf(each, 'Degraded'))}`),
    ],
  }
}

/** As openshift-install: every operator has stopped progressing for half a minute. @param now since 1970 */
export function judgeOperators(operators: readonly ClusterOperator[], now: number): Judgement {
  const moving = operators.filter((operator) => {
    const progressing = conditionOf(operator, 'Progressing')
    const sinceMs = now - Date.parse(textOf(progressing?.lastTransitionTime))
    return progressing?.status !== 'False' || !(sinceMs > stableMs)
  })
  return {
    isDone: moving.length === 0 && operators.length > 0,
    missing: moving.length === 0 ? [] : [`operators not settled: ${listed(moving.map(nameOf))}`],
  }
}

function because(condition: Condition | undefined): string {
  const said = saidOf(condition)
  return said === '' ? '' : `: ${said}`
}

function saidOf(condition: Condition | undefined): string {
  return cut(textOf(condition?.message) || textOf(condition?.reason))
}

function cut(message: string): string {
  return oneLine(message, mostMessage)
}

function listed(names: readonly string[]): string {
  return listSome([...names].sort().map(cut), mostNames)
}
