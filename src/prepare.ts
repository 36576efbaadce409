/** Makes a plan from the path of a site file: the first step of `serve`, `check`, and every reload. */
import { stat } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'
import type { CheckedSites } from './checked-site.ts'
import { keepHeapsSmall } from './host/heap.ts'
import { runInWorker } from './host/worker.ts'
import { compile, compileSteps, type Plan } from './plan/compile.ts'
import type { Facts } from './plan/facts.ts'
import { neededFileSteps } from './plan/ignition/findings.ts'
import { buildModel, modelSteps, type Model } from './plan/model.ts'
import { scanSite } from './scan/scan.ts'
import { defined } from './text/defined.ts'
import {
  isLoaderReady,
  loadSiteFile,
  loadSource,
  type LoadedSite,
  type NotLoaded,
  type SiteFile,
  type SiteSource,
} from './site-file.ts'

export { explain } from './site-file.ts'

export type Ready = {
  readonly kind: 'ready'
  readonly model: Model
  readonly plan: Plan
  /** The file that the plan was made from. */
  readonly file: SiteFile
}

export type Prepared = Ready | NotLoaded

/** @param checked where validated sites are kept; without it, the site is validated */
export async function prepare(sitePath: string, checked?: CheckedSites): Promise<Prepared> {
  const loaded = await loadSiteFile(sitePath, checked)
  if (loaded.kind !== 'site') return loaded
  return prepareSite(loaded, await scanSite(loaded.site))
}

/** Compiles a loaded site with the facts of an earlier scan. */
export function prepareSite({ site, text, changedSeconds }: LoadedSite, facts: Facts): Ready {
  const model = buildModel(site, facts, changedSeconds)
  return { kind: 'ready', model, plan: compile(model), file: { text, changedSeconds } }
}

/**
 * Prepares as {@link prepare} does, but does not delay the services: loads the site in a worker thread, and compiles it
 * in steps. If the memory is not sufficient, it stops with a reason instead of ending the process.
 *
 * @param previous the plan that is served now
 * @param file the text to load instead of the file at `sitePath`
 */
export async function prepareInBackground(
  sitePath: string,
  previous: Plan,
  file?: SiteFile,
): Promise<Prepared> {
  const bytes = file === undefined ? stat(sitePath).then(({ size }) => size) : file.text.length
  const isSmall = await Promise.resolve(bytes).then(
    (size) => size <= maxInlineBytes,
    () => true,
  )
  const source = { sitePath, ...defined({ file }) }
  const maxMebibytes = workerMebibytes()
  // Even a small site is loaded in a worker if this thread would have to load the schema first.
  const isInline = isSmall && (isLoaderReady() || maxMebibytes < minWorkerMebibytes)
  const letHeapsGrow = keepHeapsSmall()
  try {
    const loaded = await (isInline ? loadSource(source) : loadInWorker(source, maxMebibytes))
    if (loaded.kind !== 'site') return loaded
    const facts = await scanSite(loaded.site)
    return await compileInBackground(loaded, facts, previous, () =>
      freeHeapBytes() < reservedHeapBytes ? outOfMemory(sitePath) : undefined,
    )
  } finally {
    letHeapsGrow()
  }
}

/**
 * Compiles in steps, so that the services are not delayed.
 *
 * @param stop returns why to stop before the next step
 */
export async function compileInBackground<Stopped = never>(
  loaded: LoadedSite,
  facts: Facts,
  previous: Plan,
  stop: () => Stopped | undefined = () => undefined,
): Promise<Ready | Stopped> {
  const steps = readySteps(loaded, facts, previous)
  for (;;) {
    await setImmediate()
    const stopped = stop()
    if (stopped !== undefined) return stopped
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

function* readySteps(
  { site, text, changedSeconds }: LoadedSite,
  facts: Facts,
  previous: Plan,
): Generator<void, Ready> {
  const model = yield* modelSteps(site, facts, changedSeconds)
  yield
  const plan = yield* compileSteps(model, previous)
  // The status and the watch of the files need them at once.
  yield* neededFileSteps(plan)
  return { kind: 'ready', model, plan, file: { text, changedSeconds } }
}

/** Loading a file of this size takes less time than starting a worker, and delays an answer by about 20 ms. */
const maxInlineBytes = 16 * 1024
/** What the services may need while a reload is in progress. */
const reservedHeapBytes = 24 * 1024 * 1024
const mebibyte = 1024 * 1024
/** The modules of the worker alone need about 30 MiB. */
const minWorkerMebibytes = 40

function freeHeapBytes(): number {
  const { heap_size_limit: limit, used_heap_size: used } = getHeapStatistics()
  return limit - used
}

function workerMebibytes(): number {
  const free = Math.min(freeHeapBytes() - reservedHeapBytes, process.availableMemory() * 0.8)
  return Math.floor(free / mebibyte)
}

async function loadInWorker(source: SiteSource, maxMebibytes: number): Promise<LoadedSite | NotLoaded> {
  if (maxMebibytes < minWorkerMebibytes) return outOfMemory(source.sitePath)
  const loaded = await runInWorker<LoadedSite | NotLoaded>(
    { url: import.meta.url, name: './site-worker', maxMebibytes },
    source,
  )
  return loaded ?? outOfMemory(source.sitePath)
}

function outOfMemory(sitePath: string): NotLoaded {
  return {
    kind: 'unreadable',
    code: 'site.out-of-memory',
    message: `not enough memory to load ${sitePath}: raise the memory limit of the service, or restart it`,
  }
}
