/** slipway with all services and the default log level, compiled as its packages contain it. */
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

/** Compiles the program of a checkout, as its packages contain it, and creates the cache directory. */
export async function prepareCheckout(checkout: string, dir: string): Promise<void> {
  await output(['npm', 'run', '--silent', '--ignore-scripts', 'build'], { cwd: checkout, limitMs: 120_000 })
  await mkdir(join(dir, 'cache'), { recursive: true })
}

/**
 * Returns the command that serves `site.yaml` of a directory, with state and cache in that directory. By default without the
 * probe for other DHCP servers, which delays only the first lease of a new state.
 */
export function serveCommand(
  checkout: string,
  dir: string,
  environment: readonly string[] = ['SLIPWAY_DHCP_PROBE=off'],
): readonly string[] {
  return [
    ...['env', `CACHE_DIRECTORY=${join(dir, 'cache')}`, ...environment, process.execPath],
    ...[...launcherOptions(checkout), join(checkout, 'dist/main.js')],
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

/** Returns the options with which bin/slipway of a checkout starts Node.js. */
export function launcherOptions(checkout: string): string[] {
  const launcher = readFileSync(join(checkout, 'bin/slipway'), 'utf8')
  return /^options=(.+)$/m.exec(launcher)?.[1]?.split(' ') ?? []
}

/** Returns {@link serveCommand} without the state of an earlier run: installed nodes would boot their disks. */
export function freshServeCommand(checkout: string, dir: string): readonly string[] {
  // The mark of the cache directory would show a loss of the state.
  const fresh = ['sh', '-c', 'rm -rf "$0/state" "$0/cache/install.mark"; exec "$@"', dir]
  return [...fresh, ...serveCommand(checkout, dir)]
}
