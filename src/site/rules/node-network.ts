/** The section `network` of nodes: whether its interfaces fit together, and whether nothing else configures the network. */
import { declaredNodes, isBooted, repetitions, type DeclaredNode } from '../declared.ts'
import { keyfilePath } from '../file-paths.ts'
import {
  hasFamily,
  mergedNetwork,
  nodeNetwork,
  portsOf,
  type NodeInterface,
  type NodeNetwork,
} from '../node-network.ts'
import { formatPath, type Path, type Rule, type RuleViolation } from '../problem.ts'
import type { SiteCode } from '../codes.ts'
import type { Site } from '../schema.ts'

type NetworkOfNode = {
  readonly declared: DeclaredNode
  readonly network: NodeNetwork
  /** Returns the path of a key of the section, in the node or in its cluster. */
  readonly at: (key: 'interfaces' | 'routes' | 'dns-resolver', ...rest: Path) => Path
  /** Returns the path of an interface that the section declares. */
  readonly pathOf: (each: NodeInterface, ...rest: Path) => Path
}

export function networks(site: Site): NetworkOfNode[] {
  return declaredNodes(site).flatMap((declared): NetworkOfNode[] => {
    const network = nodeNetwork(site, declared)
    if (network === undefined || !isBooted(declared.cluster, declared.node)) return []
    const at: NetworkOfNode['at'] = (key, ...rest) => [
      ...(declared.node.network?.[key] === undefined ? declared.path.slice(0, 2) : declared.path),
      'network',
      key,
      ...rest,
    ]
    const pathOf: NetworkOfNode['pathOf'] = (each, ...rest) =>
      at('interfaces', network.interfaces.indexOf(each), ...rest)
    return [{ declared, network, at, pathOf }]
  })
}

/** A problem in the section of a cluster is reported once, not for each node. */
export function networkRule(
  code: SiteCode,
  check: (each: NetworkOfNode, site: Site) => readonly RuleViolation[],
): Rule {
  return {
    code,
    // The resolvers and the default route of a network come from these.
    needs: ['server', 'subnets', 'subnets6'],
    check(site) {
      const found = networks(site).flatMap((each) => check(each, site))
      const byText = new Map(found.map((each) => [`${formatPath(each.path)} ${JSON.stringify(each)}`, each]))
      return [...byText.values()]
    },
  }
}

const interfacesGiven: Rule = {
  code: 'site.network-interfaces-missing',
  needs: [],
  check: (site) =>
    declaredNodes(site).flatMap(({ path, cluster, node }): RuleViolation[] => {
      if (node.network === undefined || mergedNetwork({ cluster, node })?.interfaces !== undefined) return []
      return [
        { path: [...path, 'network', 'interfaces'], message: 'missing, expected the interfaces of the node' },
      ]
    }),
}

const distinctInterfaces = networkRule('site.network-interface-repeated', ({ network, pathOf }) =>
  (['name', 'mac-address'] as const).flatMap((key) =>
    repetitions(
      network.interfaces.filter((each) => each[key] !== undefined),
      (each) => each[key],
    ).map(({ first, again }) => ({
      path: pathOf(again, key),
      expected: 'each interface once',
      other: pathOf(first, key),
    })),
  ),
)

const portTypes = { bond: ['ethernet'], 'linux-bridge': ['ethernet', 'bond', 'vlan'] } as const
const baseTypes: readonly string[] = ['ethernet', 'bond']

const validPorts = networkRule('site.network-port-invalid', ({ network: { interfaces }, pathOf }) => {
  const owners = new Map<string, string>()
  const named = new Map(interfaces.map((each) => [each.name, each]))
  return interfaces.flatMap((owner): RuleViolation[] => {
    const { type, name, vlan } = owner
    if (vlan !== undefined) {
      const base = named.get(vlan['base-iface']) as NodeInterface
      if (baseTypes.includes(base.type) && base.controller === undefined) return []
      const expected = 'an Ethernet interface or a bond that is not a port'
      return [{ path: pathOf(owner, 'vlan', 'base-iface'), expected }]
    }
    if (type !== 'bond' && type !== 'linux-bridge') return []
    return portsOf(owner).flatMap((portName): RuleViolation[] => {
      const port = named.get(portName) as NodeInterface
      const before = owners.get(portName)
      owners.set(portName, name)
      const types: readonly string[] = portTypes[type]
      const path = pathOf(owner, type === 'bond' ? 'link-aggregation' : 'bridge', 'port')
      if (before !== undefined) {
        return [{ path, got: portName, expected: `a port that is not already a port of ${before}` }]
      }
      if (!types.includes(port.type)) {
        return [
          { path, got: `${portName} (${port.type})`, expected: `a port of the type ${types.join(' or ')}` },
        ]
      }
      const family = (['ipv4', 'ipv6'] as const).find((each) => hasFamily(port, each))
      if (family === undefined) return []
      return [{ path: pathOf(port, family), message: `remove ${family}: ${portName} is a port of ${name}` }]
    })
  })
})

/** The initramfs takes the ID of a VLAN from the end of its name, and splits options of a bond at commas. */
const asArguments = networkRule('site.network-not-as-arguments', ({ network, pathOf }) => {
  if (network.use === 'keyfiles') return []
  return network.interfaces.flatMap((each): RuleViolation[] => {
    const { name, vlan, 'link-aggregation': bond } = each
    if (vlan !== undefined && Number(/\d+$/.exec(name)?.[0]) !== vlan.id) {
      const message = `kernel arguments take the ID of a VLAN from its name: write ${vlan['base-iface']}.${vlan.id}, or set use: keyfiles`
      return [{ path: pathOf(each, 'name'), message }]
    }
    return Object.entries(bond?.options ?? {})
      .filter(([, value]) => typeof value === 'string' && value.includes(','))
      .map(([option]) => ({
        path: pathOf(each, 'link-aggregation', 'options', option),
        message:
          'kernel arguments cannot have several values for one option: write one, or set use: keyfiles',
      }))
  })
})

const argumentNames: readonly string[] = [
  'ip',
  'nameserver',
  'bond',
  'team',
  'bridge',
  'vlan',
  'ifname',
  'rd.route',
]

const noOtherArguments = networkRule('site.network-argument-conflict', ({ declared, network }) => {
  if (network.use === 'keyfiles') return []
  const { cluster, node, path } = declared
  return [
    { path: path.slice(0, 2), given: cluster.kernelArguments ?? [] },
    { path, given: node.kernelArguments ?? [] },
  ].flatMap((owner) =>
    owner.given.flatMap((argument, index): RuleViolation[] => {
      const name = argument.replace(/=.*/, '')
      if (!argumentNames.includes(name)) return []
      const message = `remove ${name}: network sets it, except with use: keyfiles`
      return [{ path: [...owner.path, 'kernelArguments', index], message }]
    }),
  )
})

const noOtherKeyfiles = networkRule('site.network-keyfile-conflict', ({ declared, network, at }) => {
  if (network.use === 'arguments') return []
  const { cluster, node, path } = declared
  const written = new Map(network.interfaces.map(({ name }) => [keyfilePath(name), name]))
  return [
    { path: path.slice(0, 2), settings: cluster },
    { path, settings: node },
  ].flatMap(({ path, settings: { networkKeyfiles = [], files = [] } }) =>
    [
      ...networkKeyfiles.map((file, index) => ({
        onNode: keyfilePath(file),
        path: [...path, 'networkKeyfiles', index],
      })),
      ...files.map((file, index) => ({ onNode: file.path, path: [...path, 'files', index, 'path'] })),
    ].flatMap((file): RuleViolation[] => {
      const name = written.get(file.onNode)
      if (name === undefined) return []
      const message = `network also writes ${file.onNode}: remove this file or the interface ${name}, or set use: arguments`
      return [{ path: file.path, message, other: at('interfaces') }]
    }),
  )
})

export const nodeNetworkRules = [
  interfacesGiven,
  distinctInterfaces,
  validPorts,
  asArguments,
  noOtherArguments,
  noOtherKeyfiles,
]
