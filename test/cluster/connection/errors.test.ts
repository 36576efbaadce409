import fc from 'fast-check'
import t from 'tap'
import type { ClusterCode } from '../../../src/cluster/codes.ts'
import { apiProblem, explainNetworkError, problemOf } from '../../../src/cluster/connection/errors.ts'

/** HAProxy's page when no server is available. */
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

t.test('an error response becomes one line, from the API server and from a proxy', (t) => {
  const forbidden = 'nodes is forbidden: User "system:anonymous" cannot list resource "nodes"'
  const rows: [name: string, status: number, text: string, reason: string, message: string][] = [
    ['a Status', 403, statusText(403, 'Forbidden', forbidden), 'Forbidden', `${forbidden} (403 Forbidden)`],
    [
      'a Status of several lines, with control characters of a terminal',
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
    ['an empty body', 503, '', '', 'refused with 503'],
    ['a long text', 500, 'x'.repeat(1000), '', `${'x'.repeat(300)}… (500)`],
    [
      'a Status without a message',
      409,
      '{"reason":"Conflict","message":""}',
      'Conflict',
      'refused with 409 Conflict',
    ],
    ['JSON that is not a Status', 500, '7', '', '7 (500)'],
    ['JSON null', 500, 'null', '', 'null (500)'],
  ]
  for (const [name, status, text, reason, message] of rows) {
    const problem = apiProblem({ status, text })
    t.same([problem.status, problem.reason, problem.message], [status, reason, message], name)
  }
  t.end()
})

t.test('a refusal has a code', (t) => {
  const codes: [status: number, code: ClusterCode][] = [
    [401, 'cluster.unauthorized'],
    [403, 'cluster.forbidden'],
    [404, 'cluster.refused'],
    [429, 'cluster.overloaded'],
    [503, 'cluster.api-failed'],
  ]
  for (const [status, code] of codes) {
    t.same(problemOf(apiProblem({ status, text: 'x' })), { code, sentence: `x (${status})` })
  }
  t.same(problemOf(new Error('another')), { code: 'cluster.unreachable', sentence: 'another' })
  t.end()
})

t.test('any response becomes one line without control characters', (t) => {
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
        const { message } = apiProblem({ status: 500, text })
        if (/[\p{Cc}\n]/u.test(message) || message.length > 400) throw new Error(JSON.stringify(message))
      },
    ),
    { numRuns: 300 },
  )
  t.end()
})

const wrongAuthority =
  "its certificate was not issued by the kubeconfig's certificate authority: " +
  'the kubeconfig belongs to another installation, or the authority was rotated'
const authorityErrors = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
]

t.test('explains each network error, and passes on the message of an unknown one', (t) => {
  const cases: [error: string, sentence: string, code: ClusterCode][] = [
    ['ECONNREFUSED', 'connection refused, the API server is not listening yet', 'cluster.connection-refused'],
    ['ENOTFOUND', 'this machine cannot resolve its name', 'cluster.name-not-resolved'],
    ['EAI_AGAIN', 'this machine cannot resolve its name', 'cluster.name-not-resolved'],
    ['EHOSTUNREACH', 'no route to host', 'cluster.no-route'],
    ['ENETUNREACH', 'no route to host', 'cluster.no-route'],
    ['ETIMEDOUT', 'it does not respond', 'cluster.no-response'],
    ['ECONNRESET', 'the connection was closed by the other side', 'cluster.connection-closed'],
    ['EPIPE', 'the connection was closed by the other side', 'cluster.connection-closed'],
    ...authorityErrors.map((error): [string, string, ClusterCode] => {
      return [error, wrongAuthority, 'cluster.authority-mismatch']
    }),
    ['CERT_HAS_EXPIRED', 'its certificate has expired', 'cluster.certificate-expired'],
    [
      'CERT_NOT_YET_VALID',
      "its certificate is not valid yet; check this machine's clock",
      'cluster.certificate-not-yet-valid',
    ],
    [
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'its certificate is not valid for this host name',
      'cluster.certificate-for-other-names',
    ],
    ['OTHER', 'another message', 'cluster.unreachable'],
  ]
  for (const [error, sentence, code] of cases) {
    const thrown = Object.assign(new Error('another message'), { code: error })
    t.same(explainNetworkError(thrown), { code, sentence }, error)
  }
  t.end()
})
