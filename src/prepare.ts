/** From the path of a site file to a plan: what `serve`, `check` and every reload do first. */
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { compile } from './plan/compile.ts'
import { buildModel, type Model } from './plan/model.ts'
import type { Plan } from './plan/plan.ts'
import { loadSite } from './site/load.ts'
import { formatProblem, type Problem } from './site/problem.ts'
import type { Site } from './site/schema.ts'
import { scanSite } from './scan/scan.ts'

export type Prepared =
  | { readonly kind: 'ready'; readonly model: Model; readonly plan: Plan }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
  /** The file itself cannot be read; `message` is a sentence. */
  | { readonly kind: 'unreadable'; readonly message: string }

/** A site file is a page or two; what is larger than this is another file. */
const largestSiteOctets = 4 * 1024 * 1024

/** @param previous what is served until now */
export async function prepare(sitePath: string, previous?: Plan): Promise<Prepared> {
  const loaded = await loadSiteFile(sitePath)
  if (loaded.kind !== 'site') return loaded
  const { site, changedSeconds } = loaded
  const model = buildModel(site, await scanSite(site), changedSeconds)
  return { kind: 'ready', model, plan: compile(model, previous) }
}

type LoadedSite = {
  readonly kind: 'site'
  readonly site: Site
  /** When the file was changed, in seconds since 1970. */
  readonly changedSeconds: number
}

/** The site alone, for what needs neither the disk nor a plan. */
export async function loadSiteFile(
  sitePath: string,
): Promise<LoadedSite | Exclude<Prepared, { kind: 'ready' }>> {
  let file: SiteFile
  try {
    file = await readSite(sitePath)
  } catch (error) {
    return {
      kind: 'unreadable',
      message: `cannot read the site file ${sitePath}: ${(error as Error).message}`,
    }
  }
  // Absolute, so that relative paths inside the file do not depend on where the program was started.
  const loaded = loadSite(file.text, resolve(sitePath))
  if (loaded.kind === 'problems') {
    return { kind: 'problems', problems: loaded.problems.map((problem) => ({ ...problem, file: sitePath })) }
  }
  return { ...loaded, changedSeconds: file.changedSeconds }
}

/** Why there is no plan, a line for each problem. */
export function explain(prepared: Exclude<Prepared, { kind: 'ready' }>): string[] {
  return prepared.kind === 'unreadable' ? [prepared.message] : prepared.problems.map(formatProblem)
}

type SiteFile = { readonly text: string; readonly changedSeconds: number }

/**
 * The text and its time are those of one file, even when another takes its name meanwhile.
 *
 * @throws {Error} when it cannot be read, or is no text
 */
export async function readSite(path: string): Promise<SiteFile> {
  const file = await open(path)
  try {
    const { mtimeMs } = await file.stat()
    const octets = await file.readFile()
    if (octets.length > largestSiteOctets) throw new Error(`${octets.length} octets is no site file`)
    return { text: decode(octets), changedSeconds: Math.max(1, Math.floor(mtimeMs / 1000)) }
  } finally {
    await file.close()
  }
}

function decode(octets: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets)
  } catch {
    throw new Error('it is not UTF-8 text')
  }
}
