/**
 * What was found on the disk for a site, gathered before compiling (src/scan) so that compiling
 * stays pure. A missing file is a fact too: it becomes a finding, and a clear answer while serving.
 */
import type { IgnitionContents } from './ignition/document.ts'

export type FoundFile = { readonly kind: 'found'; readonly path: string; readonly octets: number }

/** `path` is where it was looked for (a directory when it is found by name), `problem` a whole sentence. */
export type MissingFile = { readonly kind: 'missing'; readonly path: string; readonly problem: string }

export type FileFact = FoundFile | MissingFile

/** Not on this disk: the cluster, which runs, is asked for it when a node installs. `path` names it in a file's place. */
export type ClusterFile = { readonly kind: 'asked'; readonly path: string }

export type IgnitionFact = (FoundFile & { readonly contents: IgnitionContents }) | MissingFile | ClusterFile

/**
 * `live`: kernel, initramfs and rootfs (RHCOS and FCOS since 4.6); `installer`: kernel, initramfs and the
 * metal image (4.5); `agent`: what the agent-based installer made for one cluster, which needs no Ignition
 * file. Which one it is follows from the files that the directory holds.
 */
export type ImageFacts = {
  /** Names of files in the directory, booted or not, that hold keys; absent when there are none. */
  readonly secrets?: ReadonlySet<string>
} & (
  | {
      readonly style: 'live'
      readonly kernel: FileFact
      readonly initramfs: FileFact
      readonly rootfs: FileFact
      /** The live ISO, where one lies beside the rest: nothing here boots it. */
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
      /** From the iPXE script beside the files; absent when there is none, or none that can be read. */
      readonly kernelArguments?: readonly string[]
    }
)

/** What a node has of an image; `metal` in installer style only. */
export type ImageFileKind = 'kernel' | 'initramfs' | 'rootfs' | 'metal'

/** What a node can be installed as, each with an Ignition file of its own. */
export const ignitionKinds = ['bootstrap', 'master', 'single', 'worker'] as const
export type IgnitionKind = (typeof ignitionKinds)[number]

/** The files by the names that `openshift-install` gives them. */
export const ignitionFileNames: Readonly<Record<IgnitionKind, string>> = {
  bootstrap: 'bootstrap.ign',
  master: 'master.ign',
  single: 'bootstrap-in-place-for-live-iso.ign',
  worker: 'worker.ign',
}

/** Boot loaders by the name under which TFTP serves them. */
export const loaderNames = [
  'bios/undionly.kpxe',
  'efi/snponly.efi',
  'efi/ipxe.efi',
  'arm64/ipxe.efi',
  'arm64/snponly.efi',
] as const
export type LoaderName = (typeof loaderNames)[number]

/** A file that the site copies to nodes. */
export type AddedFileFact = (FoundFile & { readonly content: Uint8Array }) | MissingFile

export type Facts = {
  /** By the image's name in the site. */
  readonly images: ReadonlyMap<string, ImageFacts>
  /** By the cluster's name. */
  readonly ignition: ReadonlyMap<string, Readonly<Record<IgnitionKind, IgnitionFact>>>
  /** All of {@link loaderNames}. */
  readonly loaders: ReadonlyMap<LoaderName, FileFact>
  /** By path; absent when the site adds none. */
  readonly addedFiles?: ReadonlyMap<string, AddedFileFact>
  /** Why nothing can be served from `tftp.root`, a whole sentence; absent when it is there, or not wanted. */
  readonly tftpRootProblem?: string
}
