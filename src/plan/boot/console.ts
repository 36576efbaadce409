/** Text that a boot loader shows on the console of a node. */
import { formatIp } from '../../proto/address/ip.ts'
import { wrap } from '../../text/lines.ts'
import type { Architecture } from '../../site/schema.ts'
import { macsText, type NodeModel } from '../model.ts'
import type { ConfigurationSyntax } from './syntax.ts'

/** The width of a console in text mode. */
export const columns = 80

/** The node that runs a script. */
export type ScriptAuthor = Pick<NodeModel, 'key' | 'address' | 'mac' | 'otherMacs'> & {
  /** Of its image; absent for x86_64. */
  readonly architecture?: Exclude<Architecture, 'x86_64'>
}

/** Returns lines with the node's key on each of them, so that a serial log of many machines is readable. */
export function consoleLines({ key }: Pick<NodeModel, 'key'>, text: string): string[] {
  const prefix = `slipway ${key}:`
  // One column is the space, and the last one must stay free, because a full line causes an empty line.
  return wrap(text, columns - 2 - prefix.length).map((line) => `${prefix} ${line}`)
}

/** `installs as worker on /dev/sda`; an agent, and another installer, choose the disk. */
export function installText({
  role,
  style,
  disk,
}: {
  readonly role: string
  readonly style: string
  readonly disk?: string
}): string {
  if (style === 'script') return `boots the installer that its script names, as ${role}`
  if (disk !== undefined) return `installs as ${role} on ${disk}`
  return style === 'agent'
    ? 'installs as the agent decides'
    : `installs as ${role}, on the disk that its installer chooses`
}

/**
 * Returns what a loader shows that cannot run the script of another installer. IBM Power and IBM Z have no iPXE.
 *
 * @param syntax of the loader
 * @param source URL or path of the script, or URL of its kernel
 */
export function ipxeOnlyText(
  { architecture }: Pick<ScriptAuthor, 'architecture'>,
  syntax: ConfigurationSyntax,
  source: string,
): string {
  const name = scriptName(source)
  switch (architecture) {
    case 'aarch64':
      return `only iPXE can boot ${name}: set loader: ipxe`
    case 'ppc64le':
      return syntax === 'grub'
        ? `GRUB cannot boot ${name}: use a script that only boots a kernel and an initramfs over http`
        : `the firmware cannot boot ${name}: set loader: grub`
    case 's390x':
      return `the firmware cannot boot ${name}: start this installer without slipway, and set boot: none`
    default:
      return `only iPXE can boot ${name}: set loader: snponly`
  }
}

/** Returns a script without the query of its URL, which often has a key. */
export function scriptName(source: string): string {
  return source.replace(/\?.*/, '')
}

/** Identifies the machine on its console: `address 172.16.0.21, MAC 00:50:56:96:37:c8`. */
export function networkIdentity({ address, ...macs }: Omit<ScriptAuthor, 'key'>): string {
  return `address ${formatIp(address)}, MAC ${macsText(macs)}`
}
