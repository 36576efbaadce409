/**
 * The interface of the installations to the services, the local API, and the commands. `createInstalls` implements it
 * from a plan, a store, and a clock.
 */
import type { InstallRole } from '../plan/facts.ts'
import type { InstallNode } from '../plan/install.ts'
import type { InstallCode, StateProblem } from './codes.ts'
import type { DiskReport } from './disk-report.ts'
import type { Mode } from './node-states.ts'
import type { CallbackStage, NodeCommand, Observation, Observe } from './observation.ts'

/** One installation attempt. Times are milliseconds since 1970. */
export type Attempt = {
  readonly role: InstallRole
  readonly startedAt: number
  /** Number of failed attempts since the node was armed, before this one. */
  readonly earlier: number
}

/** The chain of tokens that only this machine can have used, from its script to its first boot from disk. */
export type ProvenBoot = {
  readonly startedAt: number
  readonly writtenAt: number
  readonly bootedAt: number
}

/** State of a node. */
export type NodeRecord = {
  /** `<cluster>/<name>` */
  readonly node: string
  readonly mode: Mode
  /** Milliseconds since 1970; 0 for a machine that was never seen. */
  readonly since: number
  /** Why it is in this state, a sentence: `its installer reported that the disk is written`. */
  readonly reason: string
  readonly code?: InstallCode
  /** When a node that an administrator armed is no longer armed; it then returns to its previous state. */
  readonly armedUntil?: number
  /** The installation in progress, or the last one. */
  readonly attempt?: Attempt
  /** Present if the last installation was proven by all its tokens. */
  readonly provenBoot?: ProvenBoot
  /** Time of the last observation. */
  readonly lastSeen?: number
}

/** Answer to a network boot. */
export type BootAnswer =
  | { readonly kind: 'install'; readonly role: InstallRole; readonly token: string }
  /** `reason`: a sentence for the console. `canSkip`: whether a user at the console may skip the wait. */
  | { readonly kind: 'wait'; readonly reason: string; readonly code?: InstallCode; readonly canSkip: boolean }
  | { readonly kind: 'menu' }
  | { readonly kind: 'local'; readonly code?: InstallCode }
  | { readonly kind: 'failed'; readonly reason: string }

/** `reason`: a sentence for the log and the caller. */
export type Permission =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly code: InstallCode; readonly reason: string }

/** Answer to a report about the disk; `text`: a sentence for the console of the node. */
export type DiskAnswer =
  | { readonly kind: 'proceed' | 'wait'; readonly text: string }
  /** The live system installs on `device`, and reports again. */
  | { readonly kind: 'use'; readonly device: string; readonly text: string }
  | Extract<Permission, { kind: 'refused' }>

export type CommandOutcome =
  | { readonly kind: 'done'; readonly record: NodeRecord }
  | { readonly kind: 'refused'; readonly code: InstallCode; readonly reason: string }

/**
 * What a token gives access to: an Ignition file, the one of the live system, an initramfs that contains secrets, or the
 * start of another installer.
 */
export type Secret = InstallRole | 'live' | 'initramfs' | 'handover'

/** Request of a network boot. */
export type BootChoice = {
  /** Selected in the boot menu; absent for the declared role. */
  readonly role?: InstallRole
  /** Whether a user at the console skipped the wait. */
  readonly isSkipping: boolean
}

export type ReadRequest = {
  readonly token: string
  /** Address of the client, as `formatIp` writes it. */
  readonly address: string
  readonly what: Secret
  /** HEAD: nothing is sent. */
  readonly isHead: boolean
}

export type Installs = {
  /** Records what a service observed; cheap, never throws. */
  readonly observe: Observe
  /** Decides what this network boot leads to, and records the decision before it resolves. */
  boot(node: string, choice: BootChoice): Promise<BootAnswer>
  /** Resolves to what `boot` would answer to the node itself. Has no effect; its token is a placeholder. */
  preview(node: string, choice: BootChoice): Promise<BootAnswer>
  /** Records a permitted read before it resolves. @throws when it cannot be recorded; then nothing may be sent */
  mayRead(node: string, request: ReadRequest): Promise<Permission>
  /** Returns the token for the Ignition file of the installation with `token`. */
  startedToken(token: string): string
  /** Records the callback before it resolves. @throws when it cannot be recorded; the node then repeats it */
  callback(
    node: string,
    stage: CallbackStage,
    token: string,
    client: { readonly address: string; readonly client: string },
  ): Promise<Permission>
  /** Decides whether the installer may overwrite the disk, and records the decision before it resolves. @throws as callback */
  checkDisk(
    node: string,
    report: DiskReport,
    token: string,
    client: { readonly address: string; readonly client: string },
  ): Promise<DiskAnswer>
  /** @param by the user who sent the command, for the history */
  command(node: string, command: NodeCommand, by?: string): Promise<CommandOutcome>
  /** Reads the active plan: after each reload. */
  declare(): void
  /** Returns the record of a node as it would be if the site declared the node like this. Has no effect. */
  previewRecord(node: InstallNode): NodeRecord
  /** Returns all declared nodes in the order of the site file. */
  list(): readonly NodeRecord[]
  /** Returns the history of one node, oldest first. */
  history(node: string): readonly Observation[]
  /** Returns at most `limit` observations after a sequence number, of one node or all. */
  after(sequence: number, limit: number, node?: string): readonly Observation[]
  /** What an administrator must know about the state, and about machines that changed. */
  problems(): readonly StateProblem[]
  /** Lets new machines be installed automatically again after the state was lost. @throws when it cannot be written */
  acceptLoss(): void
  /** Writes a consistent copy of the state to a new file. @throws when it cannot be written */
  backup(target: string): void
  /** Calls `each` with every new observation, until the returned function is called. */
  subscribe(each: (observation: Observation) => void): () => void
  /** Writes all unwritten changes and closes the store. */
  close(): void
}
