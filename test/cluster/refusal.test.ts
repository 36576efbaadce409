import fc from 'fast-check'
import t from 'tap'
import { problemOf } from '../../src/cluster/refusal.ts'

/** As HAProxy says it when no server is there. */
const ofHaproxy = `<html><body><h1>503 Service Unavailable</h1>
No server is available to handle this request.
</body></html>
`
const ofNginx = `<html>\r
<head><title>502 Bad Gateway</title><style>h1 { color: red }</style></head>\r
<body>\r
<center><h1>502 Bad Gateway</h1></center>\r
<hr><center>nginx</center>\r
</body>\r
</html>\r
`

const statusText = (code: number, reason: string, message: string) =>
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code })

t.test('a refusal is told in one line, whoever refused', (t) => {
  const forbidden = 'nodes is forbidden: User "system:anonymous" cannot list resource "nodes"'
  const rows: [name: string, status: number, text: string, reason: string, message: string][] = [
    ['a Status', 403, statusText(403, 'Forbidden', forbidden), 'Forbidden', `${forbidden} (403 Forbidden)`],
    [
      'a Status of several lines, with what would clear a terminal',
      422,
      statusText(422, 'Invalid', 'is invalid:\n\u001b[2J- name\t\u009b0m is missing\n'),
      'Invalid',
      'is invalid: [2J- name 0m is missing (422 Invalid)',
    ],
    ['a kind that is not served', 404, '404 page not found\n', '', '404 page not found (404)'],
    [
      'too many requests',
      429,
      'Too many requests, please try again later.\n',
      '',
      'Too many requests, please try again later. (429)',
    ],
    [
      "a load balancer's page",
      503,
      ofHaproxy,
      '',
      '503 Service Unavailable No server is available to handle this request. (503)',
    ],
    ['a page with a head', 502, ofNginx, '', '502 Bad Gateway nginx (502)'],
    ['a page that is cut off in its head', 502, '<html><head><title>Bad', '', 'Bad (502)'],
    ['an empty page', 502, '<html><body></body></html>', '', 'refused with 502'],
    ['text that begins like a page', 502, 'a < b', '', 'a < b (502)'],
    ['nothing', 503, '', '', 'refused with 503'],
    ['a long text', 500, 'x'.repeat(1000), '', `${'x'.repeat(300)}… (500)`],
    [
      'a Status without words',
      409,
      '{"reason":"Conflict","message":""}',
      'Conflict',
      'refused with 409 Conflict',
    ],
    ['JSON that is no Status', 500, '7', '', '7 (500)'],
    ['JSON of nothing', 500, 'null', '', 'null (500)'],
  ]
  for (const [name, status, text, reason, message] of rows) {
    const problem = problemOf({ status, text })
    t.same([problem.status, problem.reason, problem.message], [status, reason, message], name)
  }
  t.end()
})

t.test('whatever is said, it is a line without control characters', (t) => {
  const page = fc.string().map((text) => `<${text}`)
  const status = fc.record({ message: fc.string({ unit: 'binary' }), reason: fc.string() })
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        page,
        fc.json(),
        status.map((each) => JSON.stringify(each)),
      ),
      (text) => {
        const { message } = problemOf({ status: 500, text })
        if (/[\p{Cc}\n]/u.test(message) || message.length > 400) throw new Error(JSON.stringify(message))
      },
    ),
    { numRuns: 300 },
  )
  t.end()
})
