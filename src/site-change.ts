/**
 * Changes the site file for a client of the API. The client first gets the change and what it leads to, and then
 * confirms it for exactly this version of the file. The file is not served before the next reload.
 */
import { resolve } from 'node:path'
import type { Clock } from './host/clock.ts'
import { withLock } from './host/file-lock.ts'
import { writeAtomically } from './host/files.ts'
import type { Log } from './host/log.ts'
import type { Changes } from './plan/changes/change.ts'
import type { SiteControl } from './serve/control/site-routes.ts'
import type { Unchanged } from './site/edit/add.ts'
import { readSite, unreadableSite } from './site-file.ts'
import { hashOf } from './site-confirmation.ts'
import { fileProblem, isSystemError } from './text/file-problem.ts'
import { unifiedDiff } from './text/unified-diff.ts'

export type RefusedChange = {
  readonly outcome: 'refused'
  readonly status: 400 | 404 | 409
  readonly code: string
  readonly reasons: readonly string[]
}

/** What a change leads to, as the API returns it. */
export type SiteEffect = {
  readonly file: string
  /** The version of the site file, which the request that writes the change repeats. */
  readonly base: string
  /** The change of the file in the unified format. It can show secrets of the site file. */
  readonly diff: readonly string[]
  readonly changes: Changes
  readonly troubles: readonly string[]
}

/** The new text of the site file; or why it is not changed. */
export type SiteEdit = Unchanged | RefusedChange | { readonly kind: string; readonly text: string }

type Changed<Edit> = {
  readonly outcome: 'planned' | 'written'
  readonly edit: Exclude<Edit, Unchanged | RefusedChange>
  readonly effect: SiteEffect
}

export type SiteChangeOptions = {
  readonly sitePath: string
  readonly site: Pick<SiteControl, 'compare'>
  readonly clock: Clock
  readonly log: Pick<Log, 'info'>
}

export type SiteChange = {
  /** @param base the planned version, to write the change; without it, nothing is written */
  change<Edit extends SiteEdit>(
    edit: (text: string, file: string) => Edit | Promise<Edit>,
    base: string | undefined,
  ): Promise<RefusedChange | Changed<Edit>>
}

export function createSiteChange({ sitePath, site, clock }: SiteChangeOptions): SiteChange {
  const file = resolve(sitePath)

  async function change<Edit extends SiteEdit>(
    edit: (text: string, file: string) => Edit | Promise<Edit>,
    base: string | undefined,
  ): Promise<RefusedChange | Changed<Edit>> {
    if (base === undefined) return attempt(edit)
    try {
      return await withLock(file, clock, () => attempt(edit, base))
    } catch (error) {
      return refusedChange('server.site-not-written', [notWritten(file, error)])
    }
  }

  async function attempt<Edit extends SiteEdit>(
    edit: (text: string, file: string) => Edit | Promise<Edit>,
    base?: string,
  ): Promise<RefusedChange | Changed<Edit>> {
    let text: string
    try {
      text = (await readSite(file)).text
    } catch (error) {
      return refusedChange('site.unreadable', [unreadableSite(file, error as NodeJS.ErrnoException)])
    }
    if (base !== undefined && hashOf(text) !== base) {
      const reason = `${file} has changed in the meantime: request the plan again`
      return refusedChange('server.site-changed', [reason])
    }
    const edited: SiteEdit = await edit(text, file)
    if ('outcome' in edited) return edited
    if ('reason' in edited) return refusedChange(edited.code, [edited.reason])
    if ('problems' in edited) {
      const { formatProblem } = await import('./site/problem.ts')
      return refusedChange('server.plan-rejected', edited.problems.map(formatProblem))
    }
    const compared = await site.compare({ path: file, text: edited.text })
    if (compared.outcome === 'kept') {
      return refusedChange(compared.code ?? 'server.plan-rejected', compared.reasons)
    }
    const isWritten = base !== undefined && edited.text !== text
    if (isWritten) await writeAtomically(file, edited.text)
    const { changes, troubles } = compared
    return {
      outcome: isWritten ? 'written' : 'planned',
      edit: edited as Exclude<Edit, Unchanged | RefusedChange>,
      effect: { file, base: hashOf(text), diff: unifiedDiff(file, text, edited.text), changes, troubles },
    }
  }

  return { change }
}

export function refusedChange(
  code: string,
  reasons: readonly string[],
  status: RefusedChange['status'] = 409,
): RefusedChange {
  return { outcome: 'refused', status, code, reasons }
}

/** Returns a sentence. What to do is not the same as on the command line, where fileProblem() advises sudo. */
export function notWritten(file: string, error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  const lack = lacks[code]
  if (lack !== undefined) {
    return `the service cannot write ${file}: ${lack}; permit it as the section Actions of docs/page.md describes, or change the file on the server and reload`
  }
  return isSystemError(error) ? fileProblem('write', file, error) : message
}

const lacks: Readonly<Record<string, string>> = {
  EROFS: 'its unit makes the file system read-only',
  EACCES: 'its user has no permission',
  EPERM: 'its user has no permission',
}
