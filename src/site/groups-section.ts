/** Groups of machines that belong to no cluster: slipway installs another operating system on them under the same guard. */
import { z } from 'zod'
import { bmcDefaults } from './bmc-section.ts'
import { domain, label, oneOrMore, path } from './scalars.ts'

const answers = oneOrMore(path)
  .optional()
  .meta({
    description:
      'file that configures the installer: preseed, kickstart, autoinstall, or a machine configuration, as a template with placeholders such as {{node.address}}; or an Ignition file for fcos and flatcar, served unchanged. The kernel arguments name the first file of a list; those of a node replace those of its group',
    examples: ['/etc/slipway/preseed.cfg'],
  })

/** Returns an object without some of its keys. */
export function omit<Whole extends object, Key extends keyof Whole>(
  whole: Whole,
  ...keys: readonly Key[]
): Omit<Whole, Key> {
  const left = Object.entries(whole).filter(([key]) => !(keys as readonly string[]).includes(key))
  return Object.fromEntries(left) as Omit<Whole, Key>
}

/**
 * @param settings keys that a group sets for all its nodes
 * @param machine keys of a node that are the same in a cluster
 */
export function groupSection<Settings extends z.ZodRawShape, Machine extends z.ZodRawShape>(
  settings: Settings,
  machine: Machine,
) {
  const node = z
    .strictObject({
      name: label.meta({
        description: 'first label of the name: web1 for web1.<domain>',
        examples: ['web1'],
      }),
      fqdn: domain
        .optional()
        .meta({ description: 'full name of the machine, where it is not <name>.<domain>' }),
      ...machine,
      answers,
    })
    .meta({ description: 'machine of this group' })
  return z
    .strictObject({
      name: label.meta({
        description: 'name in commands and logs (<group>/<name>); no cluster has the same name',
        examples: ['web'],
      }),
      domain: domain.meta({ description: 'domain of the names: <name>.<domain>' }),
      answers,
      bmc: bmcDefaults.optional(),
      requireDhcp: z.boolean().default(true).meta({
        description:
          'true: a machine is installed only after iPXE on it requested its address from this server; false: for machines that another DHCP server answers',
      }),
      callbacks: z.boolean().default(true).meta({
        description:
          'false: live systems of fcos and flatcar do not get the Ignition file that reports the end of the installation',
      }),
      ...settings,
      nodes: z.array(node).min(1).meta({ description: 'machines of the group' }),
    })
    .meta({ description: 'machines with another operating system than OpenShift' })
}
