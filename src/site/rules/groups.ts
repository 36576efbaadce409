/** Machines that belong to no cluster: what they boot, and the settings that have an effect on their operating system. */
import { declaredClusters, declaredGroups, groupNodes, isBooted, nodesOf } from '../declared.ts'
import { diskKeys } from './disks.ts'
import { mergedNetwork } from '../node-network.ts'
import type { OtherSystem } from '../other-systems.ts'
import { formatPath, type Path, type Rule, type RuleViolation } from '../problem.ts'
import { addedFiles, type Site } from '../schema.ts'

/** A cluster installs CoreOS, a group any other operating system. */
const systemFits: Rule = {
  code: 'site.system-unsuitable',
  needs: ['images'],
  check: (site) => [
    ...imageKeys(site, 'clusters').flatMap(({ path, image }): RuleViolation[] => {
      const os = site.images[image]?.os ?? 'rhcos'
      if (os === 'rhcos' || os === 'fcos') return []
      return [
        { path, expected: `an image with os: rhcos or fcos: ${image} has ${os}, which belongs in groups` },
      ]
    }),
    ...imageKeys(site, 'groups').flatMap(({ path, image }): RuleViolation[] => {
      const known = site.images[image]
      if (known === undefined || (known.os ?? 'rhcos') !== 'rhcos') return []
      return [{ path, expected: `an image whose os is not rhcos: set os in images.${image}` }]
    }),
  ],
}

function imageKeys(site: Site, section: 'clusters' | 'groups'): { path: Path; image: string }[] {
  const owners =
    section === 'groups'
      ? [
          ...declaredGroups(site).map(({ path, cluster }) => ({ path, image: cluster.image })),
          ...groupNodes(site).map(({ path, node }) => ({ path, image: node.image })),
        ]
      : declaredClusters(site).flatMap((declared) => [
          { path: declared.path, image: declared.cluster.image },
          ...nodesOf(declared).map(({ path, node }) => ({ path, image: node.image })),
        ])
  return owners.flatMap(({ path, image }) =>
    image === undefined ? [] : [{ path: [...path, 'image'], image }],
  )
}

/** Ignition writes these files, and other installers have no Ignition. */
const filesWritten: Rule = {
  code: 'site.node-file-unused',
  needs: ['images'],
  check(site) {
    const reported = new Set<string>()
    return groupNodes(site).flatMap(({ path, cluster, node }): RuleViolation[] => {
      const os = site.images[node.image ?? cluster.image ?? '']?.os
      if (os === undefined || os === 'fcos' || os === 'flatcar' || !isBooted(cluster, node)) return []
      return (Object.keys(addedFiles) as (keyof typeof addedFiles)[]).flatMap((key) => {
        const owner =
          node[key] !== undefined ? path : cluster[key] !== undefined ? path.slice(0, 2) : undefined
        const at = formatPath([...(owner ?? []), key])
        if (owner === undefined || reported.has(at)) return []
        reported.add(at)
        const message = `only Ignition writes files, and ${node.name} has ${os}: remove ${key}, and write the files with its answer file`
        return [{ path: [...owner, key], at: 'key', message } as const]
      })
    })
  },
}

/** What the installer of a system does not read, and where its answer file has it. */
const elsewhere: Readonly<Record<Exclude<OtherSystem, 'fcos'>, { network: string; disks: string }>> = {
  flatcar: {
    network: 'write /etc/systemd/network/*.network with files',
    disks: 'flatcar-install writes one disk, and Ignition creates other partitions',
  },
  debian: { network: 'set netcfg in the preseed', disks: 'set partman in the preseed' },
  rhel: { network: 'set use: arguments', disks: 'use raid, part, and multipath in the kickstart' },
  ubuntu: { network: 'use network in the autoinstall', disks: 'use storage in the autoinstall' },
  talos: {
    network: 'use machine.network in the machine configuration',
    disks: 'use machine.install in the machine configuration',
  },
  custom: { network: 'use kernelArguments or an answer file', disks: 'use an answer file' },
}

function unread(os: keyof typeof elsewhere, key: string): string {
  const hint = elsewhere[os][key === 'network' ? 'network' : 'disks']
  return `not for ${os}: ${os === 'rhel' && key === 'network' ? hint : `remove ${key}, and ${hint}`}`
}

/** `network` and the keys of disks become kernel arguments and Ignition files, which only some systems read. */
const settingsRead: Rule = {
  code: 'site.setting-not-read',
  needs: ['images'],
  check(site) {
    const found = groupNodes(site).flatMap(({ path, cluster, node }): RuleViolation[] => {
      const os = site.images[node.image ?? cluster.image ?? '']?.os
      if (os === undefined || os === 'rhcos' || os === 'fcos' || !isBooted(cluster, node)) return []
      return (['network', ...diskKeys] as const).flatMap((key) => {
        const value = node[key] ?? cluster[key]
        const isUnset =
          value === undefined || value === false || (key === 'disk' && typeof value === 'string')
        // Anaconda reads the arguments of dracut, and copies the settings to the installed system.
        const isRead =
          os === 'rhel' && key === 'network' && mergedNetwork({ cluster, node })?.use === 'arguments'
        if (isUnset || isRead) return []
        const message = key === 'disk' ? `not for ${os}: write a path instead of hints` : unread(os, key)
        return [{ path: [...(node[key] === undefined ? path.slice(0, 2) : path), key], at: 'key', message }]
      })
    })
    // Once for a group, not for each of its machines.
    return [...new Map(found.map((each) => [JSON.stringify(each), each])).values()]
  },
}

/** The default of a menu is selected unattended, so in a group it never installs. */
const menuWithoutInstallation: Rule = {
  code: 'site.menu-default-unsafe',
  needs: [],
  check: (site) =>
    [
      ...declaredGroups(site).map(({ path, cluster }) => ({ path, menu: cluster.menu })),
      ...groupNodes(site).map(({ path, node }) => ({ path, menu: node.menu })),
    ].flatMap(({ path, menu }): RuleViolation[] =>
      menu === undefined || ['local', 'shell', 'reboot'].includes(menu.default)
        ? []
        : [{ path: [...path, 'menu', 'default'], expected: 'local, shell, or reboot: a group has no roles' }],
    ),
}

export const groupRules = [systemFits, filesWritten, settingsRead, menuWithoutInstallation]
