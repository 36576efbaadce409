/**
 * The active site: the plan that the services use, how a reload or a rollback replaces it, and what of it the state
 * directory keeps for the next start. Operations run one after another.
 */
import { setImmediate } from 'node:timers/promises'
import type { SiteProblem } from './app-report.ts'
import type { Clock, Timer } from './host/clock.ts'
import type { Counters } from './host/counters.ts'
import { inTurn } from './host/in-turn.ts'
import type { Log } from './host/log.ts'
import { saveLastGood } from './last-good.ts'
import type { Changes, CompiledSite } from './plan/changes/change.ts'
import { compareSteps, needsRestart } from './plan/changes/compare.ts'
import { appliedSummary } from './plan/changes/summary.ts'
import { formatMinute } from './plan/ignition/findings.ts'
import { compileInBackground, explain, prepareInBackground, type Prepared, type Ready } from './prepare.ts'
import type { Compared, Confirmed, HistoryRow, Reloaded, SiteControl } from './serve/control/site-routes.ts'
import { hashOf, removeSiteRecord, writeSiteRecord } from './site-confirmation.ts'
import type { Plan } from './plan/compile.ts'
import { readSite } from './site-file.ts'
import { addToHistory, readHistory, type HistoryEntry } from './site-history.ts'
import type { ActiveProblem } from './text/codes.ts'
import { defined } from './text/defined.ts'
import { formatDuration, pluralize } from './text/format.ts'

export type ActiveSiteOptions = {
  readonly sitePath: string
  readonly first: Ready
  /** Why `first` is not the site of the file. */
  readonly siteProblem: SiteProblem | undefined
  /** State directory; without it, nothing is kept for the next start. */
  readonly directory: string | undefined
  /** Makes the services use a plan that is active from now on. */
  readonly apply: (prepared: Ready) => Promise<void>
  /** Adds to changes what the next network boot of each node leads to, before the plan is active. */
  readonly withNextBoots: (changes: Changes, next: Plan) => Changes
  /** Returns the parts of the active site that cannot be served. */
  readonly troubles: () => readonly string[]
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
}

export type ActiveSite = SiteControl &
  CompiledSite & {
    /** Serves the first site. */
    start(): Promise<void>
    siteProblem(): SiteProblem | undefined
    problems(): ActiveProblem[]
    close(): void
  }

/** A site that is served and not confirmed. */
type Pending = {
  /** Why it is not the site of the file, after a rollback: a sentence. */
  readonly rollbackReason?: string
  /** What an automatic rollback returns to. */
  readonly confirmed: Ready
  readonly confirmBy: number
  readonly timer: Timer
}

/** An earlier site to serve, and why. */
type Return = {
  readonly prepared: Ready
  readonly changes: Changes
  readonly reason: string
  /** Whether it must still be confirmed: then a restart does not serve it. */
  readonly awaits: boolean
  /** The user; undefined if slipway decided it. */
  readonly by: string | undefined
}

export function createActiveSite(options: ActiveSiteOptions): ActiveSite {
  // No function below uses `options`, which would keep the first plan in memory.
  const { sitePath, directory, apply, troubles, log, counters, clock } = options
  let served: Ready = options.first
  let { siteProblem } = options
  let pending: Pending | undefined
  let servedSince = clock.now()
  let lastChange: Pick<HistoryEntry, 'summary' | 'by'> = {
    summary: `${pluralize(served.plan.nodes.length, 'node')} at the start`,
  }
  let queue: Promise<unknown> = Promise.resolve()

  function inQueue<Result>(operation: () => Promise<Result>): Promise<Result> {
    const result = queue.then(operation)
    queue = result.catch(() => undefined)
    return result
  }

  /** The users who requested the next reload, which they share. */
  const reloaders = new Set<string>()
  const reloadInTurn = inTurn(() =>
    inQueue(() => {
      const by = reloaders.size === 0 ? undefined : [...reloaders].join(', ')
      reloaders.clear()
      return reload(undefined, by)
    }),
  )

  async function serve(prepared: Ready, summary: string, by: string | undefined): Promise<void> {
    served = prepared
    servedSince = clock.now()
    lastChange = { summary, ...defined({ by }) }
    await apply(prepared)
  }

  async function reload(confirmMs: number | undefined, by: string | undefined): Promise<Reloaded> {
    const prepared = await prepareInBackground(sitePath, served.plan)
    const reasons = whyNot(prepared)
    for (const reason of reasons)
      log.error({ code: 'server.reload-rejected', reason }, 'site reload rejected')
    if (prepared.kind !== 'ready' || reasons.length > 0) {
      counters.increment('app.reloadsRefused')
      const code = prepared.kind === 'unreadable' ? prepared.code : 'server.reload-rejected'
      siteProblem = { code, reasons }
      return { outcome: 'kept', reasons }
    }
    const changes = await comparedWith(prepared)
    const isConfirmed = prepared.file.text === (pending?.confirmed ?? served).file.text
    if (isConfirmed) endPending()
    else if (confirmMs !== undefined) {
      const refusal = await awaitConfirmation(confirmMs)
      if (refusal !== undefined) return refusal
    }
    await serve(prepared, `reload: ${appliedSummary(changes)}`, by)
    siteProblem = undefined
    if (pending === undefined) await keep()
    counters.increment('app.reloads')
    log.info({ site: served.plan.site, nodes: served.plan.nodes.length }, 'site reloaded')
    return swapped(changes)
  }

  /** Returns why a site cannot be served by this process. */
  function whyNot(prepared: Prepared): string[] {
    if (prepared.kind !== 'ready') return explain(prepared)
    return needsRestart(served, prepared).map(({ text }) => text)
  }

  function swapped(changes: Changes, differsFrom?: string): Reloaded {
    return {
      outcome: 'swapped',
      nodes: served.plan.nodes.length,
      troubles: troubles(),
      changes,
      ...(pending === undefined ? {} : { confirmBy: pending.confirmBy }),
      ...(differsFrom === undefined ? {} : { differsFrom }),
    }
  }

  // Confirmation.

  /** Records the time first, so that a restart returns to the confirmed site. @returns why that is not possible */
  async function awaitConfirmation(
    confirmMs: number,
    rollbackReason?: string,
  ): Promise<Reloaded | undefined> {
    const confirmBy = clock.now() + confirmMs
    const { confirmed } = pending ?? { confirmed: served }
    try {
      if (directory === undefined) throw new Error('slipway runs without a state directory')
      if (pending === undefined) await saveLastGood(directory, sitePath, confirmed)
      await writeSiteRecord(directory, sitePath, { kind: 'pending', confirmBy })
    } catch (error) {
      const reason = `the confirmation cannot be recorded: ${(error as Error).message}`
      return { outcome: 'kept', code: 'server.confirmation-not-written', reasons: [reason] }
    }
    endPending()
    const timer = clock.after(confirmMs, () => void inQueue(() => expire(started)))
    const started: Pending = { confirmed, confirmBy, timer, ...defined({ rollbackReason }) }
    pending = started
    log.warn({ code: 'site.confirmation-pending', confirmBy, confirmMs }, 'site awaits confirmation')
    return undefined
  }

  function endPending(): void {
    pending?.timer.cancel()
    pending = undefined
  }

  async function expire(expired: Pending): Promise<void> {
    if (pending !== expired) return
    const { model, file } = expired.confirmed
    const loaded = { kind: 'site', site: model.site, text: file.text, changedSeconds: nowSeconds() } as const
    const prepared = await compileInBackground(loaded, model.facts, served.plan)
    const changes = await comparedWith(prepared)
    const reason = 'the new site was not confirmed in time'
    await returnTo({ prepared, changes, reason, awaits: false, by: undefined })
  }

  async function confirm(): Promise<Confirmed> {
    if (pending === undefined || directory === undefined) {
      const reason = siteProblem?.code === 'site.rolled-back' ? `: ${siteProblem.reasons.join('; ')}` : ''
      return {
        outcome: 'refused',
        code: 'server.nothing-to-confirm',
        reason: `no reload is waiting for confirmation${reason}`,
      }
    }
    try {
      await saveLastGood(directory, sitePath, served)
    } catch (error) {
      const reason = `the confirmed site cannot be written: ${(error as Error).message}`
      return { outcome: 'refused', code: 'server.state-not-written', reason }
    }
    const { rollbackReason } = pending
    endPending()
    await keep(rollbackReason !== undefined && (await recordRollback(served, rollbackReason)))
    counters.increment('app.confirmations')
    log.info({ site: served.plan.site }, 'site confirmed')
    return { outcome: 'confirmed' }
  }

  // Rollback.

  async function rollback(
    number: number,
    { confirmMs, by }: { readonly confirmMs: number | undefined; readonly by: string | undefined },
  ): Promise<Reloaded> {
    const entries = await history()
    const entry = entries[number]
    if (entry === undefined || number === 0) {
      const known = entries.length < 2 ? 'no earlier site' : `the earlier sites 1 to ${entries.length - 1}`
      const reason = `there is no earlier site with the number ${number}: the history has ${known}`
      return { outcome: 'kept', code: 'server.no-such-plan', reasons: [reason] }
    }
    const file = { text: entry.text, changedSeconds: nowSeconds() }
    const prepared = await prepareInBackground(sitePath, served.plan, file)
    const reasons = whyNot(prepared)
    if (prepared.kind !== 'ready' || reasons.length > 0)
      return { outcome: 'kept', code: 'server.rollback-rejected', reasons }
    const changes = await comparedWith(prepared)
    const reason = `rolled back to the site of ${formatMinute(entry.at)}`
    const isConfirmed = prepared.file.text === (pending?.confirmed ?? served).file.text
    if (confirmMs !== undefined && !isConfirmed) {
      const refusal = await awaitConfirmation(confirmMs, reason)
      if (refusal !== undefined) return refusal
    }
    const awaits = confirmMs !== undefined && !isConfirmed
    const differs = await returnTo({ prepared, changes, reason, awaits, by })
    return swapped(changes, differs ? sitePath : undefined)
  }

  /**
   * Serves an earlier site.
   *
   * @returns whether the site file differs from it
   */
  async function returnTo({ prepared, changes, reason, awaits, by }: Return): Promise<boolean> {
    if (!awaits) endPending()
    const differs = awaits
      ? (await fileOnDisk()) !== prepared.file.text
      : await recordRollback(prepared, reason)
    await serve(prepared, `${reason}: ${appliedSummary(changes)}`, by)
    siteProblem = differs ? { code: 'site.rolled-back', reasons: [reason] } : undefined
    if (!awaits) await keep(differs)
    counters.increment('app.rollbacks')
    log.warn({ code: 'site.rolled-back', reason, nodes: prepared.plan.nodes.length }, 'site rolled back')
    return differs
  }

  async function fileOnDisk(): Promise<string> {
    return (await readSite(sitePath).catch(() => undefined))?.text ?? ''
  }

  /** Records that the site file is not served, if it differs from the served site. @returns whether it differs */
  async function recordRollback({ file }: Ready, reason: string): Promise<boolean> {
    const text = await fileOnDisk()
    if (text === file.text) return false
    const record = { kind: 'rolled-back', at: clock.now(), hash: hashOf(text), reason } as const
    if (directory !== undefined) await writeSiteRecord(directory, sitePath, record).catch(notKept)
    return true
  }

  /** Keeps the active site for the next start. @param hasRecord whether the record of a rollback remains */
  async function keep(hasRecord = false): Promise<void> {
    if (directory === undefined) return
    const { text } = served.file
    const entry = { at: servedSince, ...lastChange, text }
    try {
      await saveLastGood(directory, sitePath, served)
      if (!hasRecord) await removeSiteRecord(directory)
      await addToHistory(directory, sitePath, entry)
    } catch (error) {
      notKept(error)
    }
  }

  function notKept(error: unknown): void {
    log.error({ code: 'site.last-good-not-written', err: error }, 'last valid site not written')
  }

  /** Returns the active site first; it is not in the stored history until it is confirmed. */
  async function history(): Promise<HistoryEntry[]> {
    const stored = directory === undefined ? [] : await readHistory(directory, sitePath)
    const { text } = served.file
    if (stored[0]?.text === text) return stored
    return [{ at: servedSince, ...lastChange, text }, ...stored]
  }

  async function compare(source?: { readonly path: string; readonly text: string }): Promise<Compared> {
    const path = source?.path ?? sitePath
    const file = source && { text: source.text, changedSeconds: nowSeconds() }
    const prepared = await prepareInBackground(path, served.plan, file)
    if (prepared.kind !== 'ready') return { outcome: 'kept', reasons: explain(prepared) }
    const changes = await comparedWith(prepared)
    const errors = prepared.plan.findings.filter(({ severity }) => severity === 'error')
    const problems = errors.map(({ about, message }) => `${about}: ${message}`)
    return { outcome: 'compared', changes, troubles: problems }
  }

  async function comparedWith(next: Ready): Promise<Changes> {
    return options.withNextBoots(await compareInBackground(served, next), next.plan)
  }

  function nowSeconds(): number {
    return Math.floor(clock.now() / 1000)
  }

  return {
    get plan() {
      return served.plan
    },
    get model() {
      return served.model
    },
    async start() {
      await apply(served)
      if (siteProblem === undefined) await keep()
    },
    reload(confirmMs, by) {
      if (confirmMs !== undefined) return inQueue(() => reload(confirmMs, by))
      if (by !== undefined) reloaders.add(by)
      return reloadInTurn()
    },
    compare: (source) => inQueue(() => compare(source)),
    confirm: () => inQueue(confirm),
    rollback: (number, confirmMs, by) => inQueue(() => rollback(number, { confirmMs, by })),
    async history() {
      const entries = await history()
      return entries.map(({ at, summary, by }, number): HistoryRow => {
        const confirmBy = number === 0 ? pending?.confirmBy : undefined
        return { number, at, summary, ...defined({ by, confirmBy }) }
      })
    },
    text: async (number) => (await history())[number]?.text,
    siteProblem: () => siteProblem,
    problems: () => [
      ...(siteProblem === undefined ? [] : [{ code: siteProblem.code, text: siteDiffers(siteProblem) }]),
      ...(pending === undefined
        ? []
        : [{ code: 'site.confirmation-pending', text: awaiting(pending.confirmBy - clock.now()) }]),
    ],
    close: endPending,
  }
}

async function compareInBackground(before: CompiledSite, after: CompiledSite): Promise<Changes> {
  const steps = compareSteps(before, after)
  for (;;) {
    await setImmediate()
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

function awaiting(ms: number): string {
  return `the reloaded site is not confirmed: slipway will roll it back in ${formatDuration(Math.max(0, ms))} unless you run "slipway confirm"`
}

function siteDiffers({ code, reasons: [first = '', ...more] }: SiteProblem): string {
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`
  if (code === 'site.rolled-back') {
    return `the site file is not served, ${first}: correct it and run "slipway reload", or write the served site to it with "slipway history show --output"`
  }
  return `the site file was rejected, the last valid site is served: ${first}${others}`
}
