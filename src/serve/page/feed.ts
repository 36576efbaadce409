/**
 * The live state of all nodes for pages: a stream of Server-Sent Events (HTML §9.2) with the rows that changed. Changes
 * are collected, so a storm of observations costs a page and this process no more than a few updates a second. A page
 * that reconnects gets the rows that changed since its last event.
 */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import type { Installs } from '../../install/installs.ts'
import type { Reports } from '../../install/reports.ts'

export type FeedOptions = {
  readonly installs: Pick<Installs, 'subscribe'>
  readonly reports: Pick<Reports, 'listInTurns'>
  /** Returns the state of the process without its nodes: small, because it is sent every few seconds. */
  readonly summary: () => object
  readonly clock: Clock
  readonly log: Log
}

export type Feed = {
  /** Writes to a page until it closes the connection. @param lastId the id of its last event */
  open(raw: ServerResponse, lastId: string | undefined): void
  /** Number of connected pages. */
  readonly size: number
  /** Resolves when no update is in progress: after that, the store can be closed. */
  close(): Promise<void>
}

/** The minimum time between two updates, so that a page can show the progress of downloads smoothly. */
const minIntervalMs = 500
/** An update may use this part of the time of the event loop. */
const maxShare = 0.1
/** The maximum time between two updates, even if this process was interrupted during one. */
const maxIntervalMs = 5000
/** Without changes: symptoms depend on the time, and pages notice a lost connection. */
const idleIntervalMs = 3000

type Row = { readonly json: string; readonly version: number }
type Page = { readonly raw: ServerResponse; version: number; order: number }

export function createFeed({ installs, reports, summary, clock, log }: FeedOptions): Feed {
  /** Changes with each start, because versions restart. */
  const epoch = randomUUID().slice(0, 8)
  const rows = new Map<string, Row>()
  const pages = new Set<Page>()
  let version = 0
  /** The version that added or removed the last node, and the names of all nodes in order. */
  let order = { version: 0, json: '[]' }
  let timer: Timer | undefined
  let unsubscribe: (() => void) | undefined
  let running: Promise<void> | undefined
  /** Whether something happened since the last update started. */
  let isOutdated = false
  /** The earliest time of the next update. */
  let nextAt = 0
  /** The last update, for pages that open soon after it. */
  let latest: { readonly summary: string; readonly at: number } | undefined

  async function update(): Promise<void> {
    isOutdated = false
    const startedAt = clock.monotonic()
    const list = await reports.listInTurns()
    for (const report of list) {
      const json = JSON.stringify(report)
      if (rows.get(report.node)?.json !== json) rows.set(report.node, { json, version: ++version })
    }
    const names = JSON.stringify(list.map(({ node }) => node))
    if (names !== order.json) {
      order = { version: ++version, json: names }
      const declared = new Set(list.map(({ node }) => node))
      for (const node of rows.keys()) if (!declared.has(node)) rows.delete(node)
    }
    const shared = `event: summary\ndata: ${JSON.stringify({ ...summary(), now: clock.now() })}\n\n`
    latest = { summary: shared, at: clock.monotonic() }
    for (const page of pages) send(page, shared)
    const spentMs = clock.monotonic() - startedAt
    nextAt = startedAt + Math.min(maxIntervalMs, Math.max(minIntervalMs, spentMs / maxShare))
  }

  function start(): void {
    running = update()
      .catch((error: unknown) => log.error({ err: error }, 'page update failed'))
      .finally(() => {
        running = undefined
        schedule()
      })
  }

  function schedule(): void {
    timer?.cancel()
    if (pages.size === 0) return
    const waitMs = isOutdated ? Math.max(0, nextAt - clock.monotonic()) : idleIntervalMs
    timer = clock.after(waitMs, start)
  }

  function updateSoon(): void {
    if (isOutdated) return
    isOutdated = true
    if (running === undefined) schedule()
  }

  /** A page that does not read gets the changes with a later update: nothing is buffered for it. */
  function send(page: Page, shared: string): void {
    const { raw } = page
    if (raw.writableNeedDrain || raw.destroyed) return
    if (page.order < order.version) raw.write(`event: order\ndata: ${order.json}\n\n`)
    const changed = [...rows.values()].filter((row) => row.version > page.version).map(({ json }) => json)
    if (changed.length > 0)
      raw.write(`id: ${epoch}-${version}\nevent: rows\ndata: [${changed.join(',')}]\n\n`)
    raw.write(shared)
    page.version = version
    page.order = order.version
  }

  return {
    get size() {
      return pages.size
    },
    open(raw, lastId) {
      const [name, number] = lastId?.split('-') ?? []
      // The id is from another start, or not from this feed: all rows are sent.
      const known = name === epoch ? Number(number) : 0
      const page = { raw, version: Number.isSafeInteger(known) ? known : 0, order: 0 }
      raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' })
      raw.write('retry: 1000\n\n')
      pages.add(page)
      // The next update may have to wait.
      if (latest !== undefined && clock.monotonic() - latest.at < minIntervalMs) send(page, latest.summary)
      unsubscribe ??= installs.subscribe(updateSoon)
      raw.once('close', () => {
        pages.delete(page)
        if (pages.size === 0) rest()
      })
      updateSoon()
    },
    async close() {
      pages.clear()
      rest()
      await running
    },
  }

  /** While no page is connected, observations cost nothing. */
  function rest(): void {
    unsubscribe?.()
    unsubscribe = undefined
    timer?.cancel()
    isOutdated = false
  }
}
