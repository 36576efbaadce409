/** From a requested name to an open file: the plan's loaders first, then the operator's directory. */
import type { TftpPlan } from '../../plan/tftp.ts'
import { ErrorCode } from '../../proto/tftp/packet.ts'
import { CannotRead, type Files, type ServedFile } from './files.ts'
import { findNamed, similarNames } from './request.ts'
import { readdir, realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'

/** @throws {CannotRead} with what the client is told */
export async function openNamed(plan: TftpPlan, files: Files, name: string): Promise<ServedFile> {
  let path = findNamed(plan.files, name)
  if (path === undefined && plan.root !== undefined) path = await findInRoot(plan.root, name)
  if (path === undefined) throw new CannotRead('no such file', ErrorCode.fileNotFound)
  return files.open(path)
}

/** For the log, when a name was not found: why, and what the asker may have meant. */
export async function explainMissingFile(
  plan: TftpPlan,
  name: string,
): Promise<{ readonly reason: string; readonly served: readonly string[] }> {
  const beside = plan.root === undefined ? [] : await namesBeside(plan.root, name)
  const similar = similarNames(name, [...plan.files.keys(), ...beside])
  const nowhere =
    plan.root === undefined ? 'no boot loader has this name' : `neither a boot loader nor in ${plan.root}`
  return {
    reason: findNamed(plan.missing, name) ?? nowhere,
    served: similar.length > 0 ? similar : [...plan.files.keys()],
  }
}

/** The operator's own directory: names are looked up in it, and nothing outside can be reached. */

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
