/**
 * Adds a machine to the site file for a client of the API. The client first gets the entry and what it would change, and
 * then confirms exactly this version of the file. The file is not served before the next reload.
 */
import { resolve } from 'node:path'
import type { Clock } from './host/clock.ts'
import { withLock } from './host/file-lock.ts'
import { writeAtomically } from './host/files.ts'
import type { Log } from './host/log.ts'
import type { Changes } from './plan/changes/change.ts'
import { parseIp } from './proto/address/ip.ts'
import { parseMac } from './proto/address/mac.ts'
import type { SiteControl } from './serve/control/site-routes.ts'
import type { Adopted, Adoption } from './site/edit/add.ts'
import { readSite, unreadableSite } from './site-file.ts'
import { hashOf } from './site-confirmation.ts'
import { fileProblem, isSystemError } from './text/file-problem.ts'

export type AdoptionResult =
  | {
      /** `planned`: nothing is written yet. `present`: the site file has the node already. */
      readonly outcome: 'planned' | 'written' | 'present'
      readonly node: string
      readonly file: string
      readonly line: number
      /** The lines for the site file. */
      readonly entry: string
      /** The version of the site file, which the request that writes the entry repeats. */
      readonly base: string
      readonly changes: Changes
      readonly troubles: readonly string[]
    }
  | {
      readonly outcome: 'refused'
      readonly status: 400 | 409
      readonly code: string
      readonly reasons: readonly string[]
    }

export type SiteAdoption = {
  /** @param body as the client sent it: a node, and `base` to write it @param by the user */
  adopt(body: unknown, by: string): Promise<AdoptionResult>
}

export type SiteAdoptionOptions = {
  readonly sitePath: string
  readonly site: Pick<SiteControl, 'compare'>
  readonly clock: Clock
  readonly log: Pick<Log, 'info'>
}

export function createSiteAdoption({ sitePath, site, clock, log }: SiteAdoptionOptions): SiteAdoption {
  const file = resolve(sitePath)

  async function adopt(body: unknown, by: string): Promise<AdoptionResult> {
    const request = await readRequest(body)
    if ('outcome' in request) return request
    const { adoption, base } = request
    if (base === undefined) return attempt(adoption)
    try {
      return await withLock(file, clock, () => attempt(adoption, base, by))
    } catch (error) {
      return notWritten(error)
    }
  }

  async function attempt(adoption: Adoption, base?: string, by?: string): Promise<AdoptionResult> {
    let text: string
    try {
      text = (await readSite(file)).text
    } catch (error) {
      return refused('site.unreadable', [unreadableSite(file, error as NodeJS.ErrnoException)])
    }
    if (base !== undefined && hashOf(text) !== base) {
      const reason = `${file} has changed in the meantime: request the plan again`
      return refused('server.site-changed', [reason])
    }
    const { addNode } = await import('./site/edit/add.ts')
    const added = addNode(text, file, adoption)
    if (added.kind === 'refused') return refused(added.code, [added.reason])
    if (added.kind === 'problems') return withProblems(added)
    const compared = await site.compare({ path: file, text: added.text })
    if (compared.outcome === 'kept') return refused(compared.code ?? 'server.plan-rejected', compared.reasons)
    const { key: node, line, entry, kind } = added
    const isWritten = base !== undefined && kind === 'adopted'
    if (isWritten) {
      await writeAtomically(file, added.text)
      log.info({ node, file, line, user: by }, 'node added to the site file')
    }
    const outcome = kind === 'present' ? 'present' : isWritten ? 'written' : 'planned'
    const { changes, troubles } = compared
    return { outcome, node, file, line, entry, base: hashOf(text), changes, troubles }
  }

  function notWritten(error: unknown): AdoptionResult {
    const text = isSystemError(error) ? fileProblem('write', file, error) : (error as Error).message
    return refused('server.site-not-written', [`${text}. Paste the entry into the file instead`])
  }

  return { adopt }
}

async function withProblems({ problems }: Extract<Adopted, { kind: 'problems' }>): Promise<AdoptionResult> {
  const { formatProblem } = await import('./site/problem.ts')
  return refused('server.plan-rejected', problems.map(formatProblem))
}

function refused(code: string, reasons: readonly string[], status: 400 | 409 = 409): AdoptionResult {
  return { outcome: 'refused', status, code, reasons }
}

type Request = { readonly adoption: Adoption; readonly base: string | undefined }

async function readRequest(body: unknown): Promise<Request | AdoptionResult> {
  const wrong = (reason: string, status: 400 | 409 = 400) => refused('server.bad-request', [reason], status)
  if (typeof body !== 'object' || body === null) return wrong('the body must be a JSON object')
  const { name, role, macs, addresses, cluster, base } = body as Record<string, unknown>
  const { roles } = await import('./site/schema.ts')
  const known = roles.find((each) => each === role)
  if (known === undefined) return wrong(`role must be one of ${roles.join(', ')}`)
  if (typeof name !== 'string') return wrong('name must be a host name of one label')
  if (!isList(macs, (mac) => parseMac(mac) !== undefined))
    return wrong('macs must be a list of MAC addresses', 409)
  if (!isList(addresses, (address) => parseIp(address) !== undefined))
    return wrong('addresses must be a list of IP addresses', 409)
  if (cluster !== undefined && typeof cluster !== 'string') return wrong('cluster must be a name')
  if (base !== undefined && typeof base !== 'string') return wrong('base must be a text')
  const texts = macs.map((mac) => parseMac(mac) as string)
  return { adoption: { name, role: known, macs: texts, addresses, cluster }, base }
}

function isList(value: unknown, isValid: (text: string) => boolean): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => typeof each === 'string' && isValid(each))
  )
}
