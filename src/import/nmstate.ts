/**
 * The networkConfig of a host in agent-config.yaml or install-config.yaml (NMState) as the section `network` of a node. Its
 * names are labels for the MAC addresses that the host lists. Pure.
 */
import { formatPath } from '../site/problem.ts'
import { networkSection } from '../site/network-section.ts'

type Tree = { [key: string]: unknown }

export type ReadNetwork = {
  /** As in a site file; absent if a part of it cannot be used. */
  readonly network?: object
  /** What was not imported, each without a full stop. */
  readonly omitted: readonly string[]
}

/** @param macs the MAC addresses of the host by the names of its interfaces */
export function readNmstate(config: unknown, macs: ReadonlyMap<string, string>): ReadNetwork {
  if (!isTree(config)) return { omitted: [] }
  const omitted: string[] = []
  const network = structuredClone(config)
  const all = treesOf(network['interfaces'])
  const used = all.filter(({ state = 'up' }) => state === 'up')
  for (const each of all.filter((each) => !used.includes(each))) {
    omitted.push(`interface ${String(each['name'])} is ${String(each['state'])}`)
  }
  for (const each of used) adapt(each, macs)
  network['interfaces'] = [...used, ...portsOf(used, macs)]
  for (;;) {
    const parsed = networkSection.safeParse(network)
    if (parsed.success) return { network, omitted }
    const unknown = parsed.error.issues.filter((issue) => issue.code === 'unrecognized_keys')
    const [first] = parsed.error.issues
    if (unknown.length === 0 && first !== undefined) {
      const where = formatPath(first.path as (string | number)[])
      return { omitted: [...omitted, `networkConfig: ${where}: ${first.message}`] }
    }
    for (const { path, keys } of unknown) {
      const owner = at(network, path)
      for (const key of keys) {
        Reflect.deleteProperty(owner, key)
        omitted.push(`${formatPath([...(path as (string | number)[]), key])} of networkConfig`)
      }
    }
  }
}

function adapt(each: Tree, macs: ReadonlyMap<string, string>): void {
  const { name, type = 'ethernet' } = each
  delete each['state']
  const mac = macs.get(String(name))
  if (type === 'ethernet' && mac !== undefined) each['mac-address'] ??= mac
  each['type'] = type
  for (const family of ['ipv4', 'ipv6']) {
    if (isTree(each[family]) && each[family]['enabled'] === false) each[family] = { enabled: false }
  }
  const bond = each['link-aggregation']
  if (isTree(bond) && bond['slaves'] !== undefined) {
    bond['port'] ??= bond['slaves']
    delete bond['slaves']
  }
}

/** Returns the ports that only their bond names, with their MAC addresses. */
function portsOf(used: readonly Tree[], macs: ReadonlyMap<string, string>): Tree[] {
  const known = new Set(used.map(({ name }) => name))
  const named = used.flatMap(({ 'link-aggregation': bond }) =>
    isTree(bond) && Array.isArray(bond['port']) ? (bond['port'] as readonly unknown[]).map(String) : [],
  )
  return named.flatMap((name) => {
    const mac = macs.get(name)
    return mac === undefined || known.has(name) ? [] : [{ name, type: 'ethernet', 'mac-address': mac }]
  })
}

function at(tree: Tree, path: readonly PropertyKey[]): Tree {
  return path.reduce<unknown>((value, step) => (value as Tree)[step as string], tree) as Tree
}

function treesOf(value: unknown): Tree[] {
  return Array.isArray(value) ? (value as readonly unknown[]).filter(isTree) : []
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
