/** Whether the files for an installation exist, and whether their certificates last until its end. */
import type { Permission } from './installs.ts'
import type { IgnitionKind } from '../plan/facts.ts'
import type { HttpPlan } from '../plan/http/plan.ts'
import { checkIgnitionAge } from '../plan/ignition/age.ts'
import type { IgnitionFiles } from '../plan/ignition/document.ts'
import { urlPaths } from '../plan/urls.ts'

/** An installation that would start now; `now` in milliseconds since 1970. */
type Start = { readonly node: string; readonly role: IgnitionKind; readonly now: number }

export async function canStartInstall(
  { scripts, ignition }: Pick<HttpPlan, 'scripts' | 'ignition'>,
  files: IgnitionFiles,
  { node, role, now }: Start,
): Promise<Permission> {
  const key = { key: node }
  const problem = scripts.get(urlPaths.installScript(key, role))?.problem
  if (problem !== undefined) return { kind: 'refused', code: 'install.file-missing', reason: problem }
  const file = ignition.get(urlPaths.openIgnition(key, role))
  // The image of an agent contains its configuration.
  if (file === undefined) return { kind: 'allowed' }
  const read = await files.read(file.file)
  if (read.kind === 'unreadable')
    return { kind: 'refused', code: 'install.file-missing', reason: read.problem }
  const { kind, sentence } = checkIgnitionAge(read.document, now)
  return kind === 'expired'
    ? { kind: 'refused', code: 'install.ignition-expired', reason: sentence }
    : { kind: 'allowed' }
}
