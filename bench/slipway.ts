/** slipway with all services and the default log level, as the service unit of a checkout starts it. */
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestedServer } from './benchmark.ts'
import { writeSite } from './site.ts'
import { output } from '../test/e2e/process.ts'

/** The root directory of this checkout. */
export const ownCheckout = join(import.meta.dirname, '..')

export const slipway: TestedServer = {
  name: 'slipway',
  async prepare(files) {
    await prepareCheckout(ownCheckout, files.dir)
    await writeSite(files)
  },
  command: ({ dir }) => serveCommand(ownCheckout, dir),
}

/** Builds the program of a checkout if its unit runs a built one, and creates the cache directory. */
export async function prepareCheckout(checkout: string, dir: string): Promise<void> {
  if (programOf(checkout).startsWith('dist/'))
    await output(['npm', 'run', '--silent', 'build'], { cwd: checkout, limitMs: 120_000 })
  await mkdir(join(dir, 'cache'), { recursive: true })
}

/** Returns the command that serves `site.yaml` of a directory, with state and cache in that directory. */
export function serveCommand(checkout: string, dir: string): readonly string[] {
  return [
    ...[
      'env',
      `CACHE_DIRECTORY=${join(dir, 'cache')}`,
      process.execPath,
      join(checkout, programOf(checkout)),
    ],
    ...[
      'serve',
      '--state',
      join(dir, 'state'),
      '--control',
      join(dir, 'control.sock'),
      join(dir, 'site.yaml'),
    ],
  ]
}

/** Returns the path of the program in the service unit, relative to the checkout. */
function programOf(checkout: string): string {
  const unit = readFileSync(join(checkout, 'systemd/slipway.service'), 'utf8')
  const [, program] = /^ExecStart=\S+ \/opt\/slipway\/(\S+)/m.exec(unit) ?? []
  if (program === undefined) throw new Error(`the service unit of ${checkout} names no program`)
  return program
}
