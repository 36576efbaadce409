/** The plan of HTTP: boot scripts, Ignition files, boot loaders, and the directories of images, by URL path. */
import type { AnyCidr } from '../../proto/address/network6.ts'
import type { BootMode } from '../../site/schema.ts'
import type { InstallRole, ImageFileKind } from '../facts.ts'
import type { IgnitionContents, Additions } from '../ignition/document.ts'
import type { BootPlan } from '../boot/boot-plan.ts'
import type { ScriptAuthor } from '../boot/console.ts'
import type { ConfigurationSyntax } from '../boot/syntax.ts'
import type { FilesPlan } from '../files/compile.ts'
import type { LiveTrust } from '../ignition/secure-live.ts'
import type { TlsPlan } from '../tls.ts'

export type BootScript = {
  /** Returns what the script does, without the syntax of a loader. */
  readonly plan: () => BootPlan
  /** The script of iPXE. Rendered on access, because most scripts are never requested. */
  readonly body: string
  /** Key of the node. */
  readonly node: string
  /** What the script does; `wait` if a file is missing. */
  readonly boot: BootMode | 'wait'
  /** Why it waits, a sentence. */
  readonly problem?: string
}

/** A file on disk that is served unchanged. */
export type WholeFile = {
  /** Absolute path on this machine. */
  readonly file: string
  /** Why the file cannot be served, a sentence; absent if it was found. */
  readonly problem?: string
}

/** What undeclared machines boot. */
export type InventoryBoot = {
  /** The script of iPXE. */
  readonly script: string
  readonly kernel: WholeFile
  readonly initrd: WholeFile
}

export type IgnitionFile = WholeFile & {
  readonly node: string
  readonly kind: InstallRole
  /** What the scan read from the file; absent if it was not found or comes from the cluster. */
  readonly contents?: IgnitionContents
  /** The running cluster provides the contents; `file` is only their name. */
  readonly isAsked?: true
  /** If set, the node gets a wrapper with these additions, otherwise the unchanged file. */
  readonly additions?: Additions
}

/** A file for the installer of another operating system. */
export type AnswerFile = {
  readonly node: string
  readonly name: string
  /** What a token must permit: the role whose installer can write the disk after this file, or a file before that. */
  readonly secret: InstallRole | 'live'
  /** With the placeholder of the token; rendered on access. */
  readonly text: string
}

export type ImageDirectory = {
  readonly dir: string
  /** The files that nodes boot, by name. A symbolic link with one of these names may lead out of `dir`. */
  readonly files: ReadonlyMap<string, ImageFileKind>
  /** Names of files in `dir` that contain secrets, such as the initramfs of an agent; only nodes with a token get them. */
  readonly secrets: ReadonlySet<string>
}

/** What the server needs to start and follow the boot of a node. */
export type BootEntry = ScriptAuthor & {
  /** URL of the boot script. */
  readonly url: string
  /** URL of the boot script at the server that installs nodes, if this one does not. */
  readonly installerUrl?: string
  /** The syntax of the configuration that its boot loader reads from this server; absent for iPXE. */
  readonly configuration?: ConfigurationSyntax
  /** Ignition file of the live system, with the placeholder of the token; rendered on access. */
  readonly liveIgnition: string
  /** What HTTPS adds; absent without `server.tls`. */
  readonly secure?: SecureEntry
  /** Whether the live system uses a bond, team, bridge, or VLAN, which can have the MAC address of another interface. */
  readonly usesVirtualInterface?: true
  /** Whether every client may act for the node and read its Ignition files. */
  readonly isOpen: boolean
  /** A file of the image that contains secrets: the initramfs of an agent. */
  readonly secretImage?: { readonly image: string; readonly file: string }
}

export type SecureEntry = {
  /** URL of the boot script over HTTPS. */
  readonly url: string
  /** Returns the Ignition file of the live system that installs a role, with the placeholder of the token. */
  readonly liveIgnition: (role: InstallRole, trust: LiveTrust) => string
}

export type HttpPlan = {
  readonly address: string
  /** Second address to listen on. Nodes boot by IPv4. */
  readonly address6: string | undefined
  /** Networks whose clients get the names of nodes in the metrics, if the site names any. */
  readonly monitors?: readonly AnyCidr[]
  readonly port: number
  /** HTTPS for everything that contains secrets; absent without `server.tls`. */
  readonly tls?: TlsPlan
  /** What iPXE requests first beside itself, if firmware that trusts the CA fetched it over HTTPS. */
  readonly secureAutoexec?: string
  /** Keys are paths as in `urls.ts`. The script at the boot path is the one that the site declares. Tokens are placeholders. */
  readonly scripts: ReadonlyMap<string, BootScript>
  /** Keys are paths without a token. */
  readonly ignition: ReadonlyMap<string, IgnitionFile>
  /** Keys are paths without a token; absent if the site has no machines with other operating systems. */
  readonly answers?: ReadonlyMap<string, AnswerFile>
  /** Keys are node keys. */
  readonly nodes: ReadonlyMap<string, BootEntry>
  readonly loaders: ReadonlyMap<string, WholeFile>
  /** Keys are names of images. */
  readonly images: ReadonlyMap<string, ImageDirectory>
  /** Absent if the site declares none. */
  readonly files?: FilesPlan
  /** What undeclared machines boot; absent without the section `inventory`. */
  readonly inventory?: InventoryBoot
  /** Node keys by address, in the text of `formatIp`. */
  readonly nodeByAddress: ReadonlyMap<string, string>
}
