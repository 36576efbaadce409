/**
 * The scripts of other installers that nodes boot (`script: URL`). A script is fetched when a node would start with it,
 * because its URLs often have keys that expire. The last one is kept, also on disk, for when its server does not respond.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import type { Clock } from '../host/clock.ts'
import { writeAtomically } from '../host/files.ts'
import type { Log } from '../host/log.ts'
import { createWeb, readBody } from '../images/web.ts'
import type { Permission } from '../install/installs.ts'
import { maxScriptBytes } from '../plan/boot/plain-script.ts'
import { scriptName } from '../plan/boot/console.ts'
import type { InstallRole } from '../plan/facts.ts'
import type { HttpPlan } from '../plan/http/plan.ts'
import { urlPaths } from '../plan/urls.ts'

export type BootScripts = {
  /** Fetches the script that a node would start with. @returns a refusal if neither the server nor the disk has it */
  check(plan: Pick<HttpPlan, 'scripts'>, node: string, role: InstallRole): Promise<Permission | undefined>
  /** Returns the script that was last fetched from a URL. */
  textOf(url: string): string | undefined
}

export type BootScriptsOptions = {
  /** The state directory; without it, scripts are kept only in memory. */
  readonly directory: string | undefined
  readonly clock: Clock
  readonly log: Log
  /** Fetches a script; tests replace it. @throws {Error} with the reason */
  readonly fetchScript?: (url: string) => Promise<string>
}

/** Nodes that boot together share one request. */
const freshMs = 10_000
/** iPXE waits longer for its script. */
const fetchMs = 8000

type Kept = { readonly text: string; readonly at: number }

export function createBootScripts(options: BootScriptsOptions): BootScripts {
  const { directory, clock, log, fetchScript = (url: string) => fetchText(url, clock) } = options
  const kept = new Map<string, Kept>()
  const inFlight = new Map<string, Promise<string | undefined>>()

  function fileOf(url: string): string {
    return `${directory}/scripts/${createHash('sha256').update(url).digest('hex').slice(0, 32)}.ipxe`
  }

  async function keep(url: string, text: string): Promise<void> {
    if (directory === undefined || kept.get(url)?.text === text) return
    try {
      await mkdir(`${directory}/scripts`, { recursive: true, mode: 0o700 })
      await writeAtomically(fileOf(url), text, 0o600)
    } catch (error) {
      log.warn({ script: scriptName(url), reason: (error as Error).message }, 'boot script not kept')
    }
  }

  async function readKept(url: string): Promise<Kept | undefined> {
    const known = kept.get(url)
    if (known !== undefined || directory === undefined) return known
    const text = await readFile(fileOf(url), 'utf8').catch(() => undefined)
    return text === undefined ? undefined : { text, at: -Infinity }
  }

  /** @returns why there is no script */
  async function fetchOnce(url: string): Promise<string | undefined> {
    try {
      const text = await fetchScript(url)
      if (!text.startsWith('#!ipxe')) throw new Error('the response is not an iPXE script')
      await keep(url, text)
      kept.set(url, { text, at: clock.monotonic() })
      return undefined
    } catch (error) {
      const { message: reason } = error as Error
      const before = await readKept(url)
      if (before === undefined) return reason
      log.warn({ script: scriptName(url), reason }, 'boot script not fetched, using the last one')
      kept.set(url, before)
      return undefined
    }
  }

  function refresh(url: string): Promise<string | undefined> {
    const last = kept.get(url)
    if (last !== undefined && clock.monotonic() - last.at < freshMs) return Promise.resolve(undefined)
    const running = inFlight.get(url)
    if (running !== undefined) return running
    const started = fetchOnce(url).finally(() => inFlight.delete(url))
    inFlight.set(url, started)
    return started
  }

  return {
    async check({ scripts }, node, role) {
      const plan = scripts.get(urlPaths.installScript({ key: node }, role))?.plan()
      if (plan?.kind !== 'script' || plan.text !== undefined) return undefined
      const problem = await refresh(plan.source)
      if (problem === undefined) return undefined
      const reason = `waits for the script ${scriptName(plan.source)}: ${problem}`
      return { kind: 'refused', code: 'install.script-unavailable', reason }
    },
    textOf: (url) => kept.get(url)?.text,
  }
}

async function fetchText(url: string, clock: Clock): Promise<string> {
  const web = createWeb(process.env, clock)
  const late = Promise.withResolvers<never>()
  const timer = clock.after(fetchMs, () => {
    late.reject(new Error(`no response within ${fetchMs / 1000} s`))
    web.close()
  })
  try {
    const body = readBody(web, url, maxScriptBytes, clock)
    body.catch(() => undefined)
    return new TextDecoder().decode(await Promise.race([body, late.promise]))
  } finally {
    timer.cancel()
    web.close()
  }
}
