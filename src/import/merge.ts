/**
 * Merges what several files contain about the same machines, names, and clusters, and assigns machines to clusters.
 * Pure.
 */
import { parseMac } from '../proto/address/mac.ts'
import type { Role } from '../site/schema.ts'
import { defined } from '../text/defined.ts'
import {
  balancerDomain,
  plainName,
  type ClusterFact,
  type Facts,
  type MachineFact,
  type NameFact,
  type Note,
} from './facts.ts'

export type Machine = MachineFact & {
  /** The full name of its cluster, if it is one of its nodes. */
  readonly cluster?: string
}

export type Cluster = ClusterFact & {
  /** `<name>.<domain>` */
  readonly fullName: string
  readonly api: readonly string[]
  readonly apiInternal: readonly string[]
  readonly ingress: readonly string[]
  readonly nodes: readonly Machine[]
}

export type Merged = {
  readonly clusters: readonly Cluster[]
  /** Machines and names that are not nodes. */
  readonly hosts: readonly Machine[]
  readonly notes: readonly Note[]
}

export function mergeFacts(facts: Facts): Merged {
  const notes: Note[] = [...facts.notes]
  const clusters = mergeClusters(facts)
  const names = clusterNames(facts, clusters)
  const machines = mergeMachines(facts.machines, notes)
  const aliases = addNames(
    machines,
    names.filter(({ name }) => !isClusterName(name, clusters)),
    facts.domain,
  )
  const assigned = machines.map((machine) => assign(machine, clusters, facts.domain))
  const free = withoutRepeatedMacs(assigned, notes)
  return {
    clusters: clusters.map((cluster) => ({
      ...cluster,
      ...endpoints(cluster.fullName, names),
      nodes: free
        .filter((machine) => machine.cluster === cluster.fullName && machine.role !== undefined)
        .sort((a, b) => roleOrder.indexOf(a.role as Role) - roleOrder.indexOf(b.role as Role)),
    })),
    hosts: [
      ...free.filter((machine) => machine.cluster === undefined || machine.role === undefined),
      ...aliases,
    ],
    notes,
  }
}

const roleOrder: readonly Role[] = ['bootstrap', 'single', 'master', 'arbiter', 'worker', 'infra']

type Known = ClusterFact & { readonly fullName: string }

/** Finds clusters by name, and by the names that every cluster has. */
function mergeClusters(facts: Facts): Known[] {
  const { clusters, names } = facts
  const found = new Map<string, Known>()
  const agents = clusters.filter(({ domain }) => domain === '')
  for (const cluster of clusters.filter(({ domain }) => domain !== '')) {
    const fullName = plainName(`${cluster.name}.${cluster.domain}`)
    found.set(fullName, { ...found.get(fullName), ...cluster, fullName })
  }
  for (const { name, ...at } of names.filter((each) => !isOfBalancer(each))) {
    const [, cluster, domain] = /^(?:api|api-int|\*\.apps)\.([^.]+)\.(.+?)\.?$/i.exec(name) ?? []
    if (cluster === undefined || domain === undefined) continue
    const fullName = plainName(`${cluster}.${domain}`)
    if (!found.has(fullName))
      found.set(fullName, { file: at.file, line: at.line, name: cluster, domain, fullName })
  }
  if (found.size === 0) for (const cluster of clustersOfMachines(facts)) found.set(cluster.fullName, cluster)
  if (found.size === 0) {
    const unnamed =
      agents[0] ?? names.find(isOfBalancer) ?? facts.machines.find(({ role }) => role !== undefined)
    const { name = '' } = agents[0] ?? {}
    if (unnamed !== undefined) {
      const { file, line } = unnamed
      found.set(balancerDomain, { file, line, name, domain: '', fullName: balancerDomain })
    }
  }
  const isAgent = agents.length > 0
  return [...found.values()].map((each) => ({
    ...each,
    ...defined({
      isAgent:
        isAgent && (found.size === 1 || agents.some(({ name }) => name === each.name)) ? true : undefined,
    }),
  }))
}

function isOfBalancer({ name }: NameFact): boolean {
  return name.endsWith(`.${balancerDomain}`)
}

/** Names of a load balancer are those of the first cluster, unless other files have these names. */
function clusterNames({ names }: Facts, [first]: readonly Known[]): NameFact[] {
  const own = names
    .filter((each) => !isOfBalancer(each))
    .map((each) => ({ ...each, name: plainName(each.name) }))
  const balanced = names.filter(isOfBalancer).map((each) => ({
    ...each,
    name: each.name.replace(balancerDomain, first?.fullName ?? balancerDomain),
  }))
  return [...own, ...balanced.filter(({ name }) => !own.some((each) => each.name === name))]
}

/** If no file names the cluster, its domain follows from the full names of control-plane nodes, or from DHCP. */
function clustersOfMachines({ machines, domain }: Facts): Known[] {
  return machines.flatMap(({ name = '', role, file, line }) => {
    const known = role ?? roleOfName(name)
    const [, own = known === 'master' ? (domain ?? '') : ''] = /^[^.]+\.(.+?)\.?$/.exec(name) ?? []
    if (known === undefined) return []
    const [cluster = '', ...base] = plainName(own).split('.')
    return base.length === 0
      ? []
      : [{ file, line, name: cluster, domain: base.join('.'), fullName: plainName(own) }]
  })
}

/** `api`, `api-int`, names below `apps`, and the names of etcd members follow from the cluster. */
function isClusterName(name: string, clusters: readonly Known[]): boolean {
  return clusters.some(
    ({ fullName }) =>
      name.endsWith(`.apps.${fullName}`) ||
      name === `apps.${fullName}` ||
      (name.endsWith(`.${fullName}`) &&
        /^(?:api|api-int|etcd-\d+)$/.test(name.slice(0, -fullName.length - 1))),
  )
}

function endpoints(fullName: string, names: readonly NameFact[]) {
  const addressesOf = (label: string) => [
    ...new Set(names.filter(({ name }) => name === `${label}.${fullName}`).map(({ address }) => address)),
  ]
  const api = addressesOf('api')
  const ingress = addressesOf('*.apps')
  return {
    api,
    apiInternal: addressesOf('api-int'),
    ingress: ingress.length > 0 ? ingress : addressesOf('apps'),
  }
}

/** Entries for one machine have the same MAC address, the same name, or the same address without another name. */
function mergeMachines(machines: readonly MachineFact[], notes: Note[]): MachineFact[] {
  const merged: MachineFact[] = []
  for (const given of machines) {
    const machine = normalized(given, notes)
    const at = merged.findIndex((known) => isSameMachine(known, machine))
    const known = merged[at]
    if (known === undefined) merged.push(machine)
    else merged[at] = combined(known, machine)
  }
  return merged
}

function normalized(machine: MachineFact, notes: Note[]): MachineFact {
  const { mac, name, otherMacs = [], ...rest } = machine
  const parsed = mac === undefined ? undefined : parseMac(mac)
  if (mac !== undefined && parsed === undefined) {
    notes.push({ file: machine.file, line: machine.line, text: `${mac} is not a MAC address` })
  }
  const others = otherMacs.flatMap((each) => parseMac(each) ?? [])
  return {
    ...rest,
    otherMacs: others,
    ...defined({ mac: parsed, name: name === undefined ? undefined : plainName(name) }),
  }
}

function isSameMachine(one: MachineFact, other: MachineFact): boolean {
  if (one.name !== undefined && other.name !== undefined) {
    return isSameName(one.name, other.name) || isSameNode(one, other)
  }
  const hasSameMac = one.mac !== undefined && one.mac === other.mac
  return hasSameMac || shareAddress(one, other)
}

/** A node can have different names in different files, for example master-0 and master0, but only one address. */
function isSameNode(one: MachineFact, other: MachineFact): boolean {
  const [role, otherRole] = [one, other].map((each) => each.role ?? roleOfName(each.name ?? ''))
  const hasOneMac = one.mac === undefined || other.mac === undefined
  return role !== undefined && role === otherRole && hasOneMac && shareAddress(one, other)
}

function shareAddress(one: MachineFact, other: MachineFact): boolean {
  return one.addresses.some((address) => other.addresses.includes(address))
}

/** A short name is that of a full name that starts with it. */
function isSameName(one: string, other: string): boolean {
  if (one === other) return true
  const [shorter, longer] = one.length < other.length ? [one, other] : [other, one]
  return !shorter.includes('.') && longer.startsWith(`${shorter}.`)
}

function combined(one: MachineFact, other: MachineFact): MachineFact {
  const names = [one.name, other.name].filter((name) => name !== undefined)
  const name = names.find((each) => each.includes('.')) ?? names[0]
  return {
    ...other,
    ...one,
    addresses: [...new Set([...one.addresses, ...other.addresses])],
    ...defined({ name }),
  }
}

/** Gives machines the names of their addresses; other names of the same address become hosts. */
function addNames(
  machines: MachineFact[],
  names: readonly NameFact[],
  domain: string | undefined,
): Machine[] {
  const hosts = new Map<string, Machine>()
  for (const { name, address, file, line } of names) {
    const fact = { name, addresses: [address], file, line }
    const at = machines.findIndex((machine) => isSameMachine(machine, fact))
    const known = machines[at]
    if (known !== undefined) machines[at] = combined(known, fact)
    else {
      const earlier = hosts.get(name)
      const qualified = name.includes('.') || domain === undefined ? name : `${name}.${domain}`
      hosts.set(name, earlier === undefined ? { ...fact, name: qualified } : combined(earlier, fact))
    }
  }
  return promoteNodes(machines, [...hosts.values()])
}

/** A name of a node without a MAC address is a node, too; it moves to the machines. */
function promoteNodes(machines: MachineFact[], hosts: readonly Machine[]): Machine[] {
  const isNode = ({ name = '' }: Machine) => roleOfName(name) !== undefined
  machines.push(...hosts.filter(isNode))
  return hosts.filter((host) => !isNode(host))
}

/** Finds the cluster of a machine by its full name, or by its role if there is only one cluster. */
function assign(machine: MachineFact, clusters: readonly Known[], domain: string | undefined): Machine {
  const { name = '' } = machine
  const role = machine.role ?? roleOfName(name)
  const below = clusters.find(({ fullName }) => name.endsWith(`.${fullName}`))
  const [only, ...others] = clusters
  const byRole = role !== undefined && others.length === 0 && isOfCluster(name, only) ? only : undefined
  const cluster = below ?? byRole
  const withRole = { ...machine, ...defined({ role }) }
  if (cluster !== undefined) return { ...withRole, cluster: cluster.fullName }
  const isShort = name !== '' && !name.includes('.')
  const parent = domain ?? only?.fullName
  return isShort && parent !== undefined ? { ...withRole, name: `${name}.${parent}` } : withRole
}

function isOfCluster(name: string, cluster: Known | undefined): boolean {
  return cluster !== undefined && (!name.includes('.') || name.endsWith(`.${cluster.domain}`))
}

/** Recognizes the usual names: `bootstrap`, `master0`, `control-plane-1`, `worker2`, `m1`, `w1`, `ocp4-master-0`. */
function roleOfName(name: string): Role | undefined {
  const [label = ''] = name.split('.')
  return roleNames.find(([pattern]) => pattern.test(label))?.[1]
}

const roleNames: readonly (readonly [RegExp, Role])[] = [
  [/bootstrap|^bs\d*$/, 'bootstrap'],
  [/master|control-?plane|^(?:m|cp)-?\d+$/, 'master'],
  [/arbiter/, 'arbiter'],
  [/infra-?\d*$|^i\d+$/, 'infra'],
  [/worker|compute|^w-?\d+$/, 'worker'],
]

/** A machine can be the bootstrap node first and a worker later, but only one of the entries is valid at a time. */
function withoutRepeatedMacs(machines: readonly Machine[], notes: Note[]): Machine[] {
  const firsts = new Map<string, Machine>()
  return machines.filter((machine) => {
    const { mac, name = 'a machine', file, line } = machine
    if (mac === undefined) return true
    const first = firsts.get(mac)
    firsts.set(mac, first ?? machine)
    if (first === undefined) return true
    const text = `${name}: ${first.name ?? 'another machine'} has the same MAC address ${mac}; keep one of them, or add this one after the other is installed`
    notes.push({ file, line, text })
    return false
  })
}
