import t from 'tap'
import { misunderstanding } from '../../../src/serve/http/error-response.ts'

const cases = [
  { code: 'HPE_INVALID_METHOD', counter: 'http.malformed', status: '400 Bad Request' },
  { code: undefined, counter: 'http.malformed', status: '400 Bad Request' },
  { code: 'HPE_HEADER_OVERFLOW', counter: 'http.malformed', status: '431 Request Header Fields Too Large' },
  { code: 'ERR_HTTP_REQUEST_TIMEOUT', counter: 'http.timedOut', status: '408 Request Timeout' },
]

t.test('each misunderstanding is counted and answered with a whole response (RFC 9110 §15.5)', (t) => {
  for (const { code, counter, status } of cases) {
    const name = code ?? 'no code'
    const words = misunderstanding(code)!
    t.equal(words.counter, counter, name)
    const [head = '', body = ''] = words.response.split('\r\n\r\n')
    t.match(head, `HTTP/1.1 ${status}\r\nConnection: close\r\n`, name)
    t.match(head, `Content-Length: ${body.length}`, name)
  }
  t.end()
})

t.test('a peer that went away is nothing to count', (t) => {
  t.equal(misunderstanding('ECONNRESET'), undefined)
  t.equal(misunderstanding('EPIPE'), undefined)
  t.end()
})
