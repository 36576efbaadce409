import { Writable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import t from 'tap'
import { watchAnswer, wholeOf, type Outcome } from '../../../src/serve/http/transfer.ts'
import { fakeClock } from '../../support/fake-clock.ts'

t.test('of a short answer that was not taken, nothing counts as sent', async (t) => {
  const clock = fakeClock()
  const raw = new Writable({ write: () => {} })
  const outcome = new Promise<Outcome>((resolve) => {
    watchAnswer({ raw } as unknown as FastifyReply, clock, wholeOf(6), resolve)
  })
  clock.advance(40)
  raw.destroy()
  t.same(await outcome, { octets: 0, durationMs: 40, aborted: true })
})
