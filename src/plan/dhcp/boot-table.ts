/**
 * Which client boots what, in one table (RFC 4578, RFC 3004). Firmware fetches a loader by TFTP, which is
 * iPXE; iPXE fetches the node's script by HTTP.
 */
import type { BootProtocol } from '../../proto/dhcp/values/vendor-class.ts'
import type { LoaderName } from '../facts.ts'
import type { Endpoint, NodeModel } from '../model.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import { urlFile } from './options.ts'
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

type Row = {
  /** Values of option 93 (IANA "Processor Architecture Types"). */
  readonly architectures: readonly number[]
  readonly loader: (node: Pick<NodeModel, 'loader'>) => LoaderName
}

const loaderTable: readonly Row[] = [
  // BIOS. iPXE's own BIOS build names itself so too: captures boot-bios-*.
  { architectures: [0], loader: () => 'bios/undionly.kpxe' },
  // UEFI on x86. 7: OVMF and iPXE-EFI (captures boot-uefi-*). 9: what RFC 4578 §2.1 called x86-64 before its
  // erratum exchanged 7 and 9; firmware with either number is in use. 6 is 32-bit UEFI in the registry. No
  // such machine runs RHCOS, so the row can only help one that gives the wrong number.
  { architectures: [6, 7, 9], loader: (node) => `efi/${node.loader}.efi` },
  // UEFI on arm64.
  { architectures: [11], loader: (node) => `arm64/${node.loader}.efi` },
]

/**
 * Whether a client gets the script and not a loader. Who says `iPXE` in option 77 always does: every loader
 * that we serve says so, hence no loader can lead to a loader again. Option 175 alone (an embedded script may
 * have set another user class, capture boot-bios-undionly) does when its build can fetch over HTTP.
 */
export function takesScript(
  userClasses: readonly string[],
  features: { readonly http: boolean } | undefined,
): boolean {
  return userClasses.includes('iPXE') || features?.http === true
}

/** The table, worked out for one node. */
export function nodeBoot(
  node: NodeModel,
  endpoint: Endpoint,
  loaderFile: (name: LoaderName) => BootFile,
): NodeBoot {
  const loaders = loaderTable.flatMap(({ architectures, loader }) =>
    architectures.map((architecture): [number, BootFile] => [architecture, loaderFile(loader(node))]),
  )
  return {
    script: urlFile(absoluteUrl(endpoint, urlPaths.bootScript(node))),
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
  // A path under the TFTP root is no URL: UEFI HTTP Boot stops at it.
  if (protocol === 'HTTPClient')
    return { reason: 'UEFI HTTP Boot is not served, the firmware has to use PXE' }
  for (const architecture of architectures) {
    const file = boot.loaderByArchitecture.get(architecture)
    if (file !== undefined) return { file }
  }
  return {
    reason:
      architectures.length === 0
        ? 'it does not say for which architecture it boots'
        : `no boot file for client system architecture ${architectures.join(', ')}`,
  }
}
