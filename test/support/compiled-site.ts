/** Compiled sites to compare: the example site of test/support/model.ts, before and after an edit. */
import type { Changes, CompiledSite, Kind } from '../../src/plan/changes/change.ts'
import { compareSites } from '../../src/plan/changes/compare.ts'
import { compile } from '../../src/plan/compile.ts'
import type { Facts } from '../../src/plan/facts.ts'
import type { Model } from '../../src/plan/model.ts'
import { exampleModel, exampleSite } from './model.ts'

export type SiteInput = ReturnType<typeof exampleSite> & Record<string, unknown>
export type Edit = (site: SiteInput) => unknown

export function compiled(model: Model): CompiledSite {
  return { model, plan: compile(model) }
}

/** @param facts what differs from complete facts, before and after */
export function compareEdited(
  before: Edit,
  after: Edit,
  facts: readonly [Partial<Facts>?, Partial<Facts>?] = [],
) {
  const [old, next] = [before, after].map((edit, index) => {
    const site: SiteInput = exampleSite()
    edit(site)
    return compiled(exampleModel(site, facts[index]))
  }) as [CompiledSite, CompiledSite]
  return compareSites(old, next)
}

/** Returns the changes of some kinds as text, one line for each detail and effect. */
export function linesOf({ items }: Changes, ...kinds: readonly Kind[]): string[] {
  return items
    .filter(({ kind }) => kinds.includes(kind))
    .flatMap(({ action, kind, name, details, effects }) => [
      `${action} ${kind} ${name}`,
      ...details.map(({ label, before, after, isHidden }) =>
        isHidden === true ? `  ${label}: hidden` : `  ${label}: ${before ?? ''} -> ${after ?? ''}`,
      ),
      ...effects.map(({ code, text }) => `  ! ${code}: ${text}`),
    ])
}
