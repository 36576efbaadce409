import { Writable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import t from 'tap'
import { watchResponse, wholeOf, type Outcome } from '../../../src/serve/http/response.ts'
import { fakeClock } from '../../support/fake-clock.ts'

t.test('a short body that was not read does not count as sent', async (t) => {
  const clock = fakeClock()
  const raw = new Writable({ write: () => {} })
  const outcome = new Promise<Outcome>((resolve) => {
    watchResponse({ raw } as unknown as FastifyReply, clock, wholeOf(6), resolve)
  })
  clock.advance(40)
  raw.destroy()
  t.same(await outcome, { octets: 0, durationMs: 40, aborted: true })
})
