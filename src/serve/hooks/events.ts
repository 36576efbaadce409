/**
 * Events for hooks (docs/hooks.md): some are observations of a node, the others are differences between two snapshots of
 * the status. Published: names and members never change their meaning. No event contains a secret. Pure.
 */
import type { Observation } from '../../install/observation.ts'
import type { Mode } from '../../install/node-states.ts'
import type { HookEventName } from '../../plan/hooks.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { pluralize, listSome } from '../../text/format.ts'

export type HookEvent = EventDraft & {
  /** The same for each attempt, and for each hook. */
  readonly id: string
  /** ISO 8601, UTC. */
  readonly timestamp: string
  /** The name of the site. */
  readonly site: string
  /** `server.address` of the site. */
  readonly server: string
}

export type EventDraft = {
  /** `hook.test`: sent by `slipway hooks test`. */
  readonly type: HookEventName | 'hook.test'
  /** One sentence for administrators, without a full stop. */
  readonly text: string
  readonly data: Readonly<Record<string, unknown>>
}

const stateEvents: Readonly<Partial<Record<Mode, readonly [HookEventName, text: string]>>> = {
  install: ['node.armed', 'is armed'],
  installing: ['node.install-started', 'started its installation'],
  installed: ['node.installed', 'is installed'],
  failed: ['node.install-failed', 'failed to install'],
}

/** Returns the event of an observation, if it has one. */
export function observationEvent(seen: Observation): EventDraft | undefined {
  const { node } = seen
  if (seen.kind === 'state') {
    const [type, text] = stateEvents[seen.to] ?? []
    if (type === undefined) return undefined
    const { from, to, reason } = seen
    return { type, text: `${node} ${text}: ${reason}`, data: { node, from, to, reason } }
  }
  if (seen.kind !== 'cluster') return undefined
  const { word, reason } = seen
  const data = { node, ...(reason !== undefined && { reason }) }
  const because = reason === undefined ? '' : `: ${reason}`
  switch (word) {
    case 'approved-client':
    case 'approved-serving': {
      const kind = word === 'approved-client' ? 'client' : 'serving'
      const text = `slipway approved the ${kind} certificate of ${node}${because}`
      return { type: 'csr.approved', text, data: { node, certificate: kind, request: reason } }
    }
    case 'ready':
      return { type: 'node.ready', text: `${node} is Ready`, data }
    case 'not-ready':
      return { type: 'node.not-ready', text: `${node} is not Ready${because}`, data }
    case 'removed':
      return { type: 'node.removed', text: `the cluster no longer has ${node}`, data }
    case 'registered':
    case 'assisted':
    case 'assisted-installed':
      return undefined
    case 'assisted-failed':
      return {
        type: 'node.install-failed',
        text: `the assisted service reports an error of ${node}${because}`,
        data,
      }
  }
}

/** The part of the status that events are made from. */
export type Snapshot = {
  readonly problems: readonly ActiveProblem[]
  readonly symptoms: ReadonlyMap<string, NodeSymptom>
  /** By MAC address. */
  readonly machines: ReadonlyMap<string, object>
  /** Pending certificate requests by cluster and name. */
  readonly pending: ReadonlyMap<string, PendingRequest>
  /** By cluster. */
  readonly bootstraps: ReadonlyMap<string, { readonly kind: string; readonly reason: string }>
}

export type NodeSymptom = {
  readonly code: string
  readonly saw: string
  readonly likely: string
  readonly advice: string
}

export type PendingRequest = {
  readonly cluster: string
  readonly name: string
  readonly username: string
  readonly code: string
  readonly reason: string
  /** The number of consecutive snapshots: the cluster's own controller approves many requests within seconds. */
  readonly snapshots: number
}

const pendingSnapshots = 2

/** @param before absent for the first snapshot: then only problems, symptoms, and undeclared machines are events */
export function snapshotEvents(before: Snapshot | undefined, after: Snapshot): EventDraft[] {
  return [
    ...problemEvents(before?.problems ?? [], after.problems),
    ...symptomEvents(before?.symptoms ?? new Map(), after.symptoms),
    ...machineEvents(before?.machines ?? new Map(), after.machines),
    ...pendingEvents(after.pending),
    ...(before === undefined ? [] : bootstrapEvents(before.bootstraps, after.bootstraps)),
  ]
}

/** Compares by code, because texts contain durations. Another problem with the same code is an event again. */
function problemEvents(before: readonly ActiveProblem[], after: readonly ActiveProblem[]): EventDraft[] {
  const [was, is] = [textsByCode(before), textsByCode(after)]
  const started = [...is].filter(([code, texts]) => texts.length > (was.get(code)?.length ?? 0))
  const ended = [...was].filter(([code]) => !is.has(code))
  return [
    ...started.map(([code, texts]): EventDraft => {
      return { type: 'problem.started', text: `${code}: ${listSome(texts, 3)}`, data: { code, texts } }
    }),
    ...ended.map(([code, texts]): EventDraft => {
      return { type: 'problem.ended', text: `${code} has ended`, data: { code, texts } }
    }),
  ]
}

function textsByCode(problems: readonly ActiveProblem[]): Map<string, string[]> {
  const texts = new Map<string, string[]>()
  for (const { code, text } of problems) texts.set(code, [...(texts.get(code) ?? []), text])
  return texts
}

function symptomEvents(before: Snapshot['symptoms'], after: Snapshot['symptoms']): EventDraft[] {
  const ended = [...before].filter(([node, { code }]) => after.get(node)?.code !== code)
  const started = [...after].filter(([node, { code }]) => before.get(node)?.code !== code)
  return [
    ...ended.map(([node, { code }]): EventDraft => {
      return { type: 'node.problem-ended', text: `${node}: ${code} has ended`, data: { node, code } }
    }),
    ...started.map(([node, { code, saw, likely, advice }]): EventDraft => {
      const data = { node, code, saw, likely, advice }
      return { type: 'node.problem-started', text: `${node} ${saw}`, data }
    }),
  ]
}

/** One event for all new machines, so that a flood of requests does not displace other events. */
function machineEvents(before: Snapshot['machines'], after: Snapshot['machines']): EventDraft[] {
  const fresh = [...after].filter(([mac]) => !before.has(mac))
  if (fresh.length === 0) return []
  const addresses = fresh.map(([mac]) => mac)
  const text = `${pluralize(fresh.length, 'undeclared machine')} sent DHCP requests: ${listSome(addresses, 3)}`
  return [{ type: 'machine.undeclared', text, data: { machines: fresh.map(([, facts]) => facts) } }]
}

function pendingEvents(pending: Snapshot['pending']): EventDraft[] {
  const fresh = [...pending.values()].filter(({ snapshots }) => snapshots === pendingSnapshots)
  const clusters = [...new Set(fresh.map(({ cluster }) => cluster))]
  return clusters.map((cluster): EventDraft => {
    const requests = fresh
      .filter((each) => each.cluster === cluster)
      .map(({ name, username, code, reason }) => ({ name, username, code, reason }))
    const names = requests.map(({ name, reason }) => `${name} (${reason})`)
    const text = `${cluster}: ${pluralize(requests.length, 'certificate request')} pending: ${listSome(names, 3)}`
    return { type: 'csr.pending', text, data: { cluster, requests } }
  })
}

function bootstrapEvents(before: Snapshot['bootstraps'], after: Snapshot['bootstraps']): EventDraft[] {
  return [...after]
    .filter(
      ([cluster, { kind }]) => kind === 'out' && before.has(cluster) && before.get(cluster)?.kind !== 'out',
    )
    .map(([cluster, { reason }]): EventDraft => {
      const text = `the bootstrap of ${cluster} is drained: ${reason}`
      return { type: 'bootstrap.removed', text, data: { cluster, reason } }
    })
}
