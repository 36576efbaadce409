/**
 * Facts about the files of a site, gathered before compiling (src/scan) so that compiling stays pure. A missing file is a
 * fact too: it becomes a finding, and the reason of an error response.
 */
import type { PlanCode } from './codes.ts'
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
 * names of the files in the directory.
 */
export type ImageFacts = {
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
    }
)

/** The files of an image; `metal` only in installer style. */
export type ImageFileKind = 'kernel' | 'initramfs' | 'rootfs' | 'metal'

/** The roles that a node can be installed as; each has its own Ignition file. */
export const ignitionKinds = ['bootstrap', 'master', 'arbiter', 'single', 'worker'] as const
export type IgnitionKind = (typeof ignitionKinds)[number]

/** The names that `openshift-install` gives to the files. */
export const ignitionFileNames: Readonly<Record<IgnitionKind, string>> = {
  bootstrap: 'bootstrap.ign',
  master: 'master.ign',
  arbiter: 'arbiter.ign',
  single: 'bootstrap-in-place-for-live-iso.ign',
  worker: 'worker.ign',
}

/** Boot loaders, named by their TFTP paths. */
export const loaderNames = [
  'bios/undionly.kpxe',
  'efi/snponly.efi',
  'efi/ipxe.efi',
  'arm64/ipxe.efi',
  'arm64/snponly.efi',
] as const
export type LoaderName = (typeof loaderNames)[number]

/** A small file of the site with its content. */
export type AddedFileFact = (FoundFile & { readonly content: Uint8Array }) | MissingFile

export type Facts = {
  /** Keys are names of images. */
  readonly images: ReadonlyMap<string, ImageFacts>
  /** Keys are names of clusters. */
  readonly ignition: ReadonlyMap<string, Readonly<Record<IgnitionKind, IgnitionFact>>>
  /** All of {@link loaderNames}. */
  readonly loaders: ReadonlyMap<LoaderName, FileFact>
  /** Keys are paths; absent if the site adds no files. */
  readonly addedFiles?: ReadonlyMap<string, AddedFileFact>
  /** The file of `haproxy.stats.users`; absent if the site names none. */
  readonly statsUsers?: AddedFileFact
  /** Why `tftp.root` cannot be served, a sentence; absent if it can, or is not set. */
  readonly tftpRootProblem?: string
}
