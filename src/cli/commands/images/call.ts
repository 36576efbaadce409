/** What `slipway images` hands to each of its subcommands. */
import { parseArgs } from 'node:util'
import type { Clock } from '../../../host/clock.ts'
import type { Terminal } from '../../command.ts'

const options = {
  dir: { type: 'string' },
  site: { type: 'string' },
  name: { type: 'string' },
  arch: { type: 'string', multiple: true },
  iso: { type: 'boolean' },
  metal: { type: 'boolean' },
  force: { type: 'boolean' },
  json: { type: 'boolean' },
} as const
export type ImagesOption = keyof typeof options

/** What a subcommand is given. */
export type ImagesCall = {
  /** The folder of all images. */
  readonly store: string
  readonly values: ReturnType<typeof parseImagesArguments>['values']
  readonly positionals: readonly string[]
  readonly terminal: Terminal
  readonly world: ImagesWorld
}

/** The machine, as far as these commands use it. */
export type ImagesWorld = {
  readonly clock: Clock
  readonly environment: NodeJS.ProcessEnv
  readonly stdin: AsyncIterable<Uint8Array>
}

/** @throws {TypeError} for an option that there is not, as node:util does */
export function parseImagesArguments(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options })
}
