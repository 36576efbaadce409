/** From the path of a site file to a plan: what `serve`, `check` and every reload do first. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { compile } from './plan/compile.ts'
import { buildModel, type Model } from './plan/model.ts'
import type { Plan } from './plan/plan.ts'
import { loadSite } from './site/load.ts'
import { formatProblem, type Problem } from './site/problem.ts'
import { surveySite } from './survey/survey.ts'

export type Prepared =
  | { readonly kind: 'ready'; readonly model: Model; readonly plan: Plan }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
  /** The file itself cannot be read; `message` is a sentence. */
  | { readonly kind: 'unreadable'; readonly message: string }

/** A site file is a page or two; what is larger than this is another file. */
const largestSiteOctets = 4 * 1024 * 1024

export async function prepare(sitePath: string): Promise<Prepared> {
  let text: string
  try {
    text = await readSite(sitePath)
  } catch (error) {
    return {
      kind: 'unreadable',
      message: `cannot read the site file ${sitePath}: ${(error as Error).message}`,
    }
  }
  // Absolute, so that relative paths inside the file do not depend on where the program was started.
  const loaded = loadSite(text, resolve(sitePath))
  if (loaded.kind === 'problems') {
    return { kind: 'problems', problems: loaded.problems.map((problem) => ({ ...problem, file: sitePath })) }
  }
  const model = buildModel(loaded.site, await surveySite(loaded.site))
  return { kind: 'ready', model, plan: compile(model) }
}

/** Why there is no plan, a line for each problem. */
export function explain(prepared: Exclude<Prepared, { kind: 'ready' }>): string[] {
  return prepared.kind === 'unreadable' ? [prepared.message] : prepared.problems.map(formatProblem)
}

/** @throws {Error} when it cannot be read, or is no text */
export async function readSite(path: string): Promise<string> {
  const octets = await readFile(path)
  if (octets.length > largestSiteOctets) throw new Error(`${octets.length} octets is no site file`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets)
  } catch {
    throw new Error('it is not UTF-8 text')
  }
}
