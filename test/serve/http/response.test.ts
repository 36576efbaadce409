import { Writable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import t from 'tap'
import {
  watchResponse,
  wholeOf,
  type Outcome,
  badRequest,
  unreadable,
} from '../../../src/serve/http/response.ts'
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

t.test('a response of a client that has left is aborted, and its end is reported once', async (t) => {
  const raw = new Writable({ write: () => {} })
  raw.destroy()
  const outcomes: Outcome[] = []
  watchResponse({ raw } as unknown as FastifyReply, fakeClock(), wholeOf(6), (each) => outcomes.push(each))
  await new Promise((resolve) => setImmediate(resolve))
  raw.emit('error', new Error('late'))
  t.match(outcomes, [{ octets: 0, aborted: true }])
  t.equal(outcomes.length, 1)
})

t.test('an error of the connection ends a response', (t) => {
  const raw = new Writable({ write: () => {} })
  const outcomes: Outcome[] = []
  watchResponse({ raw } as unknown as FastifyReply, fakeClock(), wholeOf(6), (each) => outcomes.push(each))
  raw.emit('error', new Error('reset'))
  t.match(outcomes, [{ octets: 0, aborted: true }])
  t.end()
})

/** The client does not get the path. */
const published = 'x is not available: the log of the server has the reason'

const cases = [
  { code: 'ENOENT', status: 404, refusal: 'http.file-missing', sentence: '/srv/x does not exist' },
  { code: 'ENOTDIR', status: 404, refusal: 'http.file-missing', sentence: '/srv/x does not exist' },
  {
    code: 'EACCES',
    status: 403,
    refusal: 'http.file-forbidden',
    sentence: '/srv/x cannot be read: check its owner, its mode, and its SELinux type',
  },
  { code: 'EIO', status: 500, refusal: 'http.file-unreadable', sentence: '/srv/x cannot be read: EIO' },
]

t.test('a file that cannot be sent is explained', (t) => {
  for (const { code, status, refusal, sentence } of cases) {
    t.same(
      unreadable(Object.assign(new Error(), { code }), '/srv/x'),
      { status, code: refusal, sentence: published, detail: sentence },
      code,
    )
  }
  t.same(unreadable(new Error('odd'), '/srv/x'), {
    status: 500,
    code: 'http.file-unreadable',
    sentence: published,
    detail: '/srv/x cannot be read: Error: odd',
  })
  t.end()
})

const malformed = [
  { code: 'HPE_INVALID_METHOD', counter: 'http.malformed', status: '400 Bad Request' },
  { code: undefined, counter: 'http.malformed', status: '400 Bad Request' },
  { code: 'HPE_HEADER_OVERFLOW', counter: 'http.malformed', status: '431 Request Header Fields Too Large' },
  { code: 'ERR_HTTP_REQUEST_TIMEOUT', counter: 'http.timedOut', status: '408 Request Timeout' },
]

t.test('each bad request is counted and gets a whole response (RFC 9110 §15.5)', (t) => {
  for (const { code, counter, status } of malformed) {
    const name = code ?? 'no code'
    const bad = badRequest(code)!
    t.equal(bad.counter, counter, name)
    const [head = '', body = ''] = bad.response.split('\r\n\r\n')
    t.match(head, new RegExp(`^HTTP/1\\.1 ${status}\r\nDate: .* GMT\r\nConnection: close\r\n`), name)
    t.match(head, `Content-Length: ${body.length}`, name)
  }
  t.end()
})

t.test('a peer that closed the connection is not counted', (t) => {
  t.equal(badRequest('ECONNRESET'), undefined)
  t.equal(badRequest('EPIPE'), undefined)
  t.end()
})
