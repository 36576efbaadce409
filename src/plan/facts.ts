/**
 * Facts about the files of a site, gathered before compiling (src/scan) so that compiling stays pure. A missing file is a
 * fact too: it becomes a finding, and the reason of an error response.
 */
import type { OtherSystem } from '../site/other-systems.ts'
import type { PlanCode } from './codes.ts'
import type { ServedFacts } from './files/facts.ts'
import type { LoaderSignature } from './loader-signature.ts'
import type { IgnitionContents } from './ignition/document.ts'

export type FoundFile = { readonly kind: 'found'; readonly path: string; readonly octets: number }

/** `path` is the file, or the directory that was searched; `problem` is a sentence. */
export type MissingFile = {
  readonly kind: 'missing'
  readonly code: PlanCode
  readonly path: string
  readonly problem: string
}

export type FileFact = FoundFile | MissingFile

/** Not on disk: the running cluster provides it when a node installs. `path` is only a name. */
export type ClusterFile = { readonly kind: 'asked'; readonly path: string }

/** `isPublic`: every user of this machine can read the file, which contains secrets. */
export type IgnitionFact =
  (FoundFile & { readonly contents: IgnitionContents; readonly isPublic?: true }) | MissingFile | ClusterFile

/**
 * `live`: kernel, initramfs, and rootfs (RHCOS and FCOS since 4.6). `installer`: kernel, initramfs, and metal image (4.5).
 * `agent`: files of the agent-based installer for one cluster, which need no Ignition file. The style follows from the
 * names of the files in the directory, except for `system`: the site names the operating system.
 */
export type ImageFacts = {
  /** The signed boot loaders of the vendor of the image, by their names in {@link signedLoaders}; absent without any. */
  readonly signed?: ReadonlyMap<string, SignedLoader>
  /** Names of files in the directory that contain secrets, booted or not; absent if there are none. */
  readonly secrets?: ReadonlySet<string>
} & (
  | {
      readonly style: 'live'
      readonly kernel: FileFact
      readonly initramfs: FileFact
      readonly rootfs: FileFact
      /** The live ISO, if the directory has one; nodes do not boot it. */
      readonly iso?: FileFact
    }
  | {
      readonly style: 'installer'
      readonly kernel: FileFact
      readonly initramfs: FileFact
      readonly metal: FileFact
    }
  | {
      readonly style: 'agent'
      readonly kernel: FileFact
      readonly initramfs: FileFact
      readonly rootfs: FileFact
      /** Read from the iPXE script beside the files; absent without a readable script. */
      readonly kernelArguments?: readonly string[]
      /** When the initramfs was written, milliseconds since 1970. */
      readonly madeAt?: number
    }
  | {
      /** Not an image: the boot script of another installer; the key of its facts is its URL or path. */
      readonly style: 'script'
      readonly script: FileFact
      /** The content of a file; a script at a URL is fetched when a node boots. */
      readonly text?: string
    }
  | {
      /** The installer of another operating system. */
      readonly style: 'system'
      readonly os: OtherSystem
      readonly kernel: FileFact
      readonly initramfs: FileFact
      /** What its installer downloads: the ISO of Ubuntu, the disk image of Flatcar; absent if it uses a mirror. */
      readonly rootfs?: FileFact
    }
)

/** Facts about an image that the site declares. */
export type DeclaredImageFacts = Exclude<ImageFacts, { readonly style: 'script' }>

/** The files of an image; `metal` only in installer style. */
export type ImageFileKind = 'kernel' | 'initramfs' | 'rootfs' | 'metal'

/** The roles that a node can be installed as; each has its own Ignition file. */
export const ignitionKinds = ['bootstrap', 'master', 'arbiter', 'single', 'worker'] as const
export type IgnitionKind = (typeof ignitionKinds)[number]

/** What a node can be installed as: a role in a cluster, or another operating system. */
export type InstallRole = IgnitionKind | OtherSystem

/** The names that `openshift-install` gives to the files. */
export const ignitionFileNames: Readonly<Record<IgnitionKind, string>> = {
  bootstrap: 'bootstrap.ign',
  master: 'master.ign',
  arbiter: 'arbiter.ign',
  single: 'bootstrap-in-place-for-live-iso.ign',
  worker: 'worker.ign',
}

/** Builds of iPXE, named by their TFTP paths. */
export const loaderNames = [
  'bios/undionly.kpxe',
  'efi/snponly.efi',
  'efi/ipxe.efi',
  'arm64/ipxe.efi',
  'arm64/snponly.efi',
] as const
export type IpxeLoaderName = (typeof loaderNames)[number]

/** PXELINUX for BIOS, and the module that it needs in its own directory. */
export const pxelinuxNames = ['bios/lpxelinux.0', 'bios/ldlinux.c32'] as const
export type PxelinuxName = (typeof pxelinuxNames)[number]

/** Boot loaders, named by their TFTP paths. */
export type LoaderName = IpxeLoaderName | PxelinuxName

/** A boot loader that belongs to an image: the vendor of its kernel signed it. Path under TFTP: `image-rhcos/shimx64.efi`. */
export type ImageLoaderName = `image-${string}/${string}`

/** `signature` is absent if the file is not a PE image. */
export type SignedLoader = FoundFile & { readonly signature?: LoaderSignature }

/**
 * The signed loaders of an image directory, and the names of their files there: as in the directory EFI of a live ISO, or
 * as in the packages of Debian.
 */
export const signedLoaders: Readonly<Record<string, readonly string[]>> = {
  'shimx64.efi': ['shimx64.efi', 'shimx64.efi.signed'],
  'grubx64.efi': ['grubx64.efi', 'grubnetx64.efi.signed'],
  'mmx64.efi': ['mmx64.efi', 'mmx64.efi.signed'],
  'shimaa64.efi': ['shimaa64.efi', 'shimaa64.efi.signed'],
  'grubaa64.efi': ['grubaa64.efi', 'grubnetaa64.efi.signed'],
  'mmaa64.efi': ['mmaa64.efi', 'mmaa64.efi.signed'],
  // The shim of iPXE starts the loader that its own name contains.
  'snponly-shimx64.efi': ['snponly-shimx64.efi'],
  'snponly-shimaa64.efi': ['snponly-shimaa64.efi'],
  'snponly.efi': ['snponly.efi'],
  // GRUB for Open Firmware (ppc64le), which has no signatures.
  'core.elf': ['core.elf'],
}

/** A small file of the site with its content. */
export type AddedFileFact = (FoundFile & { readonly content: Uint8Array }) | MissingFile

/** The files of the inventory system. */
export type InventoryFacts = { readonly kernel: FileFact; readonly initrd: FileFact }

export type Facts = {
  /** Absent without the section `inventory`. */
  readonly inventory?: InventoryFacts
  /** Keys are names of images. */
  readonly images: ReadonlyMap<string, ImageFacts>
  /** Keys are names of clusters. */
  readonly ignition: ReadonlyMap<string, Readonly<Record<IgnitionKind, IgnitionFact>>>
  /** All of {@link loaderNames}, and of {@link pxelinuxNames} if a node needs them. */
  readonly loaders: ReadonlyMap<LoaderName, FileFact>
  /** Ignition files of machines that belong to no cluster; keys are paths; absent if the site has none. */
  readonly systemIgnition?: ReadonlyMap<string, IgnitionFact>
  /** Also the answer files of other operating systems. Keys are paths; absent if the site adds no files. */
  readonly addedFiles?: ReadonlyMap<string, AddedFileFact>
  /** The file of `haproxy.stats.users`; absent if the site names none. */
  readonly statsUsers?: AddedFileFact
  /** The files below /files; absent if the site declares none. */
  readonly served?: ServedFacts
  /** Why `tftp.root` cannot be served, a sentence; absent if it can, or is not set. */
  readonly tftpRootProblem?: string
}
