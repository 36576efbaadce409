/** The keys `menu` of the site file: the interactive boot menu, and the administrator's own entries in it (docs/files.md). */
import { z } from 'zod'
import { kernelArgument, matching, oneOrMore, seconds } from './scalars.ts'

export const menuEntries = [
  'bootstrap',
  'master',
  'arbiter',
  'single',
  'worker',
  'local',
  'shell',
  'reboot',
] as const

/** iPXE would expand `${`. */
const bootUrl = matching(
  'a URL (http or https), or a path on this server: /files/… or /images/IMAGE/FILE',
  /^(?!.*\$\{)(?:https?:\/\/[\x21-\x7e]+|\/(?:files|images)\/[\x21-\x7e]+)$/,
  ['/files/memtest/mt86plus'],
)

const ownEntry = z
  .strictObject({
    title: matching('1 to 60 printable ASCII characters without ${', /^(?!.*\$\{)(?! )[\x20-\x7e]{1,60}$/, [
      'Memory test',
    ]).meta({ description: 'text in the menu' }),
    key: matching('one lower-case letter or digit', /^[a-z\d]$/, ['t'])
      .optional()
      .meta({ description: 'key that selects the entry' }),
    kernel: bootUrl.optional().meta({ description: 'kernel to boot; either this or script' }),
    initrd: bootUrl.optional().meta({ description: 'initramfs of the kernel' }),
    arguments: oneOrMore(kernelArgument).optional().meta({
      description: 'kernel arguments; placeholders such as {{node.address}} are replaced',
    }),
    script: bootUrl.optional().meta({
      description: 'script to run: of GRUB if its name ends in .cfg or .grub, else of iPXE',
    }),
  })
  .check(({ value, issues }) => {
    const { kernel, script, initrd } = value
    const isScript = script !== undefined
    if (isScript === (kernel !== undefined) || (isScript && (initrd ?? value.arguments) !== undefined)) {
      const message = 'expected either a kernel, with initrd and arguments if it needs them, or a script'
      issues.push({ code: 'custom', input: value, path: [], message })
    }
  })
  .meta({ description: 'entry of your own; slipway does not record or guard what it boots' })

export type OwnEntry = z.output<typeof ownEntry>

const entries = z.array(ownEntry).max(20).optional().meta({
  description:
    'your own entries, in this order: those of the site, of the cluster or group, and of the node; for the same title, the more specific one applies',
})

/** The key of the site. */
export const siteMenu = z
  .strictObject({ entries })
  .meta({ description: 'interactive boot menu of all nodes' })

export const menuSection = z
  .strictObject({
    default: z
      .enum(menuEntries)
      .default('local')
      .meta({ description: 'entry that is selected if no key is pressed' }),
    timeoutSeconds: seconds(0, 86_400)
      .default(30)
      .meta({ description: 'time until the default is selected; 0 waits for a key forever' }),
    entries,
  })
  .meta({ description: 'interactive boot menu' })
