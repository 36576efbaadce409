/** The operator's own directory: names are looked up in it, and nothing outside can be reached. */
import { readdir, realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'

/**
 * The real path of what `name` means under `root`; `undefined` when nothing is there or a symbolic link
 * leads out.
 *
 * @param name as `readName` gives it: no `..`, no leading slash
 */
export async function findInRoot(root: string, name: string): Promise<string | undefined> {
  try {
    const [realRoot, path] = await Promise.all([realpath(root), realpath(join(root, name))])
    return path === realRoot || path.startsWith(realRoot + sep) ? path : undefined
  } catch {
    return undefined
  }
}

/** Names in the folder where `name` was looked for, to tell the operator what is there; at most a thousand. */
export async function namesBeside(root: string, name: string): Promise<string[]> {
  const folder = dirname(name)
  const path = await findInRoot(root, folder)
  if (path === undefined) return []
  const names = await readdir(path).catch(() => [])
  return names
    .filter((each) => !each.startsWith('.'))
    .slice(0, 1000)
    .map((each) => join(folder, each))
}
