import { rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ClusterCode } from '../../../src/cluster/codes.ts'
import {
  kubeconfigFile,
  kubeconfigFindings,
  kubeconfigProblem,
  loadDecoder,
  NoCredentials,
} from '../../../src/cluster/kubeconfig/file.ts'
import { kubeconfigPath } from '../../../src/site/file-paths.ts'
import { base64, kubeconfigText } from '../../support/api-server.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { declaredCluster } from '../../support/cluster.ts'

await loadDecoder()
const authority = makeAuthority()
const server = 'https://api.c1.example.net:6443'
const text = (word: string, at = server, more = {}) => kubeconfigText(at, authority, { token: word }, more)
const messageOf = (read: () => unknown): string => {
  try {
    read()
  } catch (error) {
    if (error instanceof NoCredentials) return error.message
    throw error
  }
  return 'no error'
}

t.test('the path is the one in the site, or the one where openshift-install writes it', (t) => {
  const cluster = declaredCluster()
  t.equal(kubeconfigPath(cluster), '/etc/slipway/ignition/auth/kubeconfig')
  t.equal(kubeconfigPath({ ...cluster, kubeconfig: '/root/kubeconfig' }), '/root/kubeconfig')
  const { ignition, ...without } = cluster
  t.equal(kubeconfigPath(without), undefined)
  t.equal(
    messageOf(() => kubeconfigFile(without, Date.now).credentials()),
    'the cluster c1 has no kubeconfig: set clusters[].kubeconfig in the site file',
  )
  t.equal(typeof ignition, 'string')
  t.end()
})

t.test('the file is read once, and again when it or a file that it names has changed', (t) => {
  const more = { 'certificate-authority-data': '', 'certificate-authority': 'ca.crt' }
  const folder = t.testdir({ kubeconfig: text('one', server, more), 'ca.crt': authority.certificate })
  const path = join(folder, 'kubeconfig')
  const file = kubeconfigFile({ ...declaredCluster(), kubeconfig: path }, Date.now)
  const first = file.credentials()
  t.equal(first.token, 'one')
  t.equal(file.credentials(), first, 'the same object')
  writeFileSync(path, text('other', server, more))
  t.equal(file.credentials().token, 'other')
  const second = file.credentials()
  utimesSync(join(folder, 'ca.crt'), 1, 1)
  t.not(file.credentials(), second)
  rmSync(join(folder, 'ca.crt'))
  t.match(
    messageOf(() => file.credentials()),
    /^cannot read the kubeconfig .*: ENOENT: .*ca\.crt/,
  )
  rmSync(path)
  t.match(
    messageOf(() => file.credentials()),
    /^the kubeconfig .* does not exist; `openshift-install create/,
  )
  writeFileSync(path, text('third'))
  t.equal(file.credentials().token, 'third')
  t.end()
})

t.test('rejects the kubeconfig of another cluster, by name, address, or TLS server name', (t) => {
  const named = { 'tls-server-name': 'api-int.c1.example.net' }
  const other = (host: string): [string, ClusterCode] => [
    `the server ${host}`,
    'cluster.kubeconfig-for-other-cluster',
  ]
  const node = (host: string): [string, ClusterCode] => [
    `the node m1 (${host})`,
    'cluster.kubeconfig-for-one-node',
  ]
  const cases: [server: string, more: object, problem?: [subject: string, code: ClusterCode]][] = [
    ['https://api.c1.example.net:6443', {}],
    ['https://api-int.c1.example.net:6443', {}],
    ['https://api.c1.example.net.:6443', {}],
    ['https://192.0.2.5:6443', {}],
    ['https://127.0.0.1:6443', named],
    ['https://127.0.0.1:6443', {}, other('127.0.0.1:6443')],
    ['https://api.c2.example.net:6443', {}, other('api.c2.example.net:6443')],
    ['https://api.c2.example.net.:6443', {}, other('api.c2.example.net:6443')],
    ['https://[2001:db8::1]:6443', {}, other('[2001:db8::1]:6443')],
    ['https://192.0.2.11:6443', {}, node('192.0.2.11:6443')],
    ['https://m1.c1.example.net:6443', {}, node('m1.c1.example.net:6443')],
  ]
  for (const [at, more, [subject = '', code = ''] = []] of cases) {
    const folder = t.testdir({ kubeconfig: text('word', at, more) })
    const path = join(folder, 'kubeconfig')
    const file = kubeconfigFile({ ...declaredCluster(), kubeconfig: path }, Date.now)
    t.equal(
      messageOf(() => file.credentials()),
      subject === ''
        ? 'no error'
        : `the kubeconfig ${path} is for ${subject}, expected api.c1.example.net or api-int.c1.example.net, or one of their addresses`,
      at,
    )
    t.equal(kubeconfigProblem(file)?.code ?? '', code, at)
  }
  t.end()
})

t.test('reports when the certificate expired; does not read a directory or a huge file', (t) => {
  const old = authority.client('/CN=system:admin', -1)
  const user = { 'client-certificate-data': base64(old.certificate), 'client-key-data': base64(old.key) }
  const folder = t.testdir({
    expired: kubeconfigText(server, authority, user),
    folder: {},
    huge: ' '.repeat(1024 * 1024 + 1),
  })
  const said = (name: string) => {
    const path = join(folder, name)
    const file = kubeconfigFile({ ...declaredCluster(), kubeconfig: path }, Date.now)
    return messageOf(() => file.credentials()).replaceAll(folder, 'FOLDER')
  }
  t.match(
    said('expired'),
    /^the kubeconfig FOLDER\/expired expired on 20\d\d-.*Z; replace it with a new one$/,
  )
  t.equal(said('folder'), 'cannot read the kubeconfig FOLDER/folder: FOLDER/folder is not a regular file')
  t.equal(
    said('huge'),
    'cannot read the kubeconfig FOLDER/huge: FOLDER/huge has 1048577 bytes, expected at most 1048576',
  )
  t.end()
})

t.test(
  'warns about a kubeconfig that is required and missing or wrong, and about an optional one that is wrong',
  async (t) => {
    const folder = t.testdir({ auth: {} })
    const path = join(folder, 'auth/kubeconfig')
    const cluster = { ...declaredCluster(), ignition: folder }
    const findings = async (change: object = {}) =>
      (await kubeconfigFindings([{ ...cluster, ...change }], Date.now())).map(
        ({ code, severity, about, message }) =>
          `${code}: ${severity}: ${about}: ${message.replaceAll(folder, 'FOLDER')}`,
      )
    const warning = (code: string, reason: string) => [
      `cluster.kubeconfig-${code}: warning: cluster c1: slipway cannot follow this cluster: ${reason}`,
    ]
    const noFile = warning(
      'missing',
      'the kubeconfig FOLDER/auth/kubeconfig does not exist; `openshift-install create ignition-configs` writes it to auth/kubeconfig',
    )
    t.same(await findings(), [])
    t.same(await findings({ approve: 'declared' }), noFile)
    t.same(await findings({ kubeconfig: path }), noFile)
    t.same(await findings({ ignition: undefined }), [])
    t.same(
      await findings({ ignition: undefined, approve: 'dry-run' }),
      warning('not-declared', 'the cluster c1 has no kubeconfig: set clusters[].kubeconfig in the site file'),
    )
    writeFileSync(path, text('word', 'https://api.c2.example.net:6443'))
    t.same(
      await findings(),
      warning(
        'for-other-cluster',
        'the kubeconfig FOLDER/auth/kubeconfig is for the server api.c2.example.net:6443, expected api.c1.example.net or api-int.c1.example.net, or one of their addresses',
      ),
    )
    writeFileSync(path, text('word'))
    t.same(await findings({ approve: 'declared' }), [])
  },
)
