/** What TFTP serves: boot loaders by name, the operator's own directory, and whose address is whose. */
import { formatIpv4 } from '../proto/address/ipv4.ts'
import { type LoaderName, loaderNames } from './facts.ts'
import { arm64, x64 } from './dhcp/boot-table.ts'
import type { Finding } from './findings.ts'
import type { Model, NodeModel } from './model.ts'

export type TftpPlan = {
  /** The server's address in dotted text, from which files are sent. */
  readonly address: string
  readonly port: number
  readonly transfers: TransferPorts
  /** Paths by the name under which they are requested. */
  readonly files: ReadonlyMap<string, string>
  /** Loaders that were not found, with a sentence that says what to do, for whoever asks for one. */
  readonly missing: ReadonlyMap<string, string>
  /** A directory of the operator's own files; names under `files` come first. */
  readonly root: string | undefined
  /** Keys of nodes (`ocp45/m1`) by reserved address in dotted text, for the log. */
  readonly nodeByAddress: ReadonlyMap<string, string>
}

/**
 * Where transfers answer from: a port of their own that the system chooses (RFC 1350 §4), one of a range that
 * a firewall lets through, or the request port, for clients behind NAT.
 */
export type TransferPorts =
  | { readonly kind: 'any' }
  /** Both ends included. */
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'single' }

/** Loaders that are also served without their folder: what the guide and most firmware settings name. */
const plainNames: ReadonlyMap<LoaderName, string> = new Map([
  ['bios/undionly.kpxe', 'undionly.kpxe'],
  ['efi/ipxe.efi', 'ipxe.efi'],
  ['efi/snponly.efi', 'snponly.efi'],
])

export function compileTftp(model: Model): { plan: TftpPlan; findings: readonly Finding[] } {
  const files = new Map<string, string>()
  const missing = new Map<string, string>()
  for (const name of loaderNames) {
    const fact = model.facts.loaders.get(name)
    if (fact === undefined) throw new TypeError(`site was not scanned: nothing is known of ${name}`)
    const names = [name, plainNames.get(name)].filter((each) => each !== undefined)
    for (const each of names) {
      if (fact.kind === 'found') files.set(each, fact.path)
      else missing.set(each, fact.problem)
    }
  }
  const plan = {
    address: formatIpv4(model.endpoint.address),
    port: model.endpoint.ports.tftp,
    transfers: transferPorts(model.site.tftp),
    files,
    missing,
    root: model.site.tftp.root,
    nodeByAddress: new Map(model.nodes.map((node) => [formatIpv4(node.address), node.key])),
  }
  return { plan, findings: [...missingLoaders(model, missing), ...rootFindings(model)] }
}

function transferPorts({ ports, singlePort }: Model['site']['tftp']): TransferPorts {
  if (singlePort) return { kind: 'single' }
  return ports === undefined ? { kind: 'any' } : { kind: 'range', ...ports }
}

function rootFindings({ facts }: Model): Finding[] {
  const problem = facts.tftpRootProblem
  return problem === undefined ? [] : [{ severity: 'error', about: 'tftp.root', message: problem }]
}

/** One error for each loader that a declared node will ask for and that is not there. */
function missingLoaders(model: Model, missing: ReadonlyMap<string, string>): Finding[] {
  return loaderNames.flatMap((name): Finding[] => {
    const problem = missing.get(name)
    const nodes = model.nodes.filter((node) => loadersOf(model, node).includes(name)).map(({ key }) => key)
    if (problem === undefined || nodes[0] === undefined) return []
    const others = nodes.length === 1 ? '' : ` and ${nodes.length - 1} more`
    return [
      { severity: 'error', about: `loader ${name}`, message: `${nodes[0]}${others} cannot boot: ${problem}` },
    ]
  })
}

/** Firmware says only when it boots whether it is BIOS or UEFI, so an x86_64 node needs both kinds. */
function loadersOf(model: Model, node: NodeModel): readonly LoaderName[] {
  const isArm = model.site.images[node.image]?.architecture === 'aarch64'
  return isArm ? [arm64(node)] : ['bios/undionly.kpxe', x64(node)]
}
