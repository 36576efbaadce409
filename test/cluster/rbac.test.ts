import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { followClusters } from '../../src/cluster/clusters.ts'
import type { ClusterApi } from '../../src/cluster/connection/client.ts'
import { ApiProblem, apiProblem } from '../../src/cluster/connection/errors.ts'
import { createRoleIgnition } from '../../src/cluster/ignition.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import { renderRbac } from '../../src/cli/render/rbac-manifest.ts'
import { grantsFor, missingPermission, permissionOf } from '../../src/cluster/rbac.ts'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { buildModel } from '../../src/plan/model.ts'
import { loadSite } from '../../src/site/load.ts'
import type { Approval, Cluster } from '../../src/site/schema.ts'
import { bootstrapConfigMap, clusterVersion, condition } from '../support/cluster-objects.ts'
import { askedAt, clientCsr } from '../support/csr.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { memoryApi } from '../support/memory-api.ts'
import { memoryInstalls } from '../support/memory-installs.ts'
import { makeRequest } from '../support/pkcs10.ts'
import { memorySession } from '../support/session.ts'
import { siteText } from '../support/site-folder.ts'

const bootstrap = '      - { name: bs, role: bootstrap, mac: "00:00:5e:00:53:09", address: 192.0.2.9 }\n'

function siteWith(approve: Approval, hasBootstrap = true) {
  const text = siteText().replace('    disk: /dev/sda\n', `    disk: /dev/sda\n    approve: ${approve}\n`)
  const loaded = loadSite(hasBootstrap ? text + bootstrap : text, '/etc/slipway/site.yaml')
  if (loaded.kind !== 'site') throw new TypeError('the site of the test has a problem')
  return loaded.site
}

const clusterOf = (approve: Approval, hasBootstrap?: boolean): Cluster =>
  siteWith(approve, hasBootstrap).clusters[0]!

/** `verb group resource namespace` of everything that the rules grant, without the signers. */
function granted(cluster: Cluster): string[] {
  return grantsFor(cluster)
    .flatMap(({ namespace = '-', rules }) =>
      rules.flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group} ${resource} ${namespace}`)),
        ),
      ),
    )
    .filter((each) => !each.includes('signers'))
    .sort()
}

/** The permissions for everything that slipway requests while a cluster is installed, in the same form. */
async function requested(t: Test, approve: Approval, hasBootstrap = true): Promise<string[]> {
  const site = siteWith(approve, hasBootstrap)
  const { nodes } = buildModel(site, { images: new Map(), ignition: new Map(), loaders: new Map() })
  const permissions = new Set<string>()
  const record = (method: 'GET' | 'PUT', path: string): void => {
    if (path === apiPaths.version) return
    const { verb, group, resource, namespace = '-' } = permissionOf(method, path)!
    permissions.add(`${verb} ${group} ${resource} ${namespace}`)
  }
  const memory = memoryApi()
  const api: ClusterApi = {
    ...memory,
    get<T>(path: string) {
      record('GET', path)
      return memory.get<T>(path)
    },
    follow(path, handlers, signal) {
      record('GET', path)
      record('GET', `${path}${path.includes('?') ? '&' : '?'}watch=1`)
      return memory.follow(path, handlers, signal)
    },
    put(path) {
      record('PUT', path)
      return Promise.reject(new ApiProblem(409, 'Conflict', 'changed'))
    },
  }
  const clock = fakeClock(askedAt + 1000)
  const log = createLog('error', { write() {} })
  const session = memorySession(api, { clock, log })
  const sessions = { get: () => session, swap() {}, close() {} }
  const directory = mkdtempSync(join(tmpdir(), 'slipway-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const installs = memoryInstalls(nodes.map(({ key }) => key))
  const list = () =>
    installs.list().map((each) => ({
      ...each,
      provenBoot: { startedAt: askedAt - 2000, writtenAt: askedAt - 2000, bootedAt: askedAt },
    }))
  memory.unchecked.set(apiPaths.version, {})
  const clusters = await followClusters({
    site,
    sessions,
    directory,
    clock,
    log,
    installs: { ...installs, list },
    nodes: () => nodes,
    counters: new Counters(),
    drain: () => Promise.resolve(undefined),
    enable: () => Promise.resolve(),
  })
  t.teardown(() => clusters.close())
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await setImmediate()
    clock.advance(1000)
    for (let turn = 0; turn < 20; turn++) await setImmediate()
  }
  await settle()
  const request = makeRequest({
    commonNames: ['system:node:w1.c1.example.net'],
    organizations: ['system:nodes'],
  })
  memory.sendList(apiPaths.signingRequests, [clientCsr('client', { request })])
  if (hasBootstrap) memory.sendList(apiPaths.bootstrapConfigMap, [bootstrapConfigMap('complete')])
  const states = [condition('Available'), condition('Failing', 'False'), condition('Progressing', 'False')]
  memory.sendList(apiPaths.clusterVersion, [clusterVersion(...states)])
  memory.sendList(apiPaths.clusterOperators, [])
  await settle()
  await settle()

  const roles = ['master', 'worker'] as const
  const ignition = createRoleIgnition({
    clusters: site.clusters,
    sessions,
    clock,
    log,
    ignition: () =>
      new Map(roles.map((kind) => [kind, { file: `/${kind}.ign`, node: 'c1/m1', kind }] as const)),
    files: { read: () => Promise.resolve({ kind: 'unreadable', problem: 'none' }) },
    checkProvidedFile: () => ({ problem: 'none' }),
  })
  for (const kind of roles) await ignition.read(`/${kind}.ign`)
  return [...permissions].sort()
}

t.test('the rules grant exactly what slipway requests', async (t) => {
  for (const approve of ['declared', 'dry-run', 'off'] as const) {
    for (const hasBootstrap of [true, false]) {
      t.same(
        await requested(t, approve, hasBootstrap),
        granted(clusterOf(approve, hasBootstrap)),
        `approve: ${approve}, ${hasBootstrap ? 'a bootstrap' : 'no bootstrap'}`,
      )
    }
  }
})

t.test('single objects are granted by name where the names are known', (t) => {
  const names = grantsFor(clusterOf('declared')).flatMap(({ rules }) =>
    rules.flatMap(({ resources, resourceNames }) =>
      resourceNames ? [[resources[0], ...resourceNames]] : [],
    ),
  )
  t.same(names, [
    ['signers', 'kubernetes.io/kube-apiserver-client-kubelet', 'kubernetes.io/kubelet-serving'],
    ['configmaps', 'bootstrap'],
    ['secrets', 'master-user-data-managed', 'worker-user-data-managed'],
  ])
  t.end()
})

t.test('the manifest binds every role to the service account', (t) => {
  const objects = parseAllDocuments(renderRbac(clusterOf('declared'))).map(
    (document) => document.toJS() as { kind: string; metadata: { namespace?: string } },
  )
  t.same(
    objects.map(({ kind, metadata: { namespace = '' } }) => `${kind} ${namespace}`.trim()),
    [
      ...['Namespace', 'ServiceAccount slipway', 'ClusterRole', 'ClusterRoleBinding'],
      ...['Role kube-system', 'RoleBinding kube-system'],
      ...['Role openshift-machine-api', 'RoleBinding openshift-machine-api'],
    ],
  )
  for (const object of objects.filter(({ kind }) => kind.endsWith('Binding'))) {
    t.match(object, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      roleRef: { kind: object.kind.replace('Binding', ''), name: 'slipway' },
      subjects: [{ kind: 'ServiceAccount', name: 'slipway', namespace: 'slipway' }],
    })
  }
  t.end()
})

t.test('a refusal names the missing verb and resource', (t) => {
  const advice = ': apply the output of `slipway render rbac`'
  const start = '; the user of the kubeconfig must be allowed to '
  const rows: readonly [method: 'GET' | 'PUT', path: string, what: string][] = [
    ['GET', '/api/v1/nodes?limit=500', 'list nodes'],
    ['GET', '/api/v1/nodes/w1', 'get nodes'],
    ['GET', `${apiPaths.clusterOperators}?watch=1`, 'watch clusteroperators.config.openshift.io'],
    ['GET', '/api/v1/namespaces/openshift-machine-api/secrets/x', 'get secrets in openshift-machine-api'],
    [
      'PUT',
      `${apiPaths.signingRequests}/csr-a/approval`,
      'update certificatesigningrequests/approval.certificates.k8s.io and approve its signer',
    ],
  ]
  for (const [method, path, what] of rows) {
    t.equal(missingPermission(method, path), start + what + advice)
    const { code, message } = apiProblem({ status: 403, text: 'no' }, { method, path })
    t.same([code, message], ['cluster.forbidden', `no (403)${start}${what}${advice}`])
  }
  t.equal(missingPermission('GET', '/version'), '')
  t.equal(
    apiProblem({ status: 404, text: 'no' }, { method: 'GET', path: '/api/v1/nodes' }).message,
    'no (404)',
  )
  t.end()
})
