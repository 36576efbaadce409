/** Loads a site from its file: the text, then the site or its problems. */
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { readCheckedSite, saveCheckedSite, type CheckedSites } from './checked-site.ts'
import type { SiteCode } from './site/codes.ts'
import type { loadSite } from './site/load.ts'
import { formatProblem, type Problem } from './site/problem.ts'
import type { Site } from './site/schema.ts'

export type LoadedSite = SiteFile & { readonly kind: 'site'; readonly site: Site }

export type NotLoaded =
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
  /** The file cannot be read, or not be loaded as a whole; `message` is a sentence. */
  | { readonly kind: 'unreadable'; readonly code: SiteCode; readonly message: string }

export type SiteFile = {
  readonly text: string
  /** Modification time of the file in seconds since 1970. */
  readonly changedSeconds: number
}

/** A site of 5,000 nodes has less than 1 MiB. */
const maxSiteBytes = 4 * 1024 * 1024

/**
 * Loads only the site, for callers that need neither a scan nor a plan.
 *
 * @param checked where validated sites are kept; without it, the site is validated
 */
export async function loadSiteFile(
  sitePath: string,
  checked?: CheckedSites,
): Promise<LoadedSite | NotLoaded> {
  let file: SiteFile
  try {
    file = await readSite(sitePath)
  } catch (error) {
    return {
      kind: 'unreadable',
      code: 'site.unreadable',
      message: unreadableSite(sitePath, error as NodeJS.ErrnoException),
    }
  }
  if (checked === undefined) return loadSiteText(sitePath, file)
  const key = { path: resolve(sitePath), text: file.text }
  const site = await readCheckedSite(checked, key)
  if (site !== undefined) return { kind: 'site', site, ...file }
  const loaded = await loadSiteText(sitePath, file)
  if (loaded.kind === 'site') await saveCheckedSite(checked, key, loaded.site)
  return loaded
}

/** Returns a sentence with the reason and what to do. */
export function unreadableSite(path: string, { code = '', message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `there is no site file ${path}: check the path, or run "slipway init" to write one`
    case 'EISDIR':
      return `${path} is a directory, not a site file: name the file in it`
    case 'EACCES':
    case 'EPERM':
      return `no permission to read the site file ${path}: run the command with sudo, or change the owner or mode of the file`
    default:
      return `cannot read the site file ${path}: ${message}`
  }
}

/** Loaded on demand: a start with a validated site does not need the schema and its packages, which take 50 ms. */
let loader: { readonly loadSite: typeof loadSite } | undefined

/** Returns whether this thread can load a site without first loading the schema. */
export function isLoaderReady(): boolean {
  return loader !== undefined
}

/** A site file, or its text; the path is the one that relative paths in the text start from. */
export type SiteSource = { readonly sitePath: string; readonly file?: SiteFile }

/** @param checked where validated sites are kept; a text that is not in the file is always validated */
export function loadSource(
  { sitePath, file }: SiteSource,
  checked?: CheckedSites,
): Promise<LoadedSite | NotLoaded> {
  return file === undefined ? loadSiteFile(sitePath, checked) : loadSiteText(sitePath, file)
}

export async function loadSiteText(sitePath: string, file: SiteFile): Promise<LoadedSite | NotLoaded> {
  loader ??= await import('./site/load.ts')
  // Absolute, so that relative paths in the file do not depend on the working directory.
  const loaded = loader.loadSite(file.text, resolve(sitePath))
  if (loaded.kind === 'problems') {
    return { kind: 'problems', problems: loaded.problems.map((problem) => ({ ...problem, file: sitePath })) }
  }
  return { ...loaded, ...file }
}

/** Returns why there is no site, one line per problem. */
export function explain(failed: NotLoaded): string[] {
  return failed.kind === 'unreadable' ? [failed.message] : failed.problems.map(formatProblem)
}

/**
 * Reads the text and the time from one open file, so that they belong together even if the file is replaced at the same
 * time.
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
