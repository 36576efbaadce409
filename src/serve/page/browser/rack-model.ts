/** Which nodes the rack shows and in which order: those that need attention first. Pure. */
import { modes, nodeStates, type Mode } from '../../../install/node-states.ts'
import { nowText, stateText } from '../../../install/step-text.ts'
import { isOtherSystem } from '../../../plan/systems/role.ts'
import { formatDuration } from '../../../text/format.ts'
import type { State } from './state.ts'
import type { Node } from './types.ts'

export type Filters = {
  /** Empty for all. */
  readonly cluster: string
  readonly role: string
  /** `problem`: nodes with a problem, in any state. */
  readonly state: '' | 'problem' | Mode
  /** Part of a name or an address. */
  readonly text: string
}

export const noFilters: Filters = { cluster: '', role: '', state: '', text: '' }

/** The filters in the address of the page: `state=problem&role=worker`. */
export function filtersOf(query: string): Filters {
  const values = new URLSearchParams(query)
  const state = values.get('state') ?? ''
  return {
    cluster: values.get('cluster') ?? '',
    role: values.get('role') ?? '',
    state: state === 'problem' ? state : (modes.find((mode) => mode === state) ?? ''),
    text: values.get('text') ?? '',
  }
}

export function queryOf(filters: Filters): string {
  return new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== '')).toString()
}

export function clusterOf(key: string): string {
  return key.slice(0, key.indexOf('/'))
}

export function nameOf(key: string): string {
  return key.slice(key.indexOf('/') + 1)
}

/** The names of the clusters and groups with machines, in the order of the site file. */
export type Owners = { readonly clusters: readonly string[]; readonly groups: readonly string[] }

export function ownersOf({ nodes, order }: Pick<State, 'nodes' | 'order'>): Owners {
  const owners = { clusters: new Set<string>(), groups: new Set<string>() }
  for (const key of order) {
    const node = nodes.get(key)
    // The role of a machine in a group is its operating system.
    if (node !== undefined) owners[isOtherSystem(node.role) ? 'groups' : 'clusters'].add(clusterOf(key))
  }
  return { clusters: [...owners.clusters], groups: [...owners.groups] }
}

function isShown(node: Node, { cluster, role, state, text }: Filters): boolean {
  if (cluster !== '' && clusterOf(node.node) !== cluster) return false
  if (role !== '' && node.role !== role) return false
  if (state === 'problem' ? node.symptom === undefined : state !== '' && node.mode !== state) return false
  if (text === '') return true
  return [node.node, node.address, node.mac, node.fqdn].some((value) => value.includes(text.toLowerCase()))
}

/** Problems, then active installations, then nodes that an administrator armed, then all others. */
function attention({ symptom, mode, step, armedUntil }: Node): number {
  if (symptom !== undefined || mode === 'failed') return 0
  if (mode === 'installing' || step?.outcome === 'under-way') return 1
  return armedUntil === undefined ? 3 : 2
}

/** Nodes of the same urgency keep the order of the site file, so that rows do not move without a reason. */
export function shownNodes({ nodes, order }: State, filters: Filters): Node[] {
  const groups: Node[][] = [[], [], [], []]
  for (const key of order) {
    const node = nodes.get(key)
    if (node !== undefined && isShown(node, filters)) groups[attention(node)]?.push(node)
  }
  return groups.flat()
}

export type Choice = { readonly value: Filters['state']; readonly title: string; readonly count: number }

/** The states that nodes have, with their number, for the filters. */
export function stateChoices({ nodes }: State, filters: Filters): Choice[] {
  const list = [...nodes.values()].filter((node) => isShown(node, { ...filters, state: '' }))
  const count = (mode: Mode) => list.filter((node) => node.mode === mode).length
  const problems = list.filter(({ symptom }) => symptom !== undefined).length
  const found: Choice[] = [
    { value: '', title: 'all', count: list.length },
    { value: 'problem', title: 'with a problem', count: problems },
    ...modes.map((mode): Choice => ({ value: mode, title: nodeStates[mode].title, count: count(mode) })),
  ]
  return found.filter(({ value, count: n }) => value === '' || n > 0 || value === filters.state)
}

/** Distinct values in the order of the site file. */
export function distinct({ nodes, order }: State, value: (node: Node) => string): string[] {
  return [...new Set(order.flatMap((key) => nodes.get(key) ?? []).map(value))]
}

export type RackRow = {
  readonly node: Node
  readonly state: string
  readonly now: string
  /** A fraction, while a download with a known size is active. */
  readonly progress: number | undefined
  readonly seen: string
  /** Changes if the row looks different. */
  readonly signature: string
}

/** A shorter time changes too often to be read. */
const justNowMs = 3000

function seenText(ms: number): string {
  return ms < justNowMs ? 'now' : `${formatDuration(ms)} ago`
}

export function rackRow(node: Node, now: number): RackRow {
  const { step, symptom, lastSeen, role, address } = node
  const isDownload = step?.outcome === 'under-way' && (step.total ?? 0) > 0
  const progress = isDownload ? Math.min(1, (step.octets ?? 0) / (step.total ?? 1)) : undefined
  const state = stateText(node, now)
  const text = nowText(step, now)
  const seen = lastSeen === undefined ? 'never' : seenText(now - lastSeen)
  const shown = [state, text, progress?.toFixed(3), seen, role, address, symptom?.saw, symptom?.advice]
  return { node, state, now: text, progress, seen, signature: shown.join('\n') }
}
