import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { packBundle, redact, redactText, removed } from '../../src/cli/support-bundle.ts'
import { decodeHeader } from '../../src/images/tar.ts'

const token = 'Zk3v9QxTq_8Lr2mWn0-YsA'
const secrets: readonly { name: string; text: string; secret: string }[] = [
  { name: 'the token of an installation', text: `GET /boot/ocp45/m1/${token}/master.ign 200`, secret: token },
  { name: 'a token in JSON', text: `{"token": "${token}"}`, secret: token },
  { name: 'a password in YAML', text: 'password: hunter2', secret: 'hunter2' },
  { name: 'a password in an assignment', text: 'PASSWORD=hunter2', secret: 'hunter2' },
  { name: 'a pull secret', text: '{"auths":{"quay.io":{"auth":"b3BlbnNoaWZ0"}}}', secret: 'b3BlbnNoaWZ0' },
  {
    name: 'a service account token',
    text: 'Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJl.c2lnbmF0dXJl',
    secret: 'eyJpc3MiOiJrdWJl',
  },
  {
    name: 'an OAuth token of OpenShift',
    text: 'oc login sha256~abcdefghijklmnopqrstuvwxyz0123',
    secret: 'abcdefghij',
  },
  {
    name: 'a private key',
    text: 'x -----BEGIN EC PRIVATE KEY-----\\nMHcCAQEE\\n-----END EC PRIVATE KEY----- y',
    secret: 'MHcCAQEE',
  },
  {
    name: 'a private key that was cut off',
    text: '-----BEGIN PRIVATE KEY-----\nMHcCAQEE',
    secret: 'MHcCAQEE',
  },
  { name: 'a password hash', text: '"passwordHash":"$6$rounds$abcdefgh"', secret: 'abcdefgh' },
  {
    name: 'the content of an Ignition file',
    text: '"source":"data:;base64,c2VjcmV0IGNvbnRlbnQ="',
    secret: 'c2VjcmV0',
  },
  {
    name: 'a proxy with a password',
    text: 'HTTPS_PROXY is http://me:hunter2@proxy.example.net:3128',
    secret: 'hunter2',
  },
]

for (const { name, text, secret } of secrets) {
  t.test(`removed from text: ${name}`, (t) => {
    t.notMatch(redactText(text), secret)
    t.match(redactText(text), removed)
    t.end()
  })
}

t.test('text without secrets does not change', (t) => {
  const text =
    '{"level":"info","node":"ocp45/m1","file":"/boot/ocp45/m1/boot.ipxe","mac":"00:00:5e:00:53:11","msg":"boot script served"}'
  t.equal(redactText(text), text)
  t.end()
})

t.test('values of secret keys are removed from JSON, except numbers and flags', (t) => {
  t.same(
    redact({
      kubeconfig: { users: [{ user: { 'client-key-data': 'TUhjQ0FRRUU=' } }] },
      counters: { 'http.tokensRefused': 3 },
      files: [{ path: '/etc/x', contents: 'text' }],
      pullSecret: 'x',
      nothing: null,
      hasPassword: true,
    }),
    {
      kubeconfig: removed,
      counters: { 'http.tokensRefused': 3 },
      files: [{ path: '/etc/x', contents: removed }],
      pullSecret: removed,
      nothing: null,
      hasPassword: true,
    },
  )
  t.end()
})

t.test('the archive has the files in order, text and JSON', (t) => {
  const packed = gunzipSync(
    packBundle(
      [
        { name: 'log.txt', content: 'password=hunter2\n' },
        { name: 'status.json', content: { site: 'lab', token } },
      ],
      Date.UTC(2026, 0, 1),
    ),
  )
  t.match(decodeHeader(packed.subarray(0, 512)), { kind: 'file', path: 'log.txt' })
  t.match(decodeHeader(packed.subarray(1024, 1536)), { kind: 'file', path: 'status.json' })
  t.match(packed.toString(), '"site": "lab"')
  t.notMatch(packed.toString(), new RegExp(`${token}|hunter2`))
  t.equal(packed.length % 512, 0)
  t.end()
})
