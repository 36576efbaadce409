/** Chooses the site that a start serves: that of the site file, or the last valid or confirmed one. */
import type { SiteProblem } from './app-report.ts'
import type { CheckedSites } from './checked-site.ts'
import { readLastGood, saveLastGood } from './last-good.ts'
import { explain, prepare, type Prepared, type Ready } from './prepare.ts'
import {
  hashOf,
  readSiteRecord,
  removeSiteRecord,
  writeSiteRecord,
  type SiteRecord,
} from './site-confirmation.ts'

export type StartSite = {
  /** Absent if neither the site file nor an earlier site can be served. */
  readonly prepared?: Ready
  /** Why the site file cannot be served, one line each. */
  readonly reasons: readonly string[]
  /** Present if `prepared` is not the site of the file. */
  readonly siteProblem?: SiteProblem
}

/**
 * @param now milliseconds since 1970
 * @param checked where validated sites are kept; without it, the site is validated
 */
export async function chooseSite(
  directory: string,
  sitePath: string,
  now: number,
  checked?: CheckedSites,
): Promise<StartSite> {
  const fromFile = await prepare(sitePath, checked)
  const record = await readSiteRecord(directory, sitePath)
  const rollback = record && (await rolledBack(directory, sitePath, { fromFile, record, now }))
  if (rollback !== undefined) return rollback
  if (fromFile.kind === 'ready') return { prepared: fromFile, reasons: [] }
  const reasons = explain(fromFile)
  const prepared = await readLastGood(directory, sitePath)
  if (prepared === undefined) return { reasons }
  return { prepared, reasons, siteProblem: { code: 'site.last-good-served', reasons } }
}

type Recorded = { readonly fromFile: Prepared; readonly record: SiteRecord; readonly now: number }

/**
 * Returns the confirmed site if the site file was not confirmed before the process ended, or was rolled back and has not
 * changed since. A new site that is not confirmed can be the reason for the end of the process, so a restart rolls back.
 */
async function rolledBack(
  directory: string,
  sitePath: string,
  { fromFile, record, now }: Recorded,
): Promise<StartSite | undefined> {
  const text = fromFile.kind === 'ready' ? fromFile.file.text : undefined
  if (record.kind === 'rolled-back' && (text === undefined || hashOf(text) !== record.hash)) return undefined
  // Newer than the serials of the site that is not served.
  const changedSeconds = fromFile.kind === 'ready' ? fromFile.file.changedSeconds : 0
  const kept = await readLastGood(directory, sitePath, Math.max(Math.floor(now / 1000), changedSeconds + 1))
  if (kept === undefined) return undefined
  if (kept.file.text === text) {
    await removeSiteRecord(directory).catch(() => undefined)
    return undefined
  }
  const reason =
    record.kind === 'rolled-back' ? record.reason : 'slipway restarted before the new site was confirmed'
  if (record.kind === 'pending') {
    const next = { kind: 'rolled-back', at: now, hash: hashOf(text ?? ''), reason } as const
    // If they cannot be written, the next start makes the same decision.
    await saveLastGood(directory, sitePath, kept).catch(() => undefined)
    await writeSiteRecord(directory, sitePath, next).catch(() => undefined)
  }
  return { prepared: kept, reasons: [], siteProblem: { code: 'site.rolled-back', reasons: [reason] } }
}
