/** Finds and opens a requested file: first among the plan's loaders, then in the administrator's directory. */
import type { TftpPlan } from '../../plan/tftp.ts'
import { ErrorCode } from '../../proto/tftp/packet.ts'
import { CannotRead, type Files, type ServedFile } from './files.ts'
import { findNamed, similarNames } from './request.ts'
import { readdir, realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'

/** @throws {CannotRead} with the error for the client */
export async function openNamed(plan: TftpPlan, files: Files, name: string): Promise<ServedFile> {
  let path = findNamed(plan.files, name)
  if (path === undefined && plan.root !== undefined) path = await findInRoot(plan.root, name)
  if (path === undefined) throw new CannotRead('no such file', ErrorCode.fileNotFound)
  return files.open(path)
}

/** Explains for the log why a name was not found, and lists similar names that are served. */
export async function explainMissingFile(
  plan: TftpPlan,
  name: string,
): Promise<{ readonly reason: string; readonly served: readonly string[] }> {
  const beside = plan.root === undefined ? [] : await namesBeside(plan.root, name)
  const similar = similarNames(name, [...plan.files.keys(), ...beside])
  const notFound =
    plan.root === undefined ? 'no boot loader has this name' : `not a boot loader, and not in ${plan.root}`
  return {
    reason: findNamed(plan.missing, name) ?? notFound,
    served: similar.length > 0 ? similar : [...plan.files.keys()],
  }
}

/**
 * Returns the real path of `name` under `root`; `undefined` when it does not exist or a symbolic link leads out.
 *
 * @param name from `readName`: no `..`, no leading slash
 */
export async function findInRoot(root: string, name: string): Promise<string | undefined> {
  try {
    const [realRoot, path] = await Promise.all([realpath(root), realpath(join(root, name))])
    return path === realRoot || path.startsWith(realRoot + sep) ? path : undefined
  } catch {
    return undefined
  }
}

/** Returns at most a thousand names in the directory of `name`, for the log. */
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
