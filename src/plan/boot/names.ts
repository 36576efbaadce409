/**
 * The names of files that boot loaders request from TFTP, beside the loaders themselves: their first
 * configurations, boot scripts, and the files of images. Pure.
 */
import type { BootEntry, HttpPlan } from '../http/plan.ts'
import { renderGrubEntry } from '../grub/render.ts'
import { renderPxelinuxEntry } from '../pxelinux/render.ts'
import { renderUbootEntry, renderUbootInclude } from '../uboot/render.ts'
import { scriptImage } from '../uboot/script-image.ts'
import { grubOverHttpName, readScriptName, type ScriptName } from '../urls.ts'
import type { ConfigurationSyntax } from './syntax.ts'
import { parseIpv4 } from '../../proto/address/ip.ts'

/** The script that U-Boot runs after DHCP. */
const ubootScriptName = 'boot.scr.uimg'

export type BootName =
  /** The first file of a loader; `for` is the part that identifies the machine. */
  | { readonly kind: 'entry'; readonly syntax: ConfigurationSyntax; readonly for?: string }
  | { readonly kind: 'script'; readonly node: string; readonly script: ScriptName }
  | { readonly kind: 'grub-over-http'; readonly node: string }
  | { readonly kind: 'image'; readonly image: string; readonly file: string }

/** @param name without a leading slash; GRUB requests its configuration in the directory of its own prefix */
export function readBootName(name: string): BootName | undefined {
  const segments = name.split('/')
  const file = segments.at(-1) as string
  const entry = readEntryName(file, segments.at(-2))
  if (entry !== undefined) return entry
  const [directory, ...rest] = segments
  if (directory === 'boot' && rest.length === 3) {
    const node = `${rest[0]}/${rest[1]}`
    if (file === grubOverHttpName) return { kind: 'grub-over-http', node }
    const script = readScriptName(file)
    return script === undefined ? undefined : { kind: 'script', node, script }
  }
  const [image] = rest
  if (directory !== 'images' || image === undefined || rest.length !== 2) return undefined
  const [decoded, decodedFile] = [decode(image), decode(file)]
  return decoded === undefined || decodedFile === undefined
    ? undefined
    : { kind: 'image', image: decoded, file: decodedFile }
}

function readEntryName(file: string, directory = ''): BootName | undefined {
  const name = file.toLowerCase()
  const [, suffix = ''] = /^grub\.cfg(?:-(.+))?$/.exec(name) ?? []
  if (name.startsWith('grub.cfg') && (suffix !== '' || name === 'grub.cfg'))
    return { kind: 'entry', syntax: 'grub', ...(suffix !== '' && { for: suffix }) }
  if (directory.toLowerCase() === 'pxelinux.cfg')
    return { kind: 'entry', syntax: 'pxelinux', ...(name !== 'default' && { for: name }) }
  return name === ubootScriptName ? { kind: 'entry', syntax: 'uboot' } : undefined
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/**
 * Reports whether the suffix of `grub.cfg-` identifies the node: its MAC address after the type of the hardware
 * (`01-52-54-00-00-00-21`), or its address in hexadecimal (`ac100015`). GRUB then requests shorter parts of the
 * address, which several machines can have in common.
 */
export function isSuffixOf({ mac, otherMacs = [] }: BootEntry, address: string, suffix: string): boolean {
  const macs = [mac, ...otherMacs].map((each) => `01-${each.replaceAll(':', '-')}`)
  const hex = parseIpv4(address)?.toString(16).padStart(8, '0')
  return macs.includes(suffix) || suffix === hex
}

/**
 * Reports whether firmware that reads a configuration itself requests it by the MAC address of the node. It boots from what
 * this file contains, so the file is a network boot, and not only the first file of a loader.
 */
export function isFirmwareEntry(asked: BootName, node: BootEntry, address: string): boolean {
  if (asked.kind !== 'entry' || asked.syntax !== 'pxelinux' || asked.for === undefined) return false
  return asked.for.startsWith('01-') && isSuffixOf(node, address, asked.for)
}

/**
 * Returns the first configuration of the loader of the node that has the address of the client; nothing for another name,
 * for other clients, and for nodes with another loader.
 */
export function entryFor(
  plan: Pick<HttpPlan, 'nodes' | 'nodeByAddress'>,
  asked: BootName | undefined,
  address: string,
): string | Uint8Array | undefined {
  if (asked?.kind !== 'entry') return undefined
  const node = plan.nodes.get(plan.nodeByAddress.get(address) ?? '')
  if (node === undefined) return undefined
  if (asked.for !== undefined && !isSuffixOf(node, address, asked.for)) return undefined
  switch (`${asked.syntax} for ${node.configuration ?? 'ipxe'}`) {
    case 'grub for grub':
      return renderGrubEntry(node, node.url)
    case 'pxelinux for pxelinux':
      return renderPxelinuxEntry(node, node.url)
    case 'pxelinux for uboot':
      return renderUbootInclude(node)
    case 'uboot for uboot':
      return scriptImage(renderUbootEntry(node, node.url))
    default:
      return undefined
  }
}

/**
 * Reports whether a loader requests a file of this name but boots without it: GRUB looks for configurations under several
 * names, for its modules, and for lists of them, PXELINUX and U-Boot for configurations too; iPXE for EFI (since 2024) looks for a script; shim (since 15.8) for
 * revocations and certificates.
 */
export function isOptionalName(name: string): boolean {
  return /(?:^|[/\\])(?:autoexec\.ipxe|grub\.cfg(?:-[^/]*)?|pxelinux\.cfg[/\\][^/]+|boot\.scr\.uimg|[^/]+\.(?:mod|lst|pf2)|(?:revocations|shim_certificate)[^/]*\.efi)$/i.test(
    name,
  )
}
