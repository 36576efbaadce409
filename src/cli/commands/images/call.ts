/** The arguments of each subcommand of `slipway images`. */
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

export type ImagesCall = {
  /** The image directory. */
  readonly store: string
  readonly values: ReturnType<typeof parseImagesArguments>['values']
  readonly positionals: readonly string[]
  readonly terminal: Terminal
  readonly world: ImagesWorld
}

/** The parts of the machine that these commands use. */
export type ImagesWorld = {
  readonly clock: Clock
  readonly environment: NodeJS.ProcessEnv
  readonly stdin: AsyncIterable<Uint8Array>
}

/** @throws {TypeError} for an unknown option, as node:util does */
export function parseImagesArguments(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options })
}
