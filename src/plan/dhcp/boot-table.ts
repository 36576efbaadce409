/**
 * Which client boots what, in one table (RFC 4578, RFC 3004, UEFI 2.10 §24.7). Firmware fetches a loader by TFTP or
 * by HTTP, which is iPXE; iPXE fetches the node's script by HTTP.
 */
import type { BootProtocol } from '../../proto/dhcp/values/class.ts'
import type { LoaderName } from '../facts.ts'
import type { Endpoint, NodeModel } from '../model.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import type { BootFile, NodeBoot } from './plan.ts'

/** What a client's options say about how it boots. */
export type BootClient = {
  /** From the vendor class (option 60); absent for installed systems and their DHCP clients. */
  readonly protocol: BootProtocol | undefined
  /** Client system architectures in the client's order: option 93, or the one in option 60's text. */
  readonly architectures: readonly number[]
  /** Whether it understands option 175: it says `iPXE` in option 77, or sends 175 itself. */
  readonly isIpxe: boolean
  /** Whether it is to get the script, see {@link takesScript}. */
  readonly takesScript: boolean
}

type LoaderChoice = Pick<NodeModel, 'loader'>

type BootRow = {
  /** Value of option 93. */
  readonly architecture: number
  /** As in IANA's registry "Processor Architecture Types", in our spelling. */
  readonly name: string
  readonly protocol: BootProtocol
  /** Absent where no build of iPXE is packaged, and no RHCOS made: the row only lends its name to the log. */
  readonly loader?: (node: LoaderChoice) => LoaderName
  /** A capture of test/fixtures/dhcp, or the document that the row is taken from. */
  readonly evidence: string
}

const bios = (): LoaderName => 'bios/undionly.kpxe'

/**
 * snponly works by the firmware's own driver and leaves that in place, so that the firmware can go on to its next
 * boot option; ipxe hangs there (seen: OVMF 2022.11, Debian's iPXE).
 */
export const x64 = ({ loader = 'snponly' }: LoaderChoice): LoaderName => `efi/${loader}.efi`
/** Debian has no snponly for arm64. */
export const arm64 = ({ loader = 'ipxe' }: LoaderChoice): LoaderName => `arm64/${loader}.efi`

/**
 * 32-bit machines (6, 10, 15, 18) run no RHCOS, so those rows can only help a 64-bit one that gives the wrong
 * number, as firmware is known to do; smee (tinkerbell) has them so too. 9 is what RFC 4578 §2.1 called x86-64
 * before its erratum 4624 exchanged 7 and 9: firmware with either number is in use.
 */
// prettier-ignore
export const bootTable: readonly BootRow[] = [
  { architecture: 0, name: 'BIOS', protocol: 'PXEClient', loader: bios, evidence: 'boot-bios-undionly' },
  { architecture: 6, name: 'x86 UEFI', protocol: 'PXEClient', loader: x64, evidence: 'IANA; smee' },
  { architecture: 7, name: 'x64 UEFI', protocol: 'PXEClient', loader: x64, evidence: 'boot-uefi-pxe-ovmf-tftp-windowsize' },
  { architecture: 9, name: 'EBC', protocol: 'PXEClient', loader: x64, evidence: 'RFC 4578 §2.1, erratum 4624' },
  { architecture: 10, name: 'arm32 UEFI', protocol: 'PXEClient', loader: arm64, evidence: 'IANA; smee' },
  { architecture: 11, name: 'arm64 UEFI', protocol: 'PXEClient', loader: arm64, evidence: 'IANA' },
  { architecture: 15, name: 'x86 UEFI HTTP', protocol: 'HTTPClient', loader: x64, evidence: 'IANA; smee' },
  { architecture: 16, name: 'x64 UEFI HTTP', protocol: 'HTTPClient', loader: x64, evidence: 'boot-uefi-http-ovmf-virtio' },
  { architecture: 18, name: 'arm32 UEFI HTTP', protocol: 'HTTPClient', loader: arm64, evidence: 'IANA; smee' },
  { architecture: 19, name: 'arm64 UEFI HTTP', protocol: 'HTTPClient', loader: arm64, evidence: 'IANA' },
  { architecture: 25, name: 'riscv32 UEFI', protocol: 'PXEClient', evidence: 'IANA' },
  { architecture: 26, name: 'riscv32 UEFI HTTP', protocol: 'HTTPClient', evidence: 'IANA' },
  { architecture: 27, name: 'riscv64 UEFI', protocol: 'PXEClient', evidence: 'IANA' },
]

const rowByArchitecture = new Map(bootTable.map((row) => [row.architecture, row]))

/**
 * Whether a client gets the script and not a loader. Option 175 says whether a build can fetch over HTTP; one that
 * cannot (a network card's own, say) gets a loader as any firmware does. Every packaged loader can, so no loader
 * leads to a loader again. An embedded script may have set another user class (capture boot-bios-undionly).
 */
export function takesScript(
  userClasses: readonly string[],
  features: { readonly http: boolean } | undefined,
): boolean {
  return features === undefined ? userClasses.includes('iPXE') : features.http
}

/** How a node's boot files are named to its clients: loaders under the TFTP root and by URL, its script by URL. */
export type BootFiles = Readonly<Record<BootProtocol, (name: LoaderName) => BootFile>> & {
  readonly script: (url: string) => BootFile
}

/** The table, worked out for one node. */
export function nodeBoot(node: NodeModel, endpoint: Endpoint, files: BootFiles): NodeBoot {
  const loaders = bootTable.flatMap(({ architecture, protocol, loader }): [number, BootFile][] =>
    loader === undefined ? [] : [[architecture, files[protocol](loader(node))]],
  )
  return {
    script: files.script(absoluteUrl(endpoint, urlPaths.bootScript(node))),
    loaderByArchitecture: new Map(loaders),
  }
}

/** What a client boots: a file, nothing because it did not ask, or nothing for a `reason`. */
export type BootChoice =
  | { readonly file: BootFile; readonly reason?: undefined }
  | { readonly file?: undefined; readonly reason?: string }

/** Looks a client up in a node's table; hosts have none. */
export function chooseBoot(boot: NodeBoot | undefined, client: BootClient): BootChoice {
  const { protocol, architectures } = client
  const asks = client.isIpxe || protocol !== undefined || architectures.length > 0
  if (!asks) return {}
  if (boot === undefined) return { reason: 'a host that belongs to no cluster boots nothing from here' }
  if (client.takesScript) return { file: boot.script }
  for (const architecture of architectures) {
    // A path under the TFTP root is no URL: UEFI HTTP Boot stops at it, and PXE at a URL.
    if (protocol !== undefined && rowByArchitecture.get(architecture)?.protocol !== protocol) continue
    const file = boot.loaderByArchitecture.get(architecture)
    if (file !== undefined) return { file }
  }
  if (architectures.length === 0) return { reason: 'it does not say for which architecture it boots' }
  const by = protocol === 'HTTPClient' ? ' over HTTP' : ''
  return {
    reason: `no boot file${by} for client system architecture ${architectures.map(architectureText).join(', ')}`,
  }
}

/** `27 (riscv64 UEFI)`, or the bare number of one that is not in the table. */
export function architectureText(architecture: number): string {
  const row = rowByArchitecture.get(architecture)
  return row === undefined ? String(architecture) : `${architecture} (${row.name})`
}
