import { createPrivateKey } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { BadKubeconfig, decodeKubeconfig } from '../../src/cluster/kubeconfig.ts'
import { base64, kubeconfigText } from '../support/api-server.ts'
import { makeAuthority } from '../support/certificates.ts'

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

t.test('the kubeconfig that openshift-install writes: server, authority, certificate and key', (t) => {
  const credentials = decodeKubeconfig(kubeconfigText(server, authority, pair), noFiles)
  t.equal(credentials.server.href, `${server}/`)
  t.equal(credentials.authority, authority.certificate)
  t.equal(credentials.certificate, admin.certificate)
  t.equal(createPrivateKey(credentials.key!).asymmetricKeyType, 'ec')
  t.ok(credentials.expiresAt! > Date.now())
  t.end()
})

t.test('a token, a name for TLS, and files beside it, as kubectl reads them', (t) => {
  const files: Record<string, string> = {
    'ca.crt': authority.certificate,
    'admin.crt': admin.certificate,
    'admin.key': admin.key,
    token: 'sha256~token\n',
  }
  const readFile = (path: string) => files[path] ?? noFiles(path)
  const cluster = {
    ...{ 'certificate-authority-data': '', 'certificate-authority': 'ca.crt' },
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
  const own = kubeconfigText(server, authority, { token: 'word' }, { 'certificate-authority-data': '' })
  t.equal(decodeKubeconfig(own, noFiles).authority, undefined)
  t.end()
})

t.test('what cannot be used is refused in a sentence that goes on from its path', (t) => {
  const whole = JSON.parse(kubeconfigText(server, authority, pair)) as Record<string, unknown>
  const changed = (change: object) => JSON.stringify({ ...whole, ...change })
  const asUser = (user: object) => kubeconfigText(server, authority, user as Record<string, unknown>)
  const asCluster = (cluster: object) =>
    kubeconfigText(server, authority, pair, cluster as Record<string, unknown>)
  const cases: [name: string, text: string, message: string][] = [
    ['no YAML', 'a: b: c', 'is not YAML: line 1, column 4: '],
    ['nothing', '', 'is no kubeconfig: it is not what belongs there'],
    ['a list', '[]', 'is no kubeconfig: it is not what belongs there'],
    ['clusters that are a word', changed({ clusters: 'x' }), 'is no kubeconfig: clusters is not'],
    ['no context', changed({ 'current-context': '' }), 'has no current-context'],
    ['another context', changed({ 'current-context': 'x' }), 'has no context "x"'],
    [
      'a context of an unknown user',
      changed({ contexts: [{ name: 'admin', context: { cluster: 'c1', user: 'nobody' } }] }),
      'has no user "nobody"',
    ],
    ['a server that is a number', asCluster({ server: 7 }), 'is no kubeconfig: cluster c1.server is not'],
    [
      'plain HTTP',
      asCluster({ server: 'http://x' }),
      'has the server "http://x", expected https://NAME:PORT',
    ],
    ['no URL', asCluster({ server: 'x' }), 'has the server "x", expected https://NAME:PORT'],
    ['anybody', asCluster({ 'insecure-skip-tls-verify': true }), 'says insecure-skip-tls-verify, so anybody'],
    ['a proxy', asCluster({ 'proxy-url': 'http://p' }), 'leads through a proxy (proxy-url), and'],
    [
      'an authority that is no PEM',
      asCluster({ 'certificate-authority-data': 'AAAA' }),
      'has certificate-authority-data that is not PEM in base64',
    ],
    [
      'an authority that is no certificate',
      asCluster({ 'certificate-authority-data': base64(admin.key) }),
      'has a certificate-authority that is no certificate',
    ],
    ['a program', asUser({ exec: { command: 'aws' } }), 'logs in by running another program (exec), which'],
    ['a provider', asUser({ 'auth-provider': {} }), 'logs in by running another program (auth-provider)'],
    ['another user', asUser({ ...pair, as: 'root' }), 'acts as another user (as), which is not supported'],
    [
      'no key',
      asUser({ 'client-certificate-data': base64(admin.certificate) }),
      'has a client-certificate but no client-key',
    ],
    ['no certificate', asUser({ 'client-key-data': base64(admin.key) }), 'has a client-key but no client-'],
    [
      "another's key",
      asUser({ ...pair, 'client-key-data': base64(other.key) }),
      'has a client-key that is not the one of its client-certificate',
    ],
    [
      'a key that is none',
      asUser({ ...pair, 'client-key-data': base64(admin.certificate) }),
      'has a client-key that is no private key',
    ],
    ['nothing to show', asUser({}), 'has neither a client certificate nor a token'],
    ['a password', asUser({ username: 'kubeadmin' }), 'logs in by name and password, which'],
    ['a header within a token', asUser({ token: 'a\r\nhost: x' }), 'has a token that is not one word'],
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

t.test('any text is a kubeconfig or a BadKubeconfig, and nothing else', (t) => {
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
