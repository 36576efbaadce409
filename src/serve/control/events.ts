/**
 * The stream of observations (Server-Sent Events, HTML §9.2). A reader that is slow, or was away, reads on from
 * what is kept: nothing is buffered for it, and it misses only what is kept no longer.
 */
import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../host/clock.ts'
import type { Installs } from '../../install/installs.ts'
import type { Observation } from '../../install/observation.ts'

/** A comment that keeps a quiet connection alive, and finds out that nobody reads any more. */
const heartbeatMs = 15_000

/** What a reader waits before it comes again. */
const retryMs = 2000

/** How many kept observations are put into the socket before it is asked whether it takes more. */
const pageSize = 200

type EventOptions = {
  readonly installs: Pick<Installs, 'list' | 'history' | 'subscribe'>
  readonly clock: Clock
  /** Only this one's; all nodes' when absent. */
  readonly node?: string
  /** The sequence after which the reader goes on; from now on when absent. */
  readonly after?: number
}

/** Writes until the reader goes away. */
export function streamEvents(raw: ServerResponse, { installs, clock, node, after }: EventOptions): void {
  let sent = after ?? 0
  /** Whether new observations are written as they come; else they are read from what is kept. */
  let isLive = false
  let heartbeat: Timer

  const kept = (): readonly Observation[] => {
    const nodes = node === undefined ? installs.list().map((record) => record.node) : [node]
    return nodes
      .flatMap((each) => installs.history(each))
      .filter(({ sequence }) => sequence > sent)
      .sort((a, b) => a.sequence - b.sequence)
      .slice(0, pageSize)
  }

  /** @returns whether the reader takes more */
  function write(observation: Observation): boolean {
    sent = observation.sequence
    return raw.write(`id: ${sent}\ndata: ${JSON.stringify(observation)}\n\n`)
  }

  function catchUp(): void {
    for (let page = kept(); page.length > 0; page = kept()) {
      const takesMore = page.map(write).every(Boolean)
      if (!takesMore) {
        raw.once('drain', catchUp)
        return
      }
    }
    isLive = true
  }

  function beat(): void {
    if (!raw.writableNeedDrain) raw.write(': still here\n\n')
    heartbeat = clock.after(heartbeatMs, beat)
  }

  raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' })
  raw.write(`retry: ${retryMs}\n\n`)
  const unsubscribe = installs.subscribe((observation) => {
    if (!isLive || (node !== undefined && observation.node !== node)) return
    if (write(observation)) return
    isLive = false
    raw.once('drain', catchUp)
  })
  heartbeat = clock.after(heartbeatMs, beat)
  raw.once('close', () => {
    unsubscribe()
    heartbeat.cancel()
  })
  if (after === undefined) isLive = true
  else catchUp()
}
