/** What nodes boot (image, disk, menu, kernel arguments) and the files that the site adds to them, per cluster or per node. */
import {
  declaredClusters,
  declaredGroups,
  declaredNodes,
  isBooted,
  nodesOf,
  repetitions,
  type ClusterNode,
  type OwnedNode,
  type Owner,
} from '../declared.ts'
import { resolvePath, hostnamePath, keyfilePath } from '../file-paths.ts'
import type { RuleViolation, Rule, Path } from '../problem.ts'
import { scriptOf } from '../boot-script.ts'
import { diskKeys } from './disks.ts'
import { nearest } from '../../text/nearest.ts'
import { listed } from '../schema-violations.ts'
import { roles, type Cluster, type MenuEntry, type Node, type Role, type Site } from '../schema.ts'

type Settings = Pick<Cluster & Node, 'image' | 'menu' | 'kernelArguments'> & NodeFileSettings

/** Returns everything that has boot settings: clusters, groups, and nodes. */
function settings(site: Site): { readonly path: Path; readonly settings: Settings }[] {
  return [
    ...declaredClusters(site).map(({ path, cluster }) => ({ path, settings: cluster })),
    ...declaredGroups(site).map(({ path, cluster }) => ({ path, settings: cluster })),
    ...declaredNodes(site).map(({ path, node }) => ({ path, settings: node })),
  ]
}

/** Reports a setting that nodes lack once per cluster or group, at the position where one line fixes it. */
function missingSetting(
  owners: readonly { readonly path: Path; readonly cluster: Owner }[],
  key: 'image' | 'disk',
  expected: string,
): RuleViolation[] {
  const has = (settings: Owner | OwnedNode) =>
    settings[key] !== undefined || (key === 'disk' && settings.mirror !== undefined)
  return owners.flatMap(({ path, cluster }): RuleViolation[] => {
    if (has(cluster)) return []
    const nodes: readonly OwnedNode[] = cluster.nodes
    const without = nodes.filter(
      (node) => !has(node) && isBooted(cluster, node) && scriptOf(cluster, node) === undefined,
    )
    if (without.length === 0) return []
    const names = without.map(({ name }) => name).join(', ')
    return [{ path: [...path, key], message: `missing, expected ${expected} for ${names}` }]
  })
}

const imageGiven: Rule = {
  code: 'site.image-missing',
  needs: [],
  check: (site) =>
    missingSetting([...declaredClusters(site), ...declaredGroups(site)], 'image', 'a name under images'),
}

/**
 * A cluster with Ignition files needs the disk in the site file. One without may boot an agent image, which knows its
 * disk; that is checked when the image has been scanned (plan/boot/installation.ts).
 */
const diskGiven: Rule = {
  code: 'site.disk-missing',
  needs: [],
  check: (site) =>
    missingSetting(declaredClusters(site), 'disk', 'a disk to install on').filter(
      ({ path: [, index] }) => site.clusters[Number(index)]?.ignition !== undefined,
    ),
}

const imageKnown: Rule = {
  code: 'site.image-unknown',
  needs: ['images'],
  check(site) {
    const known = Object.keys(site.images)
    return settings(site).flatMap(({ path, settings: { image } }): RuleViolation[] => {
      if (image === undefined || known.includes(image)) return []
      const suggestion = nearest(image, known)
      const names = known.length === 0 ? ', but there is no image' : `: ${listed(known)}`
      const help = suggestion === undefined ? names : `; did you mean ${suggestion}?`
      return [{ path: [...path, 'image'], expected: `a name under images${help}` }]
    })
  },
}

/** GRUB and shim come from the directory of an image, also for a node that boots a script. */
const scriptLoader: Rule = {
  code: 'site.script-without-loader',
  needs: [],
  check: (site) =>
    declaredNodes(site).flatMap(({ path, cluster, node }): RuleViolation[] => {
      const loader = node.loader ?? cluster.loader
      const hasLoader =
        (node.image ?? cluster.image) !== undefined || !['shim', 'grub', 'shim-ipxe'].includes(loader ?? '')
      if (hasLoader || scriptOf(cluster, node) === undefined || !isBooted(cluster, node)) return []
      const message = `missing, expected an image whose directory has the boot loaders (loader: ${loader})`
      return [{ path: [...path, 'image'], message }]
    }),
}

/** The live style has a rootfs, the older installer style a metal image; with both, the style is ambiguous. */
const oneStyle: Rule = {
  code: 'site.image-style-ambiguous',
  needs: ['images'],
  check: (site) =>
    Object.entries(site.images).flatMap(([name, { rootfs, metal }]): RuleViolation[] =>
      rootfs === undefined || metal === undefined
        ? []
        : [
            {
              path: ['images', name, 'metal'],
              expected: 'either a rootfs (4.6 and later) or a metal image (4.5), not both',
              other: ['images', name, 'rootfs'],
            },
          ],
    ),
}

/** Rejects an Ignition directory that two clusters share: its files contain the keys and names of one cluster. */
const separateIgnition: Rule = {
  code: 'site.ignition-folder-shared',
  needs: [],
  check: (site) =>
    repetitions(
      declaredClusters(site).filter(({ cluster }) => cluster.ignition !== undefined),
      ({ cluster }) => resolvePath('', cluster.ignition as string),
    ).map(({ first, again }) => ({
      path: [...again.path, 'ignition'],
      expected: `a separate directory: ${first.cluster.name} installs from this one`,
      other: [...first.path, 'ignition'],
    })),
}

/** The default entry is chosen unattended, so it must never install a node with a role that is not its own. */
const menuDefault: Rule = {
  code: 'site.menu-default-unsafe',
  needs: [],
  check: (site) =>
    declaredClusters(site)
      .flatMap(nodesOf)
      .flatMap((declared): RuleViolation[] => {
        const { node, cluster } = declared
        const chosen = (node.menu ?? cluster.menu)?.default
        const own = node.role === 'infra' ? 'worker' : node.role
        if (chosen === own || chosen === undefined || !isRole(chosen)) return []
        return [
          {
            path: [...menuOwner(declared), 'menu', 'default'],
            expected: `an entry that is right for all its nodes: ${node.name} is ${node.role}`,
          },
        ]
      }),
}

function isRole(entry: MenuEntry): entry is MenuEntry & Role {
  return (roles as readonly string[]).includes(entry)
}

/** Returns the path of the node or cluster that sets a node's menu. */
function menuOwner({ node, path }: ClusterNode): Path {
  return node.menu === undefined ? path.slice(0, 2) : path
}

/** Arguments that boot scripts set, and their source. A second one would silently override or be ignored. */
const reservedArguments = new Map([
  ['coreos.inst', 'boot scripts set it where it is needed'],
  ['coreos.inst.ignition_url', 'boot scripts set it from role and ignition'],
  ['coreos.inst.image_url', 'boot scripts set it from image'],
  ['coreos.inst.install_dev', 'boot scripts set it from disk'],
  ['coreos.live.rootfs_url', 'boot scripts set it from image'],
  ['ignition.config.url', 'boot scripts set it from role and ignition'],
  ['initrd', 'boot scripts set it from image'],
])

const kernelArguments: Rule = {
  code: 'site.kernel-argument-reserved',
  needs: [],
  check: (site) =>
    settings(site).flatMap(({ path, settings: { kernelArguments = [] } }) =>
      kernelArguments.flatMap((argument, index): RuleViolation[] => {
        const name = argument.replace(/=.*/, '')
        const source = reservedArguments.get(name)
        if (source === undefined) return []
        return [{ path: [...path, 'kernelArguments', index], message: `remove ${name}: ${source}` }]
      }),
    ),
}

/** Keys of a node that only concern machines that slipway boots. */
const bootKeys = [
  'bmc',
  ...diskKeys,
  'wipe',
  'image',
  'script',
  'menu',
  'console',
  'kernelArguments',
  'loader',
  'pxeOptions',
  'hostname',
  'files',
  'networkKeyfiles',
  'network',
] as const

/** A node either has a MAC address, or slipway does not boot it. */
const bootOrNone: Rule = {
  code: 'site.node-mac-or-none',
  needs: [],
  check: (site) =>
    declaredNodes(site).flatMap(({ path, cluster, node }): RuleViolation[] => {
      if (isBooted(cluster, node)) {
        if (node.mac !== undefined) return []
        const message =
          'missing, expected the MAC address that the node boots from, or boot: none for a machine that slipway does not boot'
        return [{ path: [...path, 'mac'], message }]
      }
      const setKeys = [
        ...(['mac', ...bootKeys] as const).filter((key) => node[key] !== undefined),
        ...(node.dhcpOptions.length > 0 ? (['dhcpOptions'] as const) : []),
      ]
      return setKeys.map((key) => ({
        path: [...path, key],
        at: 'key',
        message: `slipway does not boot this node (boot: none): remove ${key}, or set another boot`,
      }))
    }),
}

export const bootRules = [
  bootOrNone,
  imageGiven,
  imageKnown,
  scriptLoader,
  diskGiven,
  oneStyle,
  separateIgnition,
  menuDefault,
  kernelArguments,
]

type NodeFileSettings = Pick<Cluster, 'hostname' | 'files' | 'networkKeyfiles'>

/** If two entries had the same path, one of them would silently have no effect. */
const distinctNodeFiles: Rule = {
  code: 'site.node-file-repeated',
  needs: [],
  check: (site) =>
    settings(site).flatMap(({ path, settings }) =>
      repetitions(nodeFiles(path, settings), ({ onNode }) => onNode).map(
        ({ first, again }): RuleViolation => ({
          path: again.path,
          expected: `another path: ${again.onNode} is already written`,
          other: first.path,
        }),
      ),
    ),
}

function nodeFiles(path: Path, { hostname, files = [], networkKeyfiles = [] }: NodeFileSettings) {
  return [
    ...(hostname === true ? [{ path: [...path, 'hostname'], onNode: hostnamePath }] : []),
    ...files.map((file, index) => ({ path: [...path, 'files', index, 'path'], onNode: file.path })),
    ...networkKeyfiles.map((file, index) => ({
      path: [...path, 'networkKeyfiles', index],
      onNode: keyfilePath(file),
    })),
  ]
}

export const nodeFileRules = [distinctNodeFiles]
