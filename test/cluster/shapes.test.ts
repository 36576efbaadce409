/** The objects that the test servers and slipway send have their published shape. */
import t from 'tap'
import {
  apiPaths,
  isBootstrapComplete,
  kinds as followedKinds,
  readCsr,
  withApproval,
} from '../../src/cluster/objects.ts'
import { evaluateNodes, evaluateOperators, evaluateVersion } from '../../src/cluster/evaluate/requirements.ts'
import type { ApiObject } from '../support/api-server.ts'
import { asAnswered, asKept, asListed, bookmarkLine, listOf, statusOf } from '../support/api-shapes.ts'
import { updated } from '../support/api-update.ts'
import { connected } from '../support/cluster.ts'
import {
  bootstrapConfigMap,
  clusterOperator,
  clusterVersion,
  condition,
  etcd,
  nodeObject,
} from '../support/cluster-objects.ts'
import { askedAt, clientCsr } from '../support/csr.ts'
import { memoryApi } from '../support/memory-api.ts'
import { memoryCluster } from '../support/memory-cluster.ts'
import { isPublished, kinds, misfits } from '../support/openapi.ts'

const { nodes, clusterOperators, clusterVersion: versions, etcd: etcds, signingRequests: csrsPath } = apiPaths
const named = { metadata: { name: 'x' } }
const csr = clientCsr()

t.test('rejects objects that do not have their published shape, and names the field', (t) => {
  const rows: [path: string, object: object, found: string][] = [
    [nodes, { ...named, note: 'x' }, '.note is not published'],
    [nodes, { ...named, kind: 'Pod' }, 'it is not a v1 Node'],
    [nodes, { ...named, apiVersion: 'v2' }, 'it is not a v1 Node'],
    [nodes, { metadata: { name: 7 } }, '.metadata.name is 7, expected string'],
    [nodes, { metadata: [] }, '.metadata is [], expected object'],
    [
      nodes,
      { metadata: { name: 'x', creationTimestamp: 'today' } },
      '.metadata.creationTimestamp is "today", expected string as date-time',
    ],
    [
      nodes,
      { metadata: { name: 'x', creationTimestamp: '2026-13-01T00:00:00Z' } },
      '.metadata.creationTimestamp is "2026-13-01T00:00:00Z", expected string as date-time',
    ],
    [nodes, { metadata: { name: 'x', labels: { a: true } } }, '.metadata.labels.a is true, expected string'],
    [nodes, { ...named, spec: { unschedulable: 'no' } }, '.spec.unschedulable is "no", expected boolean'],
    [nodes, { ...named, status: { conditions: {} } }, '.status.conditions is {}, expected array'],
    [
      nodes,
      { ...named, status: { conditions: [{ type: 'Ready' }] } },
      '.status.conditions[0].status is missing',
    ],
    [csrsPath, named, '.spec is missing'],
    [
      csrsPath,
      { ...csr, spec: { ...csr.spec, request: 'no base64' } },
      '.spec.request is "no base64", expected string as byte',
    ],
    [
      csrsPath,
      { ...csr, spec: { ...csr.spec, expirationSeconds: 2 ** 31 } },
      '.spec.expirationSeconds is 2147483648, expected integer as int32',
    ],
    [
      csrsPath,
      { ...csr, status: { conditions: [condition('Approved'), condition('Approved')] } },
      '.status.conditions[1] is there already, by its type',
    ],
    [apiPaths.bootstrapConfigMap, { ...named, data: { status: 1 } }, '.data.status is 1, expected string'],
    [
      clusterOperators,
      { ...named, spec: {}, status: { conditions: [{ type: 'Available', status: 'True' }] } },
      '.status.conditions[0].lastTransitionTime is missing',
    ],
    [clusterOperators, { ...named, spec: { invented: 1 } }, '.spec.invented is not published'],
    [versions, { ...named, spec: {} }, '.spec.clusterID is missing'],
    [
      etcds,
      { ...named, spec: {}, status: { conditions: [condition('X', 'true')] } },
      '.status.conditions[0].status is "true", expected one of its enum',
    ],
    [
      etcds,
      { ...named, spec: { managementState: 'managed' } },
      '.spec.managementState is "managed", expected ^(Managed|Unmanaged|Force|Removed)$',
    ],
  ]
  for (const [path, object, found] of rows) {
    t.throws(() => asKept(path, object), { name: 'SchemaViolation', message: `${path}: ${found}` }, found)
  }
  const unknown = '/apis/machine.openshift.io/v1beta1/namespaces/x/machines'
  t.throws(() => asKept(unknown, named), {
    message: `${unknown}: it is not in the documents of test/fixtures/openapi`,
  })
  t.throws(() => misfits({}, 'io.example.Nothing'), {
    message: 'io.example.Nothing is not in test/fixtures/openapi',
  })
  t.throws(() => asAnswered('/version', { gitVersion: 'v1.30.4' }), { message: /\.major is missing/ })
  t.throws(() => statusOf(403.5, 'Forbidden', 'no'), {
    message: /\.code is 403\.5, expected integer as int32/,
  })
  t.throws(() => listOf(nodes, [], { continues: 'x' }), { message: /\.metadata\.continues is not published/ })
  t.throws(() => bookmarkLine(nodes, 7 as unknown as string), { message: /\.resourceVersion is 7/ })
  t.end()
})

t.test('accepts absent optional fields, and free-form fields', (t) => {
  const field = { manager: 'kubelet', operation: 'Update', fieldsV1: { 'f:status': { 'f:any': {} } } }
  const { metadata } = nodeObject('m1', [], { managedFields: [field], uid: 'u' })
  t.match(metadata, { name: 'm1', managedFields: [field] })
  t.ok(clusterVersion(), 'availableUpdates is null in a cluster that does not look for updates')
  t.same(
    misfits({ ...clusterOperator('dns'), metadata: undefined }, 'io.openshift.config.v1.ClusterOperator'),
    [],
  )
  const extension = { anything: ['goes'] }
  t.ok(asKept(clusterOperators, { ...named, spec: {}, status: { extension } }))
  t.end()
})

t.test('objects of built-in kinds have no kind in a list, and have it elsewhere', (t) => {
  t.same(Object.keys(asListed(nodes, nodeObject('m1'))), ['metadata', 'status'])
  t.match(asListed(etcds, etcd()), { kind: 'Etcd', apiVersion: 'operator.openshift.io/v1' })
  const { kind, apiVersion, ...listed } = csr as ReturnType<typeof asKept<typeof csr>>
  t.match(asKept(`${csrsPath}/csr-a/approval`, listed), { kind, apiVersion })
  t.end()
})

t.test('every test server rejects it', async (t) => {
  const { server } = await connected(t)
  const misfit = { name: 'SchemaViolation', message: /\.note is not published/ }
  const odd = { ...nodeObject('m1'), note: 'x' }
  t.throws(() => server.put(nodes, odd), misfit)
  const cluster = memoryCluster()
  t.throws(() => cluster.set(`${nodes}/m1`, odd), misfit)
  void cluster.api.follow(
    nodes,
    { onList() {}, onEvent() {}, onOutage() {}, onReachable() {}, onRollback() {} },
    new AbortController().signal,
  )
  t.throws(() => cluster.list([odd]), misfit)
  t.throws(() => cluster.event('ADDED', odd), misfit)
  const memory = memoryApi()
  memory.objects.set(`${nodes}/m1`, odd)
  await t.rejects(memory.get(`${nodes}/m1`), misfit)
  void memory.follow(
    nodes,
    { onList() {}, onEvent() {}, onOutage() {}, onReachable() {}, onRollback() {} },
    new AbortController().signal,
  )
  t.throws(() => memory.sendList(nodes, [odd]), misfit)
  t.throws(() => memory.sendEvent(nodes, 'ADDED', odd), misfit)
})

/** Returns the object, and records which fields are read, as `status.conditions.[].type`. */
function observed<T extends object>(object: T, reads: Set<string>, path: readonly string[] = []): T {
  return new Proxy(object, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver)
      // The methods of lists are read too.
      const isOwn = typeof name === 'string' && !(Array.isArray(target) && !/^\d+$/.test(name))
      if (!isOwn) return value
      const at = [...path, Array.isArray(target) ? '[]' : name]
      reads.add(at.join('.'))
      return typeof value === 'object' && value !== null ? observed(value, reads, at) : value
    },
  })
}

t.test('src/cluster reads only published fields', (t) => {
  const declared = [{ name: 'm1', fqdn: 'm1.c1.example.net' }]
  const pending = { ...csr, status: { conditions: [condition('Other', 'True')] } }
  const states = ['Available', 'Progressing', 'Degraded', 'Failing'].map((type) => condition(type))
  const rows: [kind: string, object: object, read: (object: never) => unknown][] = [
    [
      'Node',
      nodeObject('m1', [condition('Ready', 'False')], { creationTimestamp: '2026-01-01T11:00:00Z' }),
      (node: never) => evaluateNodes(declared, [node], []),
    ],
    ['CertificateSigningRequest', pending, readCsr],
    ['CertificateSigningRequest', pending, followedKinds.signingRequests.keep],
    ['Node', nodeObject('m1', [], { creationTimestamp: '2026-01-01T11:00:00Z' }), followedKinds.nodes.keep],
    ['ConfigMap', bootstrapConfigMap('complete'), isBootstrapComplete],
    ['ClusterVersion', clusterVersion(...states), (version: never) => evaluateVersion([version], [])],
    [
      'ClusterOperator',
      clusterOperator('dns', ...states),
      (operator: never) => [
        evaluateOperators([operator], 0),
        evaluateVersion([clusterVersion(condition('Failing'))], [operator]),
      ],
    ],
  ]
  for (const [kind, object, read] of rows) {
    const { definition } = kinds.find((each) => each.kind === kind)!
    const reads = new Set<string>()
    read(observed(object, reads) as never)
    t.ok(reads.size > 3, `${kind}: ${[...reads].join(' ')}`)
    for (const path of reads) t.ok(isPublished(definition, path.split('.')), `${kind} ${path}`)
  }
  t.notOk(isPublished('io.k8s.api.core.v1.Node', ['status', 'conditions', '[]', 'since']))
  t.end()
})

t.test('the approval has the published shape, also for a request from a list', async (t) => {
  const { server, api } = await connected(t)
  server.put(csrsPath, csr)
  const { items } = await api.list<ApiObject>(csrsPath)
  t.equal(items[0]?.['kind'], undefined)
  const put = withApproval(items[0], { reason: 'DeclaredNode', message: 'it is declared' }, askedAt)
  t.same(misfits(put, 'io.k8s.api.certificates.v1.CertificateSigningRequest'), [])
  const at = '2026-01-01T12:00:00Z'
  const approval = {
    type: 'Approved',
    status: 'True',
    reason: 'DeclaredNode',
    message: 'it is declared',
    lastUpdateTime: at,
    lastTransitionTime: at,
  }
  const kept = await api.put<ApiObject>(`${csrsPath}/csr-a/approval`, put)
  t.same(kept, await api.get(`${csrsPath}/csr-a`))
  t.same(kept['status'], { conditions: [approval] })
  t.same(kept['spec'], csr.spec)
  // It changed since it was evaluated.
  await t.rejects(api.put(`${csrsPath}/csr-a/approval`, put), {
    status: 409,
    message: 'the object has been modified (409 Conflict)',
  })
})

t.test('an approval changes only conditions, and not all of them', (t) => {
  const path = `${csrsPath}/csr-a/approval`
  const old = asKept(csrsPath, {
    ...csr,
    metadata: { ...csr.metadata, resourceVersion: '1' },
    status: { certificate: 'LS0t' },
  })
  const withConditions = (...conditions: object[]) => ({ ...old, status: { conditions } })
  const meddled = {
    ...withConditions(condition('Approved')),
    spec: { ...csr.spec, username: 'system:admin' },
  }
  t.match(updated(path, old, meddled), {
    kind: 'kept',
    object: { spec: csr.spec, status: { certificate: 'LS0t', conditions: [condition('Approved')] } },
  })
  t.same(
    updated(csrsPath + '/csr-a', old, meddled),
    { kind: 'kept', object: old },
    'nor through another path',
  )
  const denied = asKept(csrsPath, { ...old, status: { conditions: [condition('Denied')] } })
  const rows: [name: string, before: ApiObject, sent: ApiObject, status: number, message: string][] = [
    [
      'not approved',
      old,
      withConditions(condition('Approved', 'False')),
      422,
      'status.conditions: Approved is "False", supported values: True',
    ],
    [
      'no status',
      old,
      withConditions(condition('Other', 'yes')),
      422,
      'status.conditions: Other is "yes", supported values: True, False, Unknown',
    ],
    [
      'denied before',
      denied,
      withConditions(condition('Denied'), condition('Approved')),
      422,
      'status.conditions: Approved and Denied are mutually exclusive',
    ],
    [
      'as if it had not been denied',
      denied,
      withConditions(condition('Approved')),
      422,
      'status.conditions: updates may not remove a condition of type "Denied"',
    ],
    [
      'recreated with the same name',
      old,
      { ...old, metadata: { ...old.metadata, uid: 'other' } },
      409,
      'Precondition failed: UID in precondition',
    ],
    [
      'changed since',
      old,
      { ...old, metadata: { ...old.metadata, resourceVersion: '0' } },
      409,
      'the object has been modified',
    ],
    [
      'another name',
      old,
      { ...old, metadata: { ...old.metadata, name: 'csr-b' } },
      400,
      'its name is not that on the URL',
    ],
  ]
  for (const [name, before, sent, status, message] of rows) {
    t.match(updated(path, before, sent), { kind: 'refused', status, message }, name)
  }
  const { resourceVersion, ...unversioned } = old.metadata
  t.match(updated(path, old, { ...meddled, metadata: unversioned }), { kind: 'kept' }, 'without a version')
  t.equal(resourceVersion, '1')
  t.throws(() => updated(`${csrsPath}/csr-a/status`, old, old), {
    message: /the tests do not implement \/status/,
  })
  t.end()
})
