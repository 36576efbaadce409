/** The connection to the feed of this server. It reconnects until it is closed, and continues after the last event. */

export type FeedHandlers = {
  readonly onEvent: (type: 'rows' | 'order' | 'summary', data: unknown, id: string | undefined) => void
  readonly onLost: () => void
  /** The server refuses the connection, probably because the session ended. */
  readonly onRefused: () => void
}

/** The server sends an event at least every 3 s. */
const silenceMs = 10_000
const retryMs = 1000

export function connectFeed(lastId: () => string | undefined, handlers: FeedHandlers): { close(): void } {
  let source: EventSource | undefined
  let watchdog: ReturnType<typeof setTimeout> | undefined
  let retry: ReturnType<typeof setTimeout> | undefined

  function open(): void {
    const after = lastId()
    source = new EventSource(
      `/v1/page/feed${after === undefined ? '' : `?after=${encodeURIComponent(after)}`}`,
    )
    for (const type of ['rows', 'order', 'summary'] as const) {
      source.addEventListener(type, ({ data, lastEventId }: MessageEvent<string>) => {
        watch()
        handlers.onEvent(type, JSON.parse(data) as unknown, lastEventId === '' ? undefined : lastEventId)
      })
    }
    source.addEventListener('error', () => {
      // A response that is not an event stream closes the source at once.
      if (source?.readyState === EventSource.CLOSED) handlers.onRefused()
      again()
    })
    watch()
  }

  function again(): void {
    handlers.onLost()
    close()
    retry = setTimeout(open, retryMs)
  }

  function watch(): void {
    clearTimeout(watchdog)
    watchdog = setTimeout(again, silenceMs)
  }

  function close(): void {
    source?.close()
    clearTimeout(watchdog)
    clearTimeout(retry)
  }

  open()
  return { close }
}
