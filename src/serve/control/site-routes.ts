/** The routes of the local API that compare, replace, confirm, and roll back the active site (docs/api.md). */
import { isAbsolute } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Changes } from '../../plan/changes/change.ts'
import { admin, operate, read } from './access/scopes.ts'
import type { ControlCode } from './codes.ts'
import { refuse } from './refusal.ts'

/** The result of a reload or of a rollback. */
export type Reloaded =
  | {
      readonly outcome: 'swapped'
      readonly nodes: number
      /** Parts of the new site that cannot be served, or the error of the load balancer. */
      readonly troubles: readonly string[]
      readonly changes?: Changes
      /** When slipway rolls back unless an administrator confirms, milliseconds since 1970. */
      readonly confirmBy?: number
      /** The site file, if its text is not the one that is served. */
      readonly differsFrom?: string
    }
  | { readonly outcome: 'kept'; readonly reasons: readonly string[]; readonly code?: ControlCode }

/** What a reload would change. */
export type Compared =
  /** `troubles`: parts of the site that cannot be served. */
  | { readonly outcome: 'compared'; readonly changes: Changes; readonly troubles: readonly string[] }
  | Extract<Reloaded, { outcome: 'kept' }>

export type Confirmed =
  | { readonly outcome: 'confirmed' }
  | { readonly outcome: 'refused'; readonly code: ControlCode; readonly reason: string }

/** A site that slipway served; 0 is the active one. */
export type HistoryRow = {
  readonly number: number
  /** When it was served first, milliseconds since 1970. */
  readonly at: number
  readonly summary: string
  /** The users who requested it; absent for a start, a signal, and an automatic rollback. */
  readonly by?: string
  readonly confirmBy?: number
}

export type SiteControl = {
  /**
   * Reloads the site file, after the reloads requested before.
   *
   * @param confirmMs time until an automatic rollback
   * @param by the user, for the history
   */
  reload(confirmMs?: number, by?: string): Promise<Reloaded>
  /** Compares the active site with the site file, or with a text that is read as if it were at `path`. */
  compare(source?: { readonly path: string; readonly text: string }): Promise<Compared>
  confirm(): Promise<Confirmed>
  /** Serves an earlier site. @param number as in the history @param confirmMs, by as of `reload` */
  rollback(number: number, confirmMs?: number, by?: string): Promise<Reloaded>
  history(): Promise<readonly HistoryRow[]>
  /** Returns the text of an earlier site file, or of the active one (0). */
  text(number: number): Promise<string | undefined>
}

/** In JSON, the text of a site file can be longer than its 4 MiB. */
const maxBodyBytes = 12 * 1024 * 1024

const minConfirmSeconds = 10
const maxConfirmSeconds = 86_400

export function addSiteRoutes(app: FastifyInstance, site: SiteControl): void {
  type Confirm = { Querystring: { confirm?: string } }

  app.post<Confirm>('/v1/reload', operate, async ({ query: { confirm }, identity }, reply) => {
    const { confirmMs, error } = readConfirm(confirm)
    if (error !== undefined) return refuse(reply, 400, 'server.bad-request', error)
    const reloaded = await site.reload(confirmMs, identity?.name)
    if (reloaded.outcome === 'swapped') return reloaded
    const { reasons, code = 'server.reload-rejected' } = reloaded
    return refuse(reply, 409, code, `site reload rejected: ${reasons.join('; ')}`, { reasons })
  })

  app.post<{ Body: { path?: unknown; text?: unknown } | undefined }>(
    '/v1/plan',
    { ...operate, bodyLimit: maxBodyBytes },
    async ({ body, identity }, reply) => {
      const { path, text } = body ?? {}
      // The messages about a text can show which files exist on this machine.
      if (body !== undefined && identity?.scope !== 'admin') {
        return refuse(
          reply,
          403,
          'api.scope-too-small',
          'to compare another site file, the scope must be admin',
        )
      }
      if (body !== undefined && (typeof path !== 'string' || !isAbsolute(path) || typeof text !== 'string')) {
        return refuse(reply, 400, 'server.bad-path', 'the body must have an absolute path, and a text')
      }
      const compared = await site.compare(body && { path: path as string, text: text as string })
      if (compared.outcome === 'compared') return compared
      const { reasons, code = 'server.plan-rejected' } = compared
      return refuse(reply, 409, code, reasons.join('; '), { reasons })
    },
  )

  app.post('/v1/confirm', operate, async (_request, reply) => {
    const confirmed = await site.confirm()
    if (confirmed.outcome === 'confirmed') return confirmed
    return refuse(reply, 409, confirmed.code, confirmed.reason)
  })

  app.post<{ Querystring: { number?: string; confirm?: string } }>(
    '/v1/rollback',
    admin,
    async ({ query: { number = '1', confirm }, identity }, reply) => {
      if (!/^\d{1,3}$/.test(number)) {
        return refuse(reply, 400, 'server.bad-request', 'number must be a number of the history')
      }
      const { confirmMs, error } = readConfirm(confirm)
      if (error !== undefined) return refuse(reply, 400, 'server.bad-request', error)
      const reloaded = await site.rollback(Number(number), confirmMs, identity?.name)
      if (reloaded.outcome === 'swapped') return reloaded
      const { reasons, code = 'server.rollback-rejected' } = reloaded
      return refuse(reply, 409, code, `rollback rejected: ${reasons.join('; ')}`, { reasons })
    },
  )

  app.get('/v1/history', read, () => site.history())

  // A site file can contain secrets of nodes.
  app.get<{ Params: { number: string } }>('/v1/history/:number', admin, async ({ params }, reply) => {
    const { number } = params
    const text = /^\d{1,3}$/.test(number) ? await site.text(Number(number)) : undefined
    if (text !== undefined) return { number: Number(number), text }
    return refuse(reply, 404, 'server.no-such-plan', `the history has no site with the number ${number}`)
  })
}

function readConfirm(confirm: string | undefined): { readonly confirmMs?: number; readonly error?: string } {
  if (confirm === undefined) return {}
  const seconds = Number(confirm)
  if (seconds >= minConfirmSeconds && seconds <= maxConfirmSeconds) return { confirmMs: seconds * 1000 }
  return { error: `confirm must be a number of seconds from ${minConfirmSeconds} to ${maxConfirmSeconds}` }
}
