/** What differs between the clusters, nodes, and hosts of two sites, and the consequences for these machines. Pure. */
import { formatIp } from '../../proto/address/ip.ts'
import type { Mac } from '../../proto/address/mac.ts'
import type { ExtraOption } from '../../site/dhcp-option.ts'
import { declaredNodes } from '../../site/declared.ts'
import type { Cluster, Group, Host } from '../../site/schema.ts'
import { listSome } from '../../text/format.ts'
import { compileBmcs, type BmcPlan } from '../bmc.ts'
import { scriptName } from '../boot/console.ts'
import { uncheckedDisk } from '../disk-check.ts'
import { savedText, shownDisk } from '../disks/target.ts'
import { bootSource, macsText, networkText, type Model, type NodeModel } from '../model.ts'
import {
  compareThings,
  field,
  flag,
  hiddenField,
  listField,
  thingsOf,
  withoutCredentials,
  withoutSecret,
  type Action,
  type Change,
  type CompiledSite,
  type Detail,
  type Effect,
  type Field,
} from './change.ts'

export function* compareMachines(before: CompiledSite, after: CompiledSite): Generator<void, Change[]> {
  const [old, next] = [before.model, after.model]
  return [
    ...(yield* compareThings('cluster', clustersOf(old), clustersOf(next))),
    ...(yield* compareThings('group', groupsOf(old), groupsOf(next))),
    ...(yield* compareThings('node', nodesOf(old), nodesOf(next), nodeEffects(before, after))),
    ...(yield* compareThings('host', hostsOf(old), hostsOf(next))),
  ]
}

const clustersOf = ({ site }: Model) => thingsOf(site.clusters, ({ name }) => name, clusterFields)
const groupsOf = ({ site }: Model) => thingsOf(site.groups, ({ name }) => name, groupFields)
const hostsOf = ({ site }: Model) => thingsOf(site.hosts, ({ name }) => name, hostFields)

function nodesOf(model: Model) {
  const bmcs = compileBmcs(model)
  const addresses = new Map(
    declaredNodes(model.site).map(({ cluster, node }): [string, string | undefined] => [
      `${cluster.name}/${node.name}`,
      node.bmc?.address,
    ]),
  )
  const contents = new Map<string, string>()
  const contentOf = (path: string): string | undefined => {
    const fact = model.facts.addedFiles?.get(path)
    if (fact?.kind !== 'found') return fact?.problem
    const text = contents.get(path) ?? Buffer.from(fact.content).toString('latin1')
    contents.set(path, text)
    return text
  }
  return thingsOf(
    model.nodes,
    ({ key }) => key,
    (node) => [
      ...nodeFields(node),
      ...bmcFields(addresses.get(node.key) ?? '', bmcs.get(node.key)),
      ...optionFields(node.dhcpOptions),
      ...fileFields(node, contentOf),
    ],
  )
}

function clusterFields(cluster: Cluster): Field[] {
  const { domain, loadBalancer, ignition, kubeconfig, approve, order, ignitionAccess, requireDhcp } = cluster
  const { api = [], apiInternal = [], ingress = [], external = [], checks } = loadBalancer ?? {}
  return [
    field('domain', domain),
    listField('api', api.map(formatIp)),
    listField('api-int', apiInternal.map(formatIp)),
    listField('ingress', ingress.map(formatIp)),
    listField('balanced elsewhere', external),
    field('health checks', checks),
    field('ignition', ignition),
    field('kubeconfig', kubeconfig),
    field('approve', approve),
    flag('waits in order', !order, 'no'),
    field('Ignition access', ignitionAccess),
    flag('requires DHCP', !requireDhcp, 'no'),
  ]
}

function groupFields({ domain, requireDhcp }: Group): Field[] {
  return [field('domain', domain), flag('requires DHCP', !requireDhcp, 'no')]
}

function nodeFields(node: NodeModel): Field[] {
  const { menu } = node
  return [
    field('role', node.role),
    field('MAC', macsText(node)),
    listField('address', node.addresses.map(formatIp)),
    field('name', node.fqdn),
    field('subnet', networkText(node)),
    listField('DUID', node.duids ?? []),
    field('boot', node.boot),
    field('image', scriptName(bootSource(node))),
    hiddenField('script', node.script),
    field('disk', shownDisk(node)),
    flag('multipath', node.multipath === true),
    field('saved partitions', savedText(node)),
    field('wipe', node.wipe),
    field('menu', `${menu.default} after ${menu.timeoutSeconds} s`),
    field('kernel arguments', node.kernelArguments.map(withoutSecret).join(' ') || undefined),
    hiddenField('secret kernel arguments', secretArguments(node)),
    field('loader', node.loader),
    flag('load balancer', !node.isBalanced, 'drained'),
    field('ingress', node.isRouter === undefined ? undefined : node.isRouter ? 'yes' : 'no'),
    flag('PXE options', node.pxeOptions),
    flag('callbacks', !node.callbacks, 'no'),
    listField('answers', node.system?.answers ?? []),
  ]
}

function bmcFields(address: string, bmc: BmcPlan | undefined): Field[] {
  if (bmc === undefined) return []
  return [
    field('BMC', withoutCredentials(address)),
    hiddenField('BMC credentials', /\/\/[^/@]*@/.exec(address)?.[0]),
    field('BMC credentials file', bmc.credentials),
    field(
      'BMC protocol',
      bmc.protocol === 'redfish' || address.startsWith('ipmi') ? undefined : bmc.protocol,
    ),
    field('BMC system', address.includes(bmc.system ?? '') ? undefined : bmc.system),
    field('BMC CA', bmc.ca),
    field('network boot by the BMC', bmc.networkBoot === 'pxe' ? undefined : bmc.networkBoot),
    flag('power', bmc.isManaged, 'managed'),
  ]
}

function secretArguments({ kernelArguments }: NodeModel): string | undefined {
  return kernelArguments.filter((each) => withoutSecret(each) !== each).join(' ') || undefined
}

function fileFields({ files, system }: NodeModel, contentOf: (path: string) => string | undefined): Field[] {
  const answers = (system?.answers ?? []).map((path) => hiddenField(`contents of ${path}`, contentOf(path)))
  const added = files.flatMap(({ path, mode, source }) => [
    field(`file ${path}`, `mode ${mode.toString(8).padStart(4, '0')}`),
    hiddenField(`contents of ${path}`, source.kind === 'text' ? source.text : contentOf(source.file)),
  ])
  return [...answers, ...added]
}

/** A DHCP option can contain a URL with a token. For the same code, the last option applies. */
function optionFields(options: readonly ExtraOption[]): Field[] {
  return [...new Map(options.map((option) => [option.code, option])).values()].map(
    ({ code, value, always }) =>
      hiddenField(`DHCP option ${code}`, `${value.join(' ')}${always ? ' always' : ''}`),
  )
}

function hostFields({ address, mac, dhcpOptions }: Host): Field[] {
  return [
    listField('address', address.map(formatIp)),
    listField('MAC', mac ?? []),
    ...optionFields(dhcpOptions),
  ]
}

// The consequences of the changes of a node.

/** An installed system keeps these until its node is installed again. */
const installedLabels = ['role', 'image', 'disk', 'kernel arguments', 'secret kernel arguments']

function nodeEffects(before: CompiledSite, after: CompiledSite) {
  const [old, next] = [byKey(before.model), byKey(after.model)]
  const keyByMac = keysByMac(after.model)
  const oldKeyByMac = keysByMac(before.model)
  const backends = backendsByNode(before)

  return (key: string, _action: Action, details: readonly Detail[]): Effect[] => {
    const [was, is] = [old.get(key), next.get(key)]
    if (is === undefined) {
      const node = was as NodeModel
      return removalEffects(node, keyOfMachine(node, keyByMac), backends.get(key) ?? [])
    }
    const oldKey = keyOfMachine(is, oldKeyByMac)
    if (was === undefined) return oldKey === undefined ? installs(after.model, is) : [renamed(is, oldKey)]
    return changeEffects(after.model, { was, is }, new Set(details.map(({ label }) => label)))
  }
}

function byKey({ nodes }: Model): ReadonlyMap<string, NodeModel> {
  return new Map(nodes.map((node) => [node.key, node]))
}

/** A machine is known by any of its MAC addresses. */
function keysByMac({ nodes }: Model): ReadonlyMap<string, string> {
  return new Map(nodes.flatMap((node) => macs(node).map((mac) => [mac, node.key] as const)))
}

function macs({ mac, otherMacs = [] }: NodeModel): Mac[] {
  return [mac, ...otherMacs]
}

function keyOfMachine(node: NodeModel, keys: ReadonlyMap<string, string>): string | undefined {
  return macs(node)
    .map((mac) => keys.get(mac))
    .find((key) => key !== undefined)
}

function backendsByNode({ plan }: CompiledSite): ReadonlyMap<string, readonly string[]> {
  const pairs = (plan.haproxy?.backends ?? []).flatMap(({ name, servers }) =>
    servers.map(({ node }) => ({ node, name })),
  )
  return new Map(
    [...Map.groupBy(pairs, ({ node }) => node)].map(([node, each]) => [node, each.map(({ name }) => name)]),
  )
}

function removalEffects(
  { name, address, subnet, cluster, mac, system }: NodeModel,
  newKey: string | undefined,
  backends: readonly string[],
): Effect[] {
  const balanced: Effect[] =
    backends.length === 0
      ? []
      : [
          {
            code: 'plan.backend-left',
            text: `this also removes ${name} from ${listSome(backends, 8)}; slipway drains it there first`,
          },
        ]
  if (newKey !== undefined) return balanced
  const lease: Effect[] =
    subnet?.dhcp === 'proxy'
      ? []
      : [
          {
            code: 'plan.lease-not-renewed',
            text: `its lease of ${formatIp(address)} is not renewed: ${mac} becomes an undeclared machine`,
          },
        ]
  // A machine of a group belongs to no cluster.
  if (system !== undefined) return lease
  const member: Effect = {
    code: 'plan.member-remains',
    text: `an installed ${name} remains a node of ${cluster}: drain it, power it off, and delete it there (oc adm drain, oc delete node)`,
  }
  return [...balanced, ...lease, member]
}

function renamed({ mac }: NodeModel, oldKey: string): Effect {
  const text = `${mac} is the machine of ${oldKey}: it keeps its installation record, but an installed node can register in its cluster a second time under the new name`
  return { code: 'plan.node-renamed', text }
}

function changeEffects(
  model: Model,
  { was, is }: { readonly was: NodeModel; readonly is: NodeModel },
  labels: ReadonlySet<string>,
): Effect[] {
  const effects: Effect[] = []
  const isProxied = is.subnet?.dhcp === 'proxy'
  if (was.address !== is.address && !isProxied) {
    const [old, next] = [was.address, is.address].map(formatIp)
    const text = `its lease of ${old} is not renewed: it gets ${next} when it renews the lease, or at its next boot`
    effects.push({ code: 'plan.lease-not-renewed', text })
  }
  if (!macs(was).some((mac) => macs(is).includes(mac))) {
    const text = `${is.mac} is another machine, without an installation record; ${was.mac} becomes an undeclared machine`
    effects.push({ code: 'plan.machine-replaced', text }, ...installs(model, is))
    return effects
  }
  if (was.boot !== 'install') effects.push(...installs(model, is))
  const later = installedLabels.filter((label) => labels.has(label))
  if (later.length > 0) {
    const text = `an installed system does not change; at its next installation: ${later.join(', ')}`
    effects.push({ code: 'plan.next-installation', text })
  }
  return effects
}

function installs(model: Model, node: NodeModel): Effect[] {
  const { boot, wipe } = node
  const disk = shownDisk(node)
  if (boot !== 'install') return []
  if (wipe === 'ask' && uncheckedDisk(model, node) !== undefined) {
    const text =
      'nothing looks at its disk before its installer overwrites it, so each installation needs slipway node install'
    return [{ code: 'plan.node-not-installed', text }]
  }
  const where = disk === undefined ? '' : ` on ${disk}`
  const check = wipe === 'always' ? ', and its disk is ERASED even if it holds data' : ''
  const text = `a machine that slipway has not seen in use is installed${where} at its next network boot${check}`
  return [{ code: 'plan.node-installs', text }]
}
