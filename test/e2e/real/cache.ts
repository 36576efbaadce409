/**
 * The cache of what the complete installation is built from: programs, a Debian system, and images. Each entry has a name
 * with a hash of all its inputs, so that a changed input builds another entry. CI and people can keep the directory.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const cacheDir =
  process.env['SLIPWAY_E2E_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'slipway-e2e')

export type CacheEntry = {
  /** `kubernetes-1.34.4` */
  readonly name: string
  /** Everything that the result depends on: texts, versions, and paths of other entries. */
  readonly inputs: readonly string[]
  /** Files whose content the result depends on. */
  readonly files?: readonly string[]
  /** @param dir an empty directory; it is renamed when the promise resolves */
  readonly build: (dir: string) => Promise<void>
}

/** Returns the directory of an entry, which is built unless it exists. Prints what happens and how long it takes. */
export async function cached({ name, inputs, files = [], build }: CacheEntry): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(inputs))
  for (const file of files) key.update(await readFile(file))
  const dir = join(cacheDir, `${name}-${key.digest('hex').slice(0, 12)}`)
  if (existsSync(dir)) {
    console.log(`tools  cached    ${name}`)
    return dir
  }
  console.log(`tools  building  ${name}`)
  const startedAt = performance.now()
  await mkdir(cacheDir, { recursive: true })
  const unfinished = await mkdtemp(join(cacheDir, `unfinished-${name}-`))
  await build(unfinished)
  await rename(unfinished, dir)
  console.log(`tools  built     ${name} in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  return dir
}

/** Returns a file of this directory. */
export function source(name: string): string {
  return join(import.meta.dirname, name)
}
