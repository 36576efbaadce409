/** The plan of TFTP: boot loaders by name, the administrator's own directory, and the nodes by address. */
import { formatIp, formatIpv4, type Cidr, type Ipv6 } from '../proto/address/ip.ts'
import type { AnyCidr, Cidr6 } from '../proto/address/network6.ts'
import { defined } from '../text/defined.ts'
import {
  loaderNames,
  pxelinuxNames,
  type FoundFile,
  type ImageLoaderName,
  type LoaderName,
  type MissingFile,
} from './facts.ts'
import { imageLoader, loaderOfImage } from './dhcp/boot-table.ts'
import { inventoryHere } from './dhcp/inventory.ts'
import type { PlanFinding } from './codes.ts'
import type { LoaderSignature } from './loader-signature.ts'
import type { Model, NodeModel } from './model.ts'

export type TftpPlan = {
  /** Address that files are sent from, in dotted text. */
  readonly address: string
  /** Present if the server has an IPv6 address. */
  readonly ipv6?: { readonly address: Ipv6; readonly networks: readonly Cidr6[] }
  readonly port: number
  readonly transfers: TransferPorts
  /** Paths on disk by requested name. */
  readonly files: ReadonlyMap<string, string>
  /** Loaders that were not found, with a sentence that explains what to do. */
  readonly missing: ReadonlyMap<string, string>
  /** Who signed the loaders of images, by requested name; absent without any. */
  readonly signatures?: ReadonlyMap<string, LoaderSignature>
  /** Directory with the administrator's own files; names in `files` have precedence. */
  readonly root: string | undefined
  /** Subnets of the site. */
  readonly networks: readonly Cidr[]
  /** Other networks whose clients are served, if the site names any; they are granted less. */
  readonly clients?: readonly AnyCidr[]
  /** The subnets for which the site sets an MTU. */
  readonly mtus: readonly { readonly network: Cidr; readonly mtu: number }[]
  /** Keys of nodes (`ocp45/m1`) by address as text, for the log. */
  readonly nodeByAddress: ReadonlyMap<string, string>
}

/**
 * The port that a transfer is sent from: any free port (RFC 1350 §4), one of a range for a firewall, or the request port
 * for clients behind NAT.
 */
export type TransferPorts =
  | { readonly kind: 'any' }
  /** Inclusive. */
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'single' }

/** Loaders that are also served without their directory, as the guide and most firmware settings name them. */
const plainNames: ReadonlyMap<LoaderName, string> = new Map([
  ['bios/undionly.kpxe', 'undionly.kpxe'],
  ['efi/ipxe.efi', 'ipxe.efi'],
  ['efi/snponly.efi', 'snponly.efi'],
])

export function compileTftp(model: Model): { plan: TftpPlan; findings: readonly PlanFinding[] } {
  const files = new Map<string, string>()
  const missing = new Map<string, string>()
  for (const name of loaderNames) {
    if (!model.facts.loaders.has(name))
      throw new TypeError(`site was not scanned: ${name} not among the facts`)
  }
  for (const [name, fact] of model.facts.loaders) {
    const names = [name, plainNames.get(name)].filter((each) => each !== undefined)
    for (const each of names) {
      if (fact.kind === 'found') files.set(each, fact.path)
      else missing.set(each, fact.problem)
    }
  }
  for (const { name, fact } of imageLoaders(model)) {
    if (fact.kind === 'found') files.set(name, fact.path)
    else missing.set(name, fact.problem)
  }
  const plan = {
    address: formatIpv4(model.endpoint.address),
    port: model.endpoint.ports.tftp,
    transfers: transferPorts(model.site.tftp),
    files,
    missing,
    ...defined({ signatures: signaturesOf(model) }),
    root: model.site.tftp.root,
    networks: model.site.subnets.map(({ cidr }) => cidr),
    ...defined({ clients: model.site.tftp.clients }),
    ...defined({ ipv6: ipv6Of(model) }),
    mtus: model.site.subnets.flatMap(({ cidr: network, mtu }) =>
      mtu === undefined ? [] : [{ network, mtu }],
    ),
    nodeByAddress: new Map(
      model.nodes.flatMap((node) => node.addresses.map((address) => [formatIp(address), node.key])),
    ),
  }
  return {
    plan,
    findings: [...missingLoaders(model, missing), ...unsignedLoaders(model, plan), ...rootFindings(model)],
  }
}

/** Returns the loaders in the image directories, and those that are missing there but needed. */
export function imageLoaders(
  model: Model,
): { readonly name: ImageLoaderName; readonly fact: Pick<FoundFile, 'kind' | 'path'> | MissingFile }[] {
  const found = [...model.facts.images].flatMap(([image, { signed }]) =>
    [...(signed ?? [])].map(([file, fact]) => ({ name: imageLoader(image, file), fact })),
  )
  const known = new Set<string>(found.map(({ name }) => name))
  const needed = new Map(
    model.nodes.flatMap((node) => loadersOf(model, node).map((name) => [name, node.image] as const)),
  )
  const missing = [...needed].flatMap(([name, image]) => {
    if (known.has(name) || !isImageLoader(name)) return []
    const file = name.slice(name.indexOf('/') + 1)
    // The rules ensure that each image is declared.
    const { dir } = model.site.images[image] as { dir: string }
    const remedy =
      file === 'core.elf'
        ? 'create it with grub2-mkimage (docs/power-and-z.md)'
        : 'run slipway images loaders, or copy the loader of the vendor of the image there'
    const problem = `no ${file} in ${dir}: ${remedy}`
    const fact: MissingFile = {
      kind: 'missing',
      code: 'tftp.loader-missing',
      path: `${dir}/${file}`,
      problem,
    }
    return [{ name, fact }]
  })
  return [...found, ...missing]
}

function signaturesOf({ facts }: Model): TftpPlan['signatures'] {
  const known = [...facts.images].flatMap(([image, { signed }]) =>
    [...(signed ?? [])].flatMap(([file, { signature }]) =>
      signature === undefined ? [] : [[imageLoader(image, file), signature] as const],
    ),
  )
  return known.length === 0 ? undefined : new Map(known)
}

/** Reports each loader without a signature that a node with `loader: shim` needs. */
function unsignedLoaders(model: Model, { signatures }: Pick<TftpPlan, 'signatures'>): PlanFinding[] {
  const needed = model.nodes.flatMap((node) => (needsSignatures(node) ? loadersOf(model, node) : []))
  return [...new Set(needed)].sort().flatMap((name): PlanFinding[] => {
    if (signatures?.get(name)?.authorities.length !== 0) return []
    const message = 'has no signature, so machines with Secure Boot refuse it: use the loader of the vendor'
    return [{ code: 'tftp.loader-unsigned', severity: 'warning', about: `loader ${name}`, message }]
  })
}

function isImageLoader(name: LoaderName | ImageLoaderName): name is ImageLoaderName {
  return name.startsWith('image-')
}

function ipv6Of({ endpoint, site }: Model): TftpPlan['ipv6'] {
  const { address6: address } = endpoint
  return address && { address, networks: site.subnets6.map(({ cidr }) => cidr) }
}

function transferPorts({ ports, singlePort }: Model['site']['tftp']): TransferPorts {
  if (singlePort) return { kind: 'single' }
  return ports === undefined ? { kind: 'any' } : { kind: 'range', ...ports }
}

function rootFindings({ facts }: Model): PlanFinding[] {
  const problem = facts.tftpRootProblem
  if (problem === undefined) return []
  return [{ code: 'tftp.root-unreadable', severity: 'error', about: 'tftp.root', message: problem }]
}

/** What undeclared machines load before the inventory system. */
const inventoryLoaders = ['bios/undionly.kpxe', 'efi/snponly.efi'] as const

/** Reports each missing loader that a declared node, or the inventory boot, needs. */
function missingLoaders(model: Model, missing: ReadonlyMap<string, string>): PlanFinding[] {
  if (missing.size === 0) return []
  const ofNodes = model.nodes.flatMap((node) =>
    loadersOf(model, node).map((name) => ({ name, key: node.key })),
  )
  const ofOthers = inventoryHere(model.site) === undefined ? [] : inventoryLoaders
  const needed = [...ofNodes, ...ofOthers.map((name) => ({ name, key: 'undeclared machines' }))]
  const nodesByLoader = Map.groupBy(needed, ({ name }) => name)
  return [...nodesByLoader.keys()].sort().flatMap((name): PlanFinding[] => {
    const problem = missing.get(name)
    if (problem === undefined) return []
    const [key, ...more] = (nodesByLoader.get(name) as typeof needed).map((each) => each.key)
    const others = more.length === 0 ? '' : ` and ${more.length} more`
    const message = `${key as string}${others} cannot boot: ${problem}`
    return [{ code: 'tftp.loader-missing', severity: 'error', about: `loader ${name}`, message }]
  })
}

/** Whether firmware is BIOS or UEFI is known only when it boots, so an x86_64 node needs both loaders. */
function loadersOf(model: Model, node: NodeModel): readonly (LoaderName | ImageLoaderName)[] {
  // U-Boot is in the firmware.
  if (node.loader === 'u-boot') return []
  const architecture = model.site.images[node.image]?.architecture
  const loader = loaderOfImage(node, architecture)
  if (node.silentFirmware !== undefined) return node.loader === 'pxelinux' ? [] : [loader]
  const isArm = architecture === 'aarch64'
  const next = nextLoaders(node.loader, isArm ? 'aa64' : 'x64').map((file) => imageLoader(node.image, file))
  const bios = node.loader === 'pxelinux' ? pxelinuxNames : (['bios/undionly.kpxe'] as const)
  return [...(isArm ? [] : bios), loader, ...next]
}

/** Returns the loaders that shim starts from its own directory, and the shim of the kernel that iPXE starts. */
function nextLoaders(loader: NodeModel['loader'], architecture: 'x64' | 'aa64'): readonly string[] {
  switch (loader) {
    case 'shim':
      return [`grub${architecture}.efi`]
    case 'shim-ipxe':
      return ['snponly.efi', `shim${architecture}.efi`]
    default:
      return []
  }
}

function needsSignatures({ loader }: NodeModel): boolean {
  return loader === 'shim' || loader === 'shim-ipxe'
}
