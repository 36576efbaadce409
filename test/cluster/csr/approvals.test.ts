import t from 'tap'
import { ApiProblem } from '../../../src/cluster/connection/errors.ts'
import { approverRig, csrsPath, puts } from '../../support/approver.ts'
import { nodeObject } from '../../support/cluster-objects.ts'
import { askedAt, clientCsr, servingCsr } from '../../support/csr.ts'

const put = `PUT ${csrsPath}/csr-a/approval`
const w1 = 'w1.ocp45.example.net'
const node = `/api/v1/nodes/${w1}`

t.test('reads the node from the cluster before it approves a request', async (t) => {
  const all = approverRig(t)
  const { cluster, settle, add, reasons } = all
  cluster.set(node, nodeObject(w1, [], { creationTimestamp: '2025-12-31T12:00:00Z' }), true)
  add(clientCsr())
  await settle()
  t.same(reasons(), [
    'csr-a: the cluster already has the node w1.ocp45.example.net, and it has not been reinstalled since; to replace the machine, delete the node',
  ])
  // Without a time, it does not count as older than the installation.
  cluster.set(node, nodeObject(w1), true)
  all.boots.set('ocp45/w1', { from: askedAt, to: askedAt, installedAt: askedAt })
  await settle(30_000)
  t.same(puts(all), [])
  cluster.remove(node)
  await settle(30_000)
  await settle(50)
  t.same(puts(all), [put])
})

t.test('evaluates a request again that another client changed', async (t) => {
  const all = approverRig(t)
  const { cluster, settle, add, counters, reasons } = all
  add(clientCsr())
  // The request changes before the approval, and the watch has not reported it yet.
  cluster.set(`${csrsPath}/csr-a`, clientCsr('not-declared'), true)
  await settle()
  t.same(puts(all), [put])
  t.equal(counters.get('csr.conflicts'), 1)
  await settle(500)
  t.same(reasons(), ['csr-a: "w9.ocp45.example.net" is not a declared node of this cluster'])
  t.same(puts(all), [put])
})

t.test('a conflict ends when no decision is left to make', async (t) => {
  const rows = [
    { name: 'approved by another', then: { ...clientCsr(), status: { certificate: 'LS0t' } } },
    { name: 'no longer a request', then: { metadata: { name: '' } } },
  ]
  for (const { name, then } of rows) {
    const all = approverRig(t)
    all.add(clientCsr())
    all.cluster.fail(put, new ApiProblem(409, 'Conflict', 'changed'))
    all.cluster.unchecked.set(`${csrsPath}/csr-a`, then)
    await all.settle(500)
    await all.settle(500)
    t.same(puts(all), [put], name)
    t.same(all.reasons(), [], name)
  }
})

t.test('a conflict ends when the request was deleted, or cannot be read', async (t) => {
  const conflict = new ApiProblem(409, 'Conflict', 'changed')
  const gone = approverRig(t)
  gone.cluster.fail(put, conflict)
  gone.cluster.fail(`GET ${csrsPath}/csr-a`, new ApiProblem(404, 'NotFound', 'gone'))
  gone.add(clientCsr())
  await gone.settle(500)
  t.same(gone.reasons(), [])

  const cut = approverRig(t)
  cut.cluster.fail(put, conflict)
  cut.cluster.fail(`GET ${csrsPath}/csr-a`, new Error('connection cut'))
  cut.add(clientCsr())
  await cut.settle(500)
  t.same(puts(cut), [put, put])
})

t.test(
  'repeats an approval that fails temporarily, with growing delays, and approves others in between',
  async (t) => {
    const all = approverRig(t)
    const { cluster, settle, add, reasons, counters } = all
    const busy = new ApiProblem(503, 'ServiceUnavailable', 'the server is starting')
    cluster.fail(put, new ApiProblem(429, 'TooManyRequests', 'later'), busy, new Error('connection cut'))
    add(clientCsr())
    await settle()
    t.same(reasons(), ['csr-a: the policy approves it, but the approval failed: later'])
    add(servingCsr())
    await settle(499)
    t.same(puts(all), [put])
    await settle(1)
    await settle(1000)
    t.equal(puts(all).includes(`PUT ${csrsPath}/csr-b/approval`), true)
    for (let round = 0; round < 8; round++) await settle(1000)
    t.same(reasons(), [])
    t.equal(counters.get('csr.failures'), 3)
    t.equal(counters.get('csr.approved'), 2)
  },
)

t.test('does not repeat a refused approval until the request is evaluated again', async (t) => {
  const all = approverRig(t)
  all.cluster.fail(put, new ApiProblem(403, 'Forbidden', 'system:node may not'))
  all.add(clientCsr())
  await all.settle(10_000)
  t.same(puts(all), [put])
  t.same(all.reasons(), ['csr-a: the policy approves it, but the approval failed: system:node may not'])
  await all.settle(20_000)
  await all.settle(50)
  t.same(puts(all), [put, put])
  t.same(all.reasons(), [])
})

t.test('forgets a request that was deleted before its approval', async (t) => {
  const all = approverRig(t)
  all.cluster.event('ADDED', clientCsr())
  await all.settle(50)
  t.same(puts(all), [put])
  t.same(all.reasons(), [])
})

t.test('does not approve a request that was deleted before its turn', async (t) => {
  const all = approverRig(t)
  all.add(clientCsr())
  all.add(servingCsr())
  all.cluster.remove(`${csrsPath}/csr-b`)
  await all.settle(50)
  await all.settle(50)
  t.same(puts(all), [put])
})

t.test('approves nothing while the cluster does not return its nodes', async (t) => {
  const all = approverRig(t)
  all.cluster.fail(`GET ${node}`, new ApiProblem(500, 'InternalError', 'etcd is away'))
  all.add(clientCsr())
  await all.settle()
  t.same(puts(all), [])
  t.same(all.reasons(), ['csr-a: the policy approves it, but the approval failed: etcd is away'])
  await all.settle(500)
  t.same(puts(all), [put])
})

t.test('approves for an administrator what the policy leaves pending', async (t) => {
  const all = approverRig(t)
  const { cluster, settle, add, counters, lines, approver } = all
  add(clientCsr('not-declared'))
  await settle()
  const pending = '"w9.ocp45.example.net" is not a declared node of this cluster'
  const approving = approver.approveFor('token:anna', 'csr-a')
  await settle()
  t.same(await approving, { kind: 'approved', pending })
  t.same(puts(all), [put])
  t.match(cluster.at(`${csrsPath}/csr-a`), {
    status: {
      conditions: [
        {
          type: 'Approved',
          reason: 'ApprovedByAdministrator',
          message: 'approved by token:anna with slipway',
        },
      ],
    },
  })
  t.equal(counters.get('csr.approved'), 1)
  t.match(lines.at(-1), { csr: 'csr-a', user: 'token:anna', msg: /by an administrator$/ })
  t.equal(await approver.approveFor('token:anna', 'csr-a'), undefined, 'no longer pending')
})

t.test('an administrator approves in a dry run too, but no certificates of others', async (t) => {
  const all = approverRig(t, { isDryRun: true })
  const { settle, add, approver } = all
  add(clientCsr())
  add(servingCsr('serving', { signerName: 'kubernetes.io/kube-apiserver-client' }))
  await settle()
  t.match(await approver.approveFor('local', 'csr-a'), { kind: 'approved', pending: /^dry run/ })
  t.match(await approver.approveFor('local', 'csr-b'), {
    kind: 'refused',
    code: 'csr.other-signer',
    reason:
      'slipway approves only certificates of kubelets, not of kubernetes.io/kube-apiserver-client: run oc adm certificate approve csr-b',
  })
  t.same(puts(all), [put])
})

t.test('an approval for an administrator that fails has the reason', async (t) => {
  const rows = [
    {
      error: new ApiProblem(403, 'Forbidden', 'not permitted'),
      reason: /^the approval of csr-a failed: not permitted/,
    },
    { error: new ApiProblem(409, 'Conflict', 'changed'), reason: /changed$/ },
  ]
  for (const { error, reason } of rows) {
    const all = approverRig(t)
    all.add(clientCsr('not-declared'))
    await all.settle()
    all.cluster.fail(put, error)
    const refused = { kind: 'refused', code: 'csr.approval-failed', reason }
    t.match(await all.approver.approveFor('local', 'csr-a'), refused)
  }
  const all = approverRig(t)
  all.add(clientCsr('not-declared'))
  await all.settle()
  all.cluster.fail(put, new ApiProblem(404, 'NotFound', 'gone'))
  t.equal(await all.approver.approveFor('local', 'csr-a'), undefined)
  t.same(all.reasons(), [])
})
