/**
 * The table of boot files by client (RFC 4578, RFC 3004, UEFI 2.10 §24.7). Firmware fetches iPXE by TFTP or HTTP, and
 * iPXE fetches the script of the node by HTTP.
 */
import type { BootProtocol } from '../../proto/dhcp/values/text.ts'
import type { ImageLoaderName, LoaderName } from '../facts.ts'
import type { Endpoint, NodeModel, SilentFirmware } from '../model.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import type { BootElsewhere, BootFile, NodeBoot } from './plan.ts'

/** How a client boots, by its options. */
export type BootClient = {
  /** Read from the vendor class (option 60); absent for installed systems and their DHCP clients. */
  readonly protocol: BootProtocol | undefined
  /** Client system architectures in the client's order: option 93, or the one in option 60's text. */
  readonly architectures: readonly number[]
  /** Whether it is iPXE: it sends `iPXE` in option 77, or option 175. */
  readonly isIpxe: boolean
  /** Whether it gets the script, see {@link takesScript}. */
  readonly takesScript: boolean
}

type LoaderChoice = Pick<NodeModel, 'loader' | 'image'>

/** Client system architecture of PC BIOS firmware. */
export const biosArchitecture = 0

/** Client system architectures of firmware that does not identify itself as a boot client. */
export const silentArchitectures: Readonly<Record<SilentFirmware, number>> = { ppc64le: 12, s390x: 31 }

type BootRow = {
  /** Value of option 93. */
  readonly architecture: number
  /** As in the IANA registry "Processor Architecture Types", shortened. */
  readonly name: string
  readonly protocol: BootProtocol
  /** Absent if there is no packaged iPXE and no RHCOS: then the row only provides the name for the log. */
  readonly loader?: (node: LoaderChoice) => LoaderName | ImageLoaderName
  /** The capture in test/fixtures/dhcp, or the document, that the row is based on. */
  readonly evidence: string
}

/** BIOS has no Secure Boot, so only PXELINUX replaces iPXE. */
export const bios = ({ loader }: LoaderChoice): LoaderName =>
  loader === 'pxelinux' ? 'bios/lpxelinux.0' : 'bios/undionly.kpxe'

/**
 * snponly uses the driver of the firmware and does not unload it, so that the firmware can continue with its next boot
 * option. ipxe hangs there (OVMF 2022.11, Debian's iPXE). With `shim` and `grub`, the loaders are those of the image.
 */
export const x64 = (node: LoaderChoice): LoaderName | ImageLoaderName => uefi(node, 'efi', 'snponly', 'x64')
/** Debian has no snponly for arm64. */
export const arm64 = (node: LoaderChoice): LoaderName | ImageLoaderName => uefi(node, 'arm64', 'ipxe', 'aa64')

function uefi(
  { loader, image }: LoaderChoice,
  directory: 'efi' | 'arm64',
  usual: 'ipxe' | 'snponly',
  architecture: 'x64' | 'aa64',
): LoaderName | ImageLoaderName {
  switch (loader) {
    case 'shim':
    case 'grub':
      return imageLoader(image, `${loader}${architecture}.efi`)
    case 'shim-ipxe':
      return imageLoader(image, `snponly-shim${architecture}.efi`)
    case 'ipxe':
    case 'snponly':
      return `${directory}/${loader}.efi`
    case 'pxelinux':
    case 'u-boot':
    case undefined:
      return `${directory}/${usual}.efi`
  }
}

/** Firmware that gets the name of a directory reads its configuration from `pxelinux.cfg/01-MAC` there. */
export type ConfigurationDirectory = `/boot/${string}/`

/** Returns what firmware that does not identify itself loads. */
export function silentBootFile(
  node: LoaderChoice & Pick<NodeModel, 'key'>,
): ImageLoaderName | ConfigurationDirectory {
  return node.loader === 'pxelinux' ? `/boot/${node.key}/` : openFirmware(node)
}

/** GRUB for IEEE 1275, on ppc64le. */
export const openFirmware = ({ image }: Pick<LoaderChoice, 'image'>): ImageLoaderName =>
  imageLoader(image, 'core.elf')

/** Returns the loader of the firmware that does not boot by BIOS. */
export function loaderOfImage(
  node: LoaderChoice & Pick<NodeModel, 'silentFirmware'>,
  architecture: string | undefined,
): LoaderName | ImageLoaderName {
  if (node.silentFirmware !== undefined) return openFirmware(node)
  return architecture === 'aarch64' ? arm64(node) : x64(node)
}

/** Returns the path of a loader that belongs to an image. shim loads GRUB from its own directory. */
export function imageLoader(image: string, file: string): ImageLoaderName {
  return `image-${image}/${file}`
}

/**
 * 32-bit machines (6, 10, 15, 18) cannot run RHCOS. These rows are for 64-bit firmware that sends the wrong number; smee
 * (tinkerbell) has them too. RFC 4578 §2.1 used 9 for x86-64 before erratum 4624 exchanged 7 and 9, and firmware with
 * either number is in use.
 */
// prettier-ignore
export const bootTable: readonly BootRow[] = [
  { architecture: biosArchitecture, name: 'BIOS', protocol: 'PXEClient', loader: bios, evidence: 'boot-bios-undionly' },
  { architecture: 6, name: 'x86 UEFI', protocol: 'PXEClient', loader: x64, evidence: 'IANA; smee' },
  { architecture: 7, name: 'x64 UEFI', protocol: 'PXEClient', loader: x64, evidence: 'boot-uefi-pxe-ovmf-tftp-windowsize' },
  { architecture: 9, name: 'EBC', protocol: 'PXEClient', loader: x64, evidence: 'RFC 4578 §2.1, erratum 4624' },
  { architecture: 10, name: 'arm32 UEFI', protocol: 'PXEClient', loader: arm64, evidence: 'IANA; smee' },
  { architecture: 11, name: 'arm64 UEFI', protocol: 'PXEClient', loader: arm64, evidence: 'IANA' },
  { architecture: silentArchitectures.ppc64le, name: 'PowerPC Open Firmware', protocol: 'PXEClient', evidence: 'IANA' },
  { architecture: 15, name: 'x86 UEFI HTTP', protocol: 'HTTPClient', loader: x64, evidence: 'IANA; smee' },
  { architecture: 16, name: 'x64 UEFI HTTP', protocol: 'HTTPClient', loader: x64, evidence: 'boot-uefi-http-ovmf-virtio' },
  { architecture: 18, name: 'arm32 UEFI HTTP', protocol: 'HTTPClient', loader: arm64, evidence: 'IANA; smee' },
  { architecture: 19, name: 'arm64 UEFI HTTP', protocol: 'HTTPClient', loader: arm64, evidence: 'IANA' },
  { architecture: 22, name: 'arm64 U-Boot', protocol: 'PXEClient', loader: arm64, evidence: 'IANA' },
  { architecture: 25, name: 'riscv32 UEFI', protocol: 'PXEClient', evidence: 'IANA' },
  { architecture: 26, name: 'riscv32 UEFI HTTP', protocol: 'HTTPClient', evidence: 'IANA' },
  { architecture: 27, name: 'riscv64 UEFI', protocol: 'PXEClient', evidence: 'IANA' },
  { architecture: silentArchitectures.s390x, name: 's390', protocol: 'PXEClient', evidence: 'IANA; s390-ccw of QEMU' },
  { architecture: 41, name: 'Raspberry Pi', protocol: 'PXEClient', evidence: 'IANA' },
]

const rowByArchitecture = new Map(bootTable.map((row) => [row.architecture, row]))

/**
 * Reports whether a client gets the script instead of a loader. Option 175 shows whether a build of iPXE supports HTTP.
 * One that does not (for example in a network card) gets a loader like any firmware. Every packaged loader supports HTTP,
 * so a loader never gets a loader. An embedded script may set another user class (capture boot-bios-undionly).
 */
export function takesScript(
  userClasses: readonly string[],
  features: { readonly http: boolean } | undefined,
): boolean {
  return features === undefined ? userClasses.includes('iPXE') : features.http
}

/** How boot files are described in replies: loaders by TFTP path or by URL, the script by URL. */
export type BootFiles = {
  readonly PXEClient: (name: LoaderName | ImageLoaderName | ConfigurationDirectory) => BootFile
  readonly HTTPClient: (name: LoaderName | ImageLoaderName) => BootFile
  readonly script: (url: string) => BootFile
}

/** Evaluates the table for one node. */
export function nodeBoot(node: NodeModel, endpoint: Endpoint, files: BootFiles): NodeBoot {
  const silent = node.silentFirmware && silentArchitectures[node.silentFirmware]
  const loaders: readonly (readonly [number, BootFile])[] =
    silent !== undefined
      ? [[silent, files.PXEClient(silentBootFile(node))] as const]
      : bootTable.flatMap(({ architecture, protocol, loader }): [number, BootFile][] =>
          loader === undefined ? [] : [[architecture, files[protocol](loader(node))]],
        )
  return {
    script: files.script(absoluteUrl(endpoint, urlPaths.bootScript(node), node)),
    ...(silent !== undefined && { silentArchitecture: silent }),
    ...(node.loader === 'pxelinux' && silent === undefined && { biosLoader: files.PXEClient(bios(node)) }),
    loaderByArchitecture: new Map(loaders),
  }
}

/** The boot file of a client, or none: because it did not request one, or because of `reason`. */
export type BootChoice =
  | { readonly file: BootFile; readonly reason?: undefined }
  | { readonly file?: undefined; readonly reason?: string }

/** Chooses the boot file of a client. @param boot undefined for hosts */
export function chooseBoot(boot: NodeBoot | BootElsewhere | undefined, client: BootClient): BootChoice {
  const { protocol, architectures } = client
  const asks = client.isIpxe || protocol !== undefined || architectures.length > 0
  if (!asks) return {}
  if (boot === undefined)
    return { reason: 'the machine is a host, and slipway boots only nodes of a cluster' }
  if ('elsewhere' in boot) return { reason: boot.elsewhere }
  if (client.takesScript) {
    const isBios = architectures.includes(biosArchitecture)
    return { file: (isBios ? boot.biosLoader : undefined) ?? boot.script }
  }
  for (const architecture of architectures) {
    // UEFI HTTP Boot cannot use a TFTP path, and PXE cannot use a URL.
    if (protocol !== undefined && rowByArchitecture.get(architecture)?.protocol !== protocol) continue
    const file = boot.loaderByArchitecture.get(architecture)
    if (file !== undefined) return { file }
  }
  if (architectures.length === 0) return { reason: 'the request has no client system architecture' }
  const by = protocol === 'HTTPClient' ? ' over HTTP' : ''
  return {
    reason: `no boot file${by} for client system architecture ${architectures.map(architectureText).join(', ')}`,
  }
}

/** Formats an architecture: `27 (riscv64 UEFI)`, or only the number if it is not in the table. */
export function architectureText(architecture: number): string {
  const row = rowByArchitecture.get(architecture)
  return row === undefined ? String(architecture) : `${architecture} (${row.name})`
}
