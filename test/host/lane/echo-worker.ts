/** A lane that returns each datagram with the label of its last message, and fails on request. */
import { runLane } from '../../../src/host/lane/thread.ts'
import { systemClock } from '../../../src/host/clock.ts'

await runLane<string>((data, { add, counters, log }) => {
  let { label: current } = data as { readonly label: string }
  return {
    isReady: () => true,
    answer(query, reply) {
      counters.increment('echo.answers')
      const text = Buffer.from(query).toString()
      if (text === 'fail') throw new Error('asked to fail')
      if (text === 'hang') hang()
      if (text === 'log') log.warn({ label: current }, 'asked to log')
      add(text)
      return Buffer.from(`${current}: ${text}`).copy(reply)
    },
    tooLong: () => undefined,
    receive(message) {
      if (message === 'busy') hang()
      current = message as string
    },
    step: () => false,
  }
}, 100)

/** Until the thread is ended, or for 20 s. */
function hang(): void {
  for (const end = systemClock.monotonic() + 20_000; systemClock.monotonic() < end;);
}
