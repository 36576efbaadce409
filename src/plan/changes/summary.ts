/** Counts the changes between two sites, and puts the counts into a sentence. Pure. */
import { pluralize } from '../../text/format.ts'
import type { Action, Changes, Kind } from './change.ts'

export const kindNames: Readonly<Record<Kind, string>> = {
  server: 'server setting',
  subnet: 'subnet',
  cluster: 'cluster',
  group: 'group',
  node: 'node',
  host: 'host',
  dns: 'DNS setting',
  zone: 'DNS zone',
  haproxy: 'HAProxy setting',
  frontend: 'frontend',
  backend: 'backend',
  image: 'image',
  ignition: 'Ignition file',
  loader: 'boot loader',
  file: 'served file',
  menu: 'boot menu',
  tftp: 'TFTP setting',
  keepalived: 'keepalived setting',
  store: 'shared store',
  api: 'setting of the API',
  syslog: 'syslog',
  inventory: 'inventory boot',
  hook: 'hook',
}

export type Summary = {
  readonly nodes: Readonly<Record<Action, number>>
  /** How many items of other kinds are added, changed, or removed; kinds without changes are absent. */
  readonly others: Readonly<Partial<Record<Kind, number>>>
}

export function summarize({ items }: Changes): Summary {
  const count = (action: Action): number =>
    items.filter((item) => item.kind === 'node' && item.action === action).length
  const others = Map.groupBy(
    items.filter(({ kind }) => kind !== 'node'),
    ({ kind }) => kind,
  )
  return {
    nodes: { add: count('add'), change: count('change'), remove: count('remove') },
    others: Object.fromEntries([...others].map(([kind, each]) => [kind, each.length])),
  }
}

/** `Plan: 2 nodes to add, 1 to change, 0 to remove. Other changes: 1 subnet, 2 DNS zones.` */
export function planSummary(changes: Changes): string {
  if (changes.items.length === 0) return 'No changes.'
  const { nodes } = summarize(changes)
  return `Plan: ${pluralize(nodes.add, 'node')} to add, ${nodes.change} to change, ${nodes.remove} to remove.${others(changes)}`
}

/** The same after the change: `2 nodes added, 1 changed, 0 removed. Other changes: 1 subnet, 2 DNS zones.` */
export function appliedSummary(changes: Changes): string {
  if (changes.items.length === 0) return 'No changes.'
  const { nodes } = summarize(changes)
  return `${pluralize(nodes.add, 'node')} added, ${nodes.change} changed, ${nodes.remove} removed.${others(changes)}`
}

function others(changes: Changes): string {
  const counts = Object.entries(summarize(changes).others).map(([kind, count]) =>
    pluralize(count, kindNames[kind as Kind]),
  )
  return counts.length === 0 ? '' : ` Other changes: ${counts.join(', ')}.`
}
