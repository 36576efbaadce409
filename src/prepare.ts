/** Makes a plan from the path of a site file: the first step of `serve`, `check`, and every reload. */
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { compile } from './plan/compile.ts'
import { buildModel, type Model } from './plan/model.ts'
import type { Plan } from './plan/plan.ts'
import type { SiteCode } from './site/codes.ts'
import { loadSite } from './site/load.ts'
import { formatProblem, type Problem } from './site/problem.ts'
import type { Site } from './site/schema.ts'
import { scanSite } from './scan/scan.ts'

export type Prepared =
  | { readonly kind: 'ready'; readonly model: Model; readonly plan: Plan }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
  /** The file cannot be read; `message` is a sentence. */
  | { readonly kind: 'unreadable'; readonly code: SiteCode; readonly message: string }

/** A site of 5,000 nodes has less than 1 MiB. */
const maxSiteBytes = 4 * 1024 * 1024

/** @param previous the plan that is served now */
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
  /** Modification time of the file in seconds since 1970. */
  readonly changedSeconds: number
}

/** Loads only the site, for callers that need neither a scan nor a plan. */
export async function loadSiteFile(
  sitePath: string,
): Promise<LoadedSite | Exclude<Prepared, { kind: 'ready' }>> {
  let file: SiteFile
  try {
    file = await readSite(sitePath)
  } catch (error) {
    return {
      kind: 'unreadable',
      code: 'site.unreadable',
      message: `cannot read the site file ${sitePath}: ${(error as Error).message}`,
    }
  }
  // Absolute, so that relative paths in the file do not depend on the working directory.
  const loaded = loadSite(file.text, resolve(sitePath))
  if (loaded.kind === 'problems') {
    return { kind: 'problems', problems: loaded.problems.map((problem) => ({ ...problem, file: sitePath })) }
  }
  return { ...loaded, changedSeconds: file.changedSeconds }
}

/** Returns why there is no plan, one line per problem. */
export function explain(prepared: Exclude<Prepared, { kind: 'ready' }>): string[] {
  return prepared.kind === 'unreadable' ? [prepared.message] : prepared.problems.map(formatProblem)
}

type SiteFile = { readonly text: string; readonly changedSeconds: number }

/**
 * Reads the text and the time from one open file, so that they belong together even if the file is replaced meanwhile.
 *
 * @throws {Error} if the file cannot be read, is too large, or is not text
 */
export async function readSite(path: string): Promise<SiteFile> {
  const file = await open(path)
  try {
    const { mtimeMs } = await file.stat()
    const bytes = await file.readFile()
    if (bytes.length > maxSiteBytes) {
      throw new Error(`${bytes.length} bytes is more than the maximum of ${maxSiteBytes} for a site file`)
    }
    return { text: decode(bytes), changedSeconds: Math.max(1, Math.floor(mtimeMs / 1000)) }
  } finally {
    await file.close()
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('it is not UTF-8 text')
  }
}
