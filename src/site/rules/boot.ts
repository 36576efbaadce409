/** What nodes boot: image, disk, menu and kernel arguments, set by their cluster or by themselves. */
import { declaredClusters, declaredNodes, nodesOf, repetitions, type DeclaredNode } from '../declared.ts'
import { resolvePath, hostnamePath, keyfilePath } from '../file-paths.ts'
import type { Violation, Rule } from '../violation.ts'
import { nearest } from '../../text/nearest.ts'
import type { Path } from '../problem.ts'
import { listed } from '../schema-violations.ts'
import { roles, type Cluster, type MenuEntry, type Node, type Role, type Site } from '../schema.ts'

type Settings = Pick<Cluster & Node, 'image' | 'menu' | 'kernelArguments'>

/** Everything that holds boot settings: clusters and nodes. */
function settings(site: Site): { readonly path: Path; readonly settings: Settings }[] {
  return declaredClusters(site).flatMap((declared) => [
    { path: declared.path, settings: declared.cluster },
    ...nodesOf(declared).map(({ path, node }) => ({ path, settings: node })),
  ])
}

/** One flaw for a cluster whose nodes lack the setting, at the place where one line mends it. */
function lacking(site: Site, key: 'image' | 'disk', expected: string): Violation[] {
  return declaredClusters(site).flatMap((declared): Violation[] => {
    if (declared.cluster[key] !== undefined) return []
    const without = nodesOf(declared).filter(({ node }) => node[key] === undefined)
    if (without.length === 0) return []
    const names = without.map(({ node }) => node.name).join(', ')
    return [{ path: [...declared.path, key], message: `missing, expected ${expected} for ${names}` }]
  })
}

const imageGiven: Rule = { needs: [], check: (site) => lacking(site, 'image', 'a name under images') }

/**
 * A cluster with Ignition files installs with them, to a disk that is named here. One without may boot an image whose
 * agent knows its disk: that shows when the image is looked at (plan/ipxe/installation.ts).
 */
const diskGiven: Rule = {
  needs: [],
  check: (site) =>
    lacking(site, 'disk', 'a disk to install on').filter(
      ({ path: [, index] }) => site.clusters[Number(index)]?.ignition !== undefined,
    ),
}

const imageKnown: Rule = {
  needs: ['images'],
  check(site) {
    const known = Object.keys(site.images)
    return settings(site).flatMap(({ path, settings: { image } }): Violation[] => {
      if (image === undefined || known.includes(image)) return []
      const meant = nearest(image, known)
      const names = known.length === 0 ? ', where there is none' : `: ${listed(known)}`
      const help = meant === undefined ? names : `; did you mean ${meant}?`
      return [{ path: [...path, 'image'], expected: `a name under images${help}` }]
    })
  },
}

/** The live style has a rootfs, the older installer style a metal image: together they say nothing. */
const oneStyle: Rule = {
  needs: ['images'],
  check: (site) =>
    Object.entries(site.images).flatMap(([name, { rootfs, metal }]): Violation[] =>
      rootfs === undefined || metal === undefined
        ? []
        : [
            {
              path: ['images', name, 'metal'],
              expected: 'either a rootfs (4.6 and later) or a metal image (4.5 style), not both',
              other: ['images', name, 'rootfs'],
            },
          ],
    ),
}

/** Two clusters that install from one folder would be one cluster: the files hold keys and names. */
const ignitionOfItsOwn: Rule = {
  needs: [],
  check: (site) =>
    repetitions(
      declaredClusters(site).filter(({ cluster }) => cluster.ignition !== undefined),
      ({ cluster }) => resolvePath('', cluster.ignition as string),
    ).map(({ first, again }) => ({
      path: [...again.path, 'ignition'],
      expected: `a folder of its own: ${first.cluster.name} installs from it`,
      other: [...first.path, 'ignition'],
    })),
}

/** A menu's default is taken without anybody there, so it must never make a node what it is not. */
const menuDefault: Rule = {
  needs: [],
  check: (site) =>
    declaredNodes(site).flatMap((declared): Violation[] => {
      const { node, cluster } = declared
      const chosen = (node.menu ?? cluster.menu)?.default
      const own = node.role === 'infra' ? 'worker' : node.role
      if (chosen === own || chosen === undefined || !isRole(chosen)) return []
      return [
        {
          path: [...menuOwner(declared), 'menu', 'default'],
          expected: `an entry that suits all its nodes: ${node.name} is ${node.role}`,
        },
      ]
    }),
}

function isRole(entry: MenuEntry): entry is MenuEntry & Role {
  return (roles as readonly string[]).includes(entry)
}

/** The path of what sets a node's menu: the node or its cluster. */
function menuOwner({ node, path }: DeclaredNode): Path {
  return node.menu === undefined ? path.slice(0, 2) : path
}

/** Arguments that boot scripts always carry, and where they come from: a second one would silently win or lose. */
const ownArguments = new Map([
  ['coreos.inst', 'boot scripts give it where it is needed'],
  ['coreos.inst.ignition_url', 'it follows from role and ignition'],
  ['coreos.inst.image_url', 'it follows from image'],
  ['coreos.inst.install_dev', 'it follows from disk'],
  ['coreos.live.rootfs_url', 'it follows from image'],
  ['ignition.config.url', 'it follows from role and ignition'],
  ['initrd', 'it follows from image'],
])

const kernelArguments: Rule = {
  needs: [],
  check: (site) =>
    settings(site).flatMap(({ path, settings: { kernelArguments = [] } }) =>
      kernelArguments.flatMap((argument, index): Violation[] => {
        const name = argument.replace(/=.*/, '')
        const origin = ownArguments.get(name)
        if (origin === undefined) return []
        return [{ path: [...path, 'kernelArguments', index], message: `leave ${name} out: ${origin}` }]
      }),
    ),
}

export const bootRules = [
  imageGiven,
  imageKnown,
  diskGiven,
  oneStyle,
  ignitionOfItsOwn,
  menuDefault,
  kernelArguments,
]

/** Files that a site adds to its nodes: each path once in a place, for one of two would silently be left out. */

type AddedFileSettings = Pick<Cluster, 'hostname' | 'files' | 'networkKeyfiles'>

const pathOnce: Rule = {
  needs: [],
  check: (site) =>
    addedFiles(site).flatMap(({ path, settings }) =>
      repetitions(written(path, settings), ({ onNode }) => onNode).map(({ first, again }): Violation => ({
        path: again.path,
        expected: `a file of its own on the node: ${again.onNode} is written already`,
        other: first.path,
      })),
    ),
}

function addedFiles(site: Site): { readonly path: Path; readonly settings: AddedFileSettings }[] {
  return declaredClusters(site).flatMap((declared) => [
    { path: declared.path, settings: declared.cluster },
    ...nodesOf(declared).map(({ path, node }) => ({ path, settings: node })),
  ])
}

function written(path: Path, { hostname, files = [], networkKeyfiles = [] }: AddedFileSettings) {
  return [
    ...(hostname === true ? [{ path: [...path, 'hostname'], onNode: hostnamePath }] : []),
    ...files.map((file, index) => ({ path: [...path, 'files', index, 'path'], onNode: file.path })),
    ...networkKeyfiles.map((file, index) => ({
      path: [...path, 'networkKeyfiles', index],
      onNode: keyfilePath(file),
    })),
  ]
}

export const addedFileRules = [pathOnce]
