/** Builds coreos-installer from crates.io. Its systemd units and scripts are part of the package. */
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { output } from '../process.ts'
import { cacheDir, cached } from './cache.ts'

export const installerVersion = '0.27.0'

export type Installer = {
  readonly program: string
  /** `coreos-installer-service` and others, for /usr/libexec. */
  readonly scriptsDir: string
  readonly unitsDir: string
}

export async function buildInstaller(): Promise<Installer> {
  const dir = await cached({
    name: `coreos-installer-${installerVersion}`,
    inputs: [],
    async build(work) {
      // A build that was interrupted continues.
      const compiled = join(cacheDir, `coreos-installer-${installerVersion}-compiled`)
      const options = ['--version', installerVersion, '--locked', '--root', work, '--target-dir', compiled]
      await output(['cargo', 'install', 'coreos-installer', ...options], { limitMs: 90 * 60_000 })
      await rm(compiled, { recursive: true })
      const cargoHome = process.env['CARGO_HOME'] ?? join(homedir(), '.cargo')
      const registries = join(cargoHome, 'registry/src')
      const crate = (await readdir(registries))
        .map((name) => join(registries, name, `coreos-installer-${installerVersion}`))
        .find((path) => existsSync(path))
      if (crate === undefined) throw new Error(`cargo left no source of coreos-installer in ${registries}`)
      await mkdir(join(work, 'files'))
      for (const name of ['scripts', 'systemd']) {
        await cp(join(crate, name), join(work, 'files', name), { recursive: true })
      }
    },
  })
  return {
    program: join(dir, 'bin/coreos-installer'),
    scriptsDir: join(dir, 'files/scripts'),
    unitsDir: join(dir, 'files/systemd'),
  }
}
