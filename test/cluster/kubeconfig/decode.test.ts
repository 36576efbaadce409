import { createPrivateKey } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { BadKubeconfig } from '../../../src/cluster/connection/errors.ts'
import { decodeKubeconfig } from '../../../src/cluster/kubeconfig/decode.ts'
import { base64, kubeconfigText } from '../../support/api-server.ts'
import { makeAuthority } from '../../support/certificates.ts'

const authority = makeAuthority()
const admin = authority.client('/O=system:masters/CN=system:admin')
const other = authority.client('/CN=other')
const server = 'https://api.c1.example.net:6443'
const pair = {
  'client-certificate-data': base64(admin.certificate),
  'client-key-data': base64(admin.key),
}
const noFiles = (path: string): string => {
  throw new Error(`ENOENT ${path}`)
}

t.test(
  'decodes the kubeconfig that openshift-install writes: server, authority, certificate and key',
  (t) => {
    const credentials = decodeKubeconfig(kubeconfigText(server, authority, pair), noFiles)
    t.equal(credentials.server.href, `${server}/`)
    t.equal(credentials.authority, authority.certificate)
    t.equal(credentials.certificate, admin.certificate)
    t.equal(createPrivateKey(credentials.key!).asymmetricKeyType, 'ec')
    t.ok(credentials.expiresAt! > Date.now())
    t.end()
  },
)

t.test('decodes a token, a TLS server name, and files in the same directory, as kubectl does', (t) => {
  const files: Record<string, string> = {
    'ca.crt': authority.certificate,
    'admin.crt': admin.certificate,
    'admin.key': admin.key,
    token: 'sha256~token\n',
  }
  const readFile = (path: string) => files[path] ?? noFiles(path)
  const cluster = {
    'certificate-authority-data': '',
    'certificate-authority': 'ca.crt',
    'tls-server-name': 'api.c1.example.net',
  }
  const user = { 'client-certificate': 'admin.crt', 'client-key': 'admin.key', tokenFile: 'token' }
  t.match(decodeKubeconfig(kubeconfigText('https://[2001:db8::5]', authority, user, cluster), readFile), {
    authority: authority.certificate,
    serverName: 'api.c1.example.net',
    key: admin.key,
    token: 'sha256~token',
  })
  t.same(Object.keys(decodeKubeconfig(kubeconfigText(server, authority, { token: 'word' }), noFiles)), [
    'server',
    'authority',
    'token',
  ])
  const renewed = kubeconfigText(server, authority, { token: 'stale', tokenFile: 'token' })
  t.equal(
    decodeKubeconfig(renewed, readFile).token,
    'sha256~token',
    'as in client-go, the file has precedence',
  )
  const empty = kubeconfigText(server, authority, { token: '', tokenFile: 'token' })
  t.equal(decodeKubeconfig(empty, readFile).token, 'sha256~token', 'an empty token counts as absent')
  const noFile = kubeconfigText(server, authority, { token: 'word', tokenFile: '' })
  t.equal(decodeKubeconfig(noFile, noFiles).token, 'word', 'and so does an empty file name')
  const own = kubeconfigText(server, authority, { token: 'word' }, { 'certificate-authority-data': '' })
  t.equal(decodeKubeconfig(own, noFiles).authority, undefined)
  t.end()
})

t.test('rejects what it cannot use, with the end of a sentence that starts with the path', (t) => {
  const whole = JSON.parse(kubeconfigText(server, authority, pair)) as Record<string, unknown>
  const changed = (change: object) => JSON.stringify({ ...whole, ...change })
  const asUser = (user: object) => kubeconfigText(server, authority, user as Record<string, unknown>)
  const asCluster = (cluster: object) =>
    kubeconfigText(server, authority, pair, cluster as Record<string, unknown>)
  const cases: [name: string, text: string, message: string][] = [
    ['not YAML', 'a: b: c', 'is not YAML: line 1, column 4: '],
    ['an empty file', '', 'is not a kubeconfig: the document is missing or of the wrong type'],
    ['a list', '[]', 'is not a kubeconfig: the document is missing or of the wrong type'],
    [
      'clusters that are a string',
      changed({ clusters: 'x' }),
      'is not a kubeconfig: clusters is missing or of the wrong type',
    ],
    ['no context', changed({ 'current-context': '' }), 'has no current-context'],
    ['another context', changed({ 'current-context': 'x' }), 'has no context "x"'],
    [
      'a context of an unknown user',
      changed({ contexts: [{ name: 'admin', context: { cluster: 'c1', user: 'nobody' } }] }),
      'has no user "nobody"',
    ],
    [
      'a server that is a number',
      asCluster({ server: 7 }),
      'is not a kubeconfig: cluster c1.server is missing or',
    ],
    [
      'plain HTTP',
      asCluster({ server: 'http://x' }),
      'has the server "http://x", expected https://NAME:PORT',
    ],
    ['not a URL', asCluster({ server: 'x' }), 'has the server "x", expected https://NAME:PORT'],
    [
      'no verification',
      asCluster({ 'insecure-skip-tls-verify': true }),
      'sets insecure-skip-tls-verify, which',
    ],
    ['a proxy', asCluster({ 'proxy-url': 'http://p' }), 'sets proxy-url, which slipway does not support'],
    [
      'an authority that is not PEM',
      asCluster({ 'certificate-authority-data': 'AAAA' }),
      'has a certificate-authority-data that is not base64-encoded PEM',
    ],
    [
      'an authority that is not a certificate',
      asCluster({ 'certificate-authority-data': base64(admin.key) }),
      'has a certificate-authority that is not a certificate',
    ],
    ['a program', asUser({ exec: { command: 'aws' } }), 'logs in with another program (exec), which'],
    ['a provider', asUser({ 'auth-provider': {} }), 'logs in with another program (auth-provider)'],
    [
      'another user',
      asUser({ ...pair, as: 'root' }),
      'impersonates another user (as), which is not supported',
    ],
    [
      'no key',
      asUser({ 'client-certificate-data': base64(admin.certificate) }),
      'has a client-certificate but no client-key',
    ],
    ['no certificate', asUser({ 'client-key-data': base64(admin.key) }), 'has a client-key but no client-'],
    [
      'the key of another certificate',
      asUser({ ...pair, 'client-key-data': base64(other.key) }),
      'has a client-key that does not match its client-certificate',
    ],
    [
      'a key that is not a key',
      asUser({ ...pair, 'client-key-data': base64(admin.certificate) }),
      'has a client-key that is not a private key',
    ],
    ['no identity', asUser({}), 'has neither a client certificate nor a token'],
    ['a password', asUser({ username: 'kubeadmin' }), 'logs in with a user name and a password, which'],
    [
      'a header within a token',
      asUser({ token: 'a\r\nhost: x' }),
      'has a token with spaces or other characters',
    ],
  ]
  for (const [name, text, message] of cases) {
    try {
      decodeKubeconfig(text, noFiles)
      t.fail(name)
    } catch (error) {
      t.ok(error instanceof BadKubeconfig, name)
      t.equal((error as Error).message.slice(0, message.length), message, name)
    }
  }
  t.end()
})

t.test('decodes or rejects any text, and throws nothing but BadKubeconfig', (t) => {
  const whole = kubeconfigText(server, authority, pair)
  const damaged = fc
    .tuple(fc.nat(whole.length), fc.nat(40), fc.string())
    .map(([at, cut, text]) => whole.slice(0, at) + text + whole.slice(at + cut))
  fc.assert(
    fc.property(fc.oneof(fc.string(), damaged), (text) => {
      try {
        decodeKubeconfig(text, () => '')
      } catch (error) {
        if (!(error instanceof BadKubeconfig)) throw error
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})
