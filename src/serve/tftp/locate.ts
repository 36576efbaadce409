/** From a requested name to an open file: the plan's loaders first, then the operator's directory. */
import type { TftpPlan } from '../../plan/tftp.ts'
import { ErrorCode } from '../../proto/tftp/packet.ts'
import { CannotRead, type Files, type ServedFile } from './files.ts'
import { findNamed, similarNames } from './name.ts'
import { findInRoot, namesBeside } from './root.ts'

/** @throws {CannotRead} with what the client is told */
export async function openNamed(plan: TftpPlan, files: Files, name: string): Promise<ServedFile> {
  let path = findNamed(plan.files, name)
  if (path === undefined && plan.root !== undefined) path = await findInRoot(plan.root, name)
  if (path === undefined) throw new CannotRead('no such file', ErrorCode.fileNotFound)
  return files.open(path)
}

/** For the log, when a name was not found: why, and what the asker may have meant. */
export async function explainAbsence(
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
