/** Files from packages of Debian 13, whose loaders are newer than those of the machine that runs the checks. */
import { existsSync } from 'node:fs'
import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { openIndex } from './debian-index.ts'

/**
 * Returns the paths of files, which are kept between runs.
 *
 * @param name of the directory in `workDir` that has them
 */
export async function filesOfDebian13(
  workDir: string,
  name: string,
  packages: readonly string[],
  files: readonly string[],
): Promise<string[]> {
  const target = join(workDir, name)
  const paths = files.map((file) => join(target, basename(file)))
  if (existsSync(target)) return paths
  const work = join(workDir, `${name}-unfinished`)
  await rm(work, { recursive: true, force: true })
  const index = await openIndex(work, { architecture: 'amd64', suites: ['trixie'] })
  const root = await index.unpack(packages)
  const unfinished = join(work, 'files')
  await mkdir(unfinished)
  for (const file of files) await cp(join(root, file), join(unfinished, basename(file)))
  await rename(unfinished, target)
  await rm(work, { recursive: true })
  return paths
}
