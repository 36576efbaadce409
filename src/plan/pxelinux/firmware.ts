/**
 * Renders a boot plan for firmware that reads a configuration of PXELINUX itself, by TFTP: SLOF (ppc64le) and s390-ccw of
 * QEMU (lib/libnet/pxelinux.c in SLOF), which know only labels with a kernel, an initrd, and arguments, in at most 2 KiB.
 * They cannot wait or show a menu. Without a label, they continue with the next boot device.
 */
import type { BootPlan } from '../boot/boot-plan.ts'
import { ipxeOnlyText, type ScriptAuthor } from '../boot/console.ts'
import { missingSentences } from '../boot/installation.ts'
import { printableAscii } from '../../text/lines.ts'

export function renderFirmware(node: ScriptAuthor, plan: BootPlan): string {
  const nothing = (text: string) => configuration(node, text)
  switch (plan.kind) {
    case 'install': {
      const { role, style, kernel, initramfs } = plan
      if (plan.handoverUrl !== undefined) return nothing(ipxeOnlyText(node, 'firmware', kernel.url))
      return configuration(node, `installs as ${role}, ${style} style`, [
        'default install',
        'label install',
        `kernel ${pathOf(kernel.url)}`,
        `initrd ${pathOf(initramfs.url)}`,
        ...(plan.arguments.length === 0 ? [] : [`append ${plan.arguments.join(' ')}`]),
      ])
    }
    case 'script':
      return nothing(ipxeOnlyText(node, 'firmware', plan.source))
    case 'missing':
      return nothing([`cannot install as ${plan.role} yet`, ...missingSentences(plan.missing)].join('; '))
    case 'menu':
    case 'local':
      return nothing('boots from its local disk')
    case 'wait':
    case 'refused':
      return nothing(plan.reason)
    case 'failed':
      return nothing(`has failed: ${plan.reason}`)
    case 'elsewhere':
      return nothing(`another server of this site installs nodes: ${new URL(plan.installerUrl).host}`)
  }
}

/** The firmware shows no texts, so they are comments; the buffer for the configuration is small. */
const maxTextLength = 200

/** QEMU reads a boot file as a configuration if it starts with these words. */
function configuration({ key }: ScriptAuthor, text: string, lines: readonly string[] = []): string {
  const shown = printableAscii(text.replaceAll(/\s+/g, ' ')).slice(0, maxTextLength)
  return ['# pxelinux', `# ${key}: ${shown}`, ...lines, ''].join('\n')
}

function pathOf(url: string): string {
  return new URL(url).pathname
}
