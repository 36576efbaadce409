/**
 * What the services, the local API and the commands may ask of the installations: the core's own face.
 * `createInstalls` makes one from a plan, a store and a clock.
 */
import type { IgnitionKind } from '../plan/facts.ts'
import type { Mode } from './node-states.ts'
import type { CallbackStage, NodeCommand, Observation, Observe } from './observation.ts'

/** One installation, from the script that begins it. */
export type Attempt = {
  readonly role: IgnitionKind
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** How many came to nothing since the node was armed, before this one. */
  readonly earlier: number
}

/** Where a node stands. */
export type NodeRecord = {
  /** `<cluster>/<name>` */
  readonly node: string
  readonly mode: Mode
  /** Milliseconds since 1970; 0 for a node that was never heard of. */
  readonly since: number
  /** What moved it there, a sentence: `its installer reported that the disk is written`. */
  readonly reason: string
  /** When an arming by command ends; it then goes back to what it was. */
  readonly armedUntil?: number
  /** Of the installation under way or the last one. */
  readonly attempt?: Attempt
  /** When anything was last seen of it. */
  readonly lastSeen?: number
}

/** What a network boot of a node is answered with, now. */
export type BootAnswer =
  | { readonly kind: 'install'; readonly role: IgnitionKind; readonly token: string }
  /** `reason`: what it waits for, a sentence for its screen. `canSkip`: whether a person may go on without. */
  | { readonly kind: 'wait'; readonly reason: string; readonly canSkip: boolean }
  | { readonly kind: 'menu' }
  | { readonly kind: 'local' }
  | { readonly kind: 'failed'; readonly reason: string }

/** `reason`: a sentence for the log and for who asked. */
export type Permission = { readonly kind: 'allowed' } | { readonly kind: 'refused'; readonly reason: string }

export type CommandOutcome =
  | { readonly kind: 'done'; readonly record: NodeRecord }
  | { readonly kind: 'refused'; readonly reason: string }

/** What a token opens: a node's Ignition file, its live system's, or an initramfs that holds secrets. */
export type Secret = IgnitionKind | 'live' | 'initramfs'

/** What a network boot asks for. */
export type BootChoice = {
  /** Chosen by a person in the menu; the declared one when absent. */
  readonly role?: IgnitionKind
  /** Whether a person chose not to wait. */
  readonly isSkipping: boolean
}

export type Installs = {
  /** Takes note of what a service saw; cheap, never throws. */
  readonly observe: Observe
  /** Decides what this network boot leads to and keeps the decision before it resolves. */
  boot(node: string, choice: BootChoice): Promise<BootAnswer>
  /** What `boot` would answer, for who is not the node: begins nothing, and its token is only the placeholder. */
  preview(node: string, choice: BootChoice): Promise<BootAnswer>
  /** @param address of the reader, in the text of `formatIp` */
  mayRead(node: string, token: string, address: string, what: Secret): Permission
  /** Kept before it returns: the node is answered only when its word cannot be lost. @throws when it cannot be kept */
  callback(
    node: string,
    stage: CallbackStage,
    token: string,
    client: { readonly address: string; readonly client: string },
  ): Permission
  command(node: string, command: NodeCommand): CommandOutcome
  /** Takes note of what the site declares now: after each reload. */
  declare(): void
  /** Of every declared node, in the order of the site file. */
  list(): readonly NodeRecord[]
  /** Of one node, oldest first. */
  history(node: string): readonly Observation[]
  /** Calls `each` with every observation from now on, until the returned function is called. */
  subscribe(each: (observation: Observation) => void): () => void
  /** Writes what is not written yet and closes the store. */
  close(): void
}
