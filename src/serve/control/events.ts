/**
 * The stream of observations (Server-Sent Events, HTML §9.2). A reader that is slow or reconnects continues with the
 * stored observations: nothing is buffered for it, and it misses only what is no longer stored.
 */
import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../host/clock.ts'
import type { Installs } from '../../install/installs.ts'
import type { Observation } from '../../install/observation.ts'

/** A comment keeps an idle connection open, and detects that the reader has gone. */
const heartbeatMs = 15_000

/** The delay before a reader reconnects. */
const retryMs = 2000

/** Observations that are read and written in one turn of the event loop: DNS and DHCP wait for that time. */
const pageSize = 200

type EventOptions = {
  readonly installs: Pick<Installs, 'after' | 'subscribe'>
  readonly clock: Clock
  /** Only the observations of this node; of all nodes when absent. */
  readonly node?: string
  /** The sequence of the reader's last event; absent for new observations only. */
  readonly after?: number
}

/** Writes until the reader closes the connection. */
export function streamEvents(raw: ServerResponse, { installs, clock, node, after }: EventOptions): void {
  let sent = after ?? 0
  /** Whether new observations are written at once; else they are read from the store. */
  let isLive = false
  let heartbeat: Timer

  /** @returns whether the reader accepts more */
  function write(observation: Observation): boolean {
    sent = observation.sequence
    return raw.write(`id: ${sent}\ndata: ${JSON.stringify(observation)}\n\n`)
  }

  function writePage(): void {
    if (raw.destroyed) return
    const page = installs.after(sent, pageSize, node)
    if (page.length === 0) {
      isLive = true
      return
    }
    if (page.map(write).every(Boolean)) setImmediate(writePage)
    else raw.once('drain', writePage)
  }

  function beat(): void {
    if (!raw.writableNeedDrain) raw.write(': keep-alive\n\n')
    heartbeat = clock.after(heartbeatMs, beat)
  }

  raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' })
  raw.write(`retry: ${retryMs}\n\n`)
  const unsubscribe = installs.subscribe((observation) => {
    if (!isLive || (node !== undefined && observation.node !== node)) return
    if (write(observation)) return
    isLive = false
    raw.once('drain', writePage)
  })
  heartbeat = clock.after(heartbeatMs, beat)
  raw.once('close', () => {
    unsubscribe()
    heartbeat.cancel()
  })
  if (after === undefined) isLive = true
  else writePage()
}
