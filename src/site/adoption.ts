/** A machine that is to be a node: what the site file does not know of it yet. */
import type { Role } from './schema.ts'

export type Adoption = {
  readonly mac: string
  readonly name: string
  readonly role: Role
  /** One or several, as they are to be written. */
  readonly addresses: readonly string[]
  /** May be left out where the site has only one. */
  readonly cluster: string | undefined
}
