import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { approverRig, csrsPath, puts } from '../../support/approver.ts'
import { askedAt, clientCsr, csrTestNodes, servingCsr } from '../../support/csr.ts'

const put = `PUT ${csrsPath}/csr-a/approval`
const minute = 60_000

t.test('approves the two requests of a node at once, and records the reason', async (t) => {
  const all = approverRig(t)
  const { cluster, settle, add, lines, counters, approver } = all
  add(clientCsr())
  t.same(all.reasons(), ['csr-a: slipway is evaluating it'])
  await settle()
  add(servingCsr())
  await settle(50)
  t.same(puts(all), [put, `PUT ${csrsPath}/csr-b/approval`])
  const why = 'w1.ocp45.example.net is declared, and was seen booting 60 s before the request'
  const at = '2026-01-01T12:00:01Z'
  t.match(cluster.at(`${csrsPath}/csr-a`), {
    metadata: { uid: 'uid-of-csr-a' },
    spec: clientCsr().spec,
    status: {
      conditions: [
        {
          type: 'Approved',
          status: 'True',
          reason: 'DeclaredNode',
          message: `approved by slipway: ${why}`,
          lastUpdateTime: at,
          lastTransitionTime: at,
        },
      ],
    },
  })
  t.match(
    lines.filter(({ msg }) => msg === 'certificate request approved'),
    [
      { cluster: 'ocp45', node: 'ocp45/w1', csr: 'csr-a', reason: why },
      { cluster: 'ocp45', node: 'ocp45/w1', csr: 'csr-b' },
    ],
  )
  t.same(all.approvals, [
    'ocp45/w1 kubernetes.io/kube-apiserver-client-kubelet csr-a',
    'ocp45/w1 kubernetes.io/kubelet-serving csr-b',
  ])
  t.equal(counters.get('csr.approved'), 2)
  t.same(approver.pending(), { cluster: 'ocp45', approve: 'declared', approved: 2, requests: [] })
})

t.test('logs a pending request once, shows its reason, and evaluates it again', async (t) => {
  const all = approverRig(t)
  const { settle, add, reasons, lines, boots, approver, cluster } = all
  boots.clear()
  add(clientCsr())
  add(servingCsr('other-address'))
  add(clientCsr('client', { signerName: 'example.net/other' }, 'csr-c'))
  await settle(30_000)
  await settle(30_000)
  const left = [
    'csr-a: ocp45/w1 was not seen booting',
    'csr-b: the address 192.0.2.11 is not declared for ocp45/w1',
    'csr-c: its signer is "example.net/other", which is not for kubelets',
  ]
  t.same(reasons(), left)
  t.same(
    lines.map(({ msg, csr, reason }) => `${msg}: ${csr}: ${reason}`),
    left.map((each) => `certificate request pending: ${each}`),
  )
  boots.set('ocp45/w1', { from: askedAt, to: askedAt })
  approver.reconsider()
  await settle(50)
  t.same(puts(all), [put])
  cluster.remove(`${csrsPath}/csr-b`)
  t.same(reasons(), left.slice(2))
})

t.test('does not log the renewal of a client certificate, which the cluster approves itself', async (t) => {
  const all = approverRig(t)
  all.add(clientCsr('client', { username: 'system:node:w1.ocp45.example.net' }))
  await all.settle()
  t.match(all.reasons(), [/^csr-a: its requester is "system:node:w1\.ocp45\.example\.net"/])
  t.same([all.lines, all.counters.get('csr.left')], [[], 0])
})

t.test('a dry run reports what it would approve, and approves nothing', async (t) => {
  const all = approverRig(t, { isDryRun: true })
  all.add(clientCsr())
  await all.settle(30_000)
  await all.settle(30_000)
  t.same(all.reasons(), [
    'csr-a: dry run (approve: dry-run); the policy would approve it: w1.ocp45.example.net is declared, and was seen booting 60 s before the request',
  ])
  t.same(puts(all), [])
  t.equal(all.lines.length, 1)
  t.equal(all.approver.pending().approve, 'dry-run')
})

t.test('approves nothing during a flood, logs it, and approves good requests afterwards', async (t) => {
  const all = approverRig(t)
  const { cluster, settle, add, lines, counters, reasons } = all
  const many = Array.from({ length: 102 }, (_, index) =>
    clientCsr('client', { request: 'AAAA' }, `csr-${index}`),
  )
  cluster.list(many)
  t.match(reasons(), Array(102).fill(/is not exactly one CERTIFICATE REQUEST/))
  add(clientCsr())
  await settle(50)
  t.same(puts(all), [])
  t.match(reasons(), Array(103).fill(/too many requests at once/))
  t.equal(counters.get('csr.floods'), 1)
  t.match(
    lines.filter(({ level }) => level === 'warn'),
    [{ msg: 'too many certificate requests, approving none', pending: 103, nodes: 2 }],
  )
  cluster.event('DELETED', many[0]!)
  await settle(50)
  t.same(puts(all), [put])
  t.equal(
    lines.some(({ msg }) => msg === 'certificate request evaluation resumed'),
    true,
  )
})

t.test('old requests are not a flood, and new ones displace the oldest', async (t) => {
  const all = approverRig(t)
  const old = new Date(askedAt - 2 * 60 * minute).toISOString()
  const many = Array.from({ length: 1100 }, (_, index) => {
    const object = clientCsr('client', { request: 'AAAA' }, `csr-${index}`)
    return { ...object, metadata: { ...object.metadata, creationTimestamp: old } }
  })
  const others = Array.from({ length: 150 }, (_, index) =>
    clientCsr('client', { signerName: 'x' }, `other-${index}`),
  )
  all.cluster.list([...many, ...others])
  t.equal(all.reasons().length, 1250)
  t.match(all.reasons()[0], /^csr-0: not evaluated: too many newer requests$/)
  all.add(clientCsr())
  await all.settle(50)
  t.same(puts(all), [put])
  t.equal(all.counters.get('csr.floods'), 0)
})

t.test('a new list replaces all requests; counts objects that are not requests', async (t) => {
  const { cluster, reasons, counters, boots, settle } = approverRig(t)
  boots.clear()
  cluster.unchecked.list([clientCsr(), {}, { metadata: {} }])
  t.equal(counters.get('csr.malformed'), 2)
  t.equal(reasons().length, 1)
  cluster.list([servingCsr('not-declared'), { ...clientCsr(), status: { certificate: 'LS0t' } }])
  await settle()
  t.match(reasons(), [/^csr-b: /])
  const timeless = servingCsr('serving', {}, 'csr-t')
  cluster.event('ADDED', { ...timeless, metadata: { name: 'csr-t' } })
  await settle()
  t.match(reasons(), ['csr-t: it has no creation time', /^csr-b: /])
  cluster.unchecked.event('DELETED', {})
  t.equal(reasons().length, 2)
  cluster.list([])
  t.same(reasons(), [])
})

t.test('evaluates many requests in slices of 10 ms, and serves others in between', async (t) => {
  const all = approverRig(t, {
    known: () => ({
      nodes: csrTestNodes,
      bootEvidence() {
        all.clock.advance(1)
        perTurn[turns] = (perTurn[turns] ?? 0) + 1
        return undefined
      },
    }),
  })
  const perTurn: number[] = []
  let turns = 0
  all.cluster.list(Array.from({ length: 95 }, (_, index) => clientCsr('client', {}, `csr-${index}`)))
  for (turns = 1; turns < 30; turns++) await setImmediate()
  t.same(
    perTurn.filter((count) => count > 0),
    [...Array<number>(9).fill(10), 5],
  )
  t.match(all.reasons(), Array(95).fill(/w1 was not seen booting$/))
})

t.test('stops between two slices when it is closed', async (t) => {
  let evaluated = 0
  const all = approverRig(t, {
    known: () => ({
      nodes: csrTestNodes,
      bootEvidence: () => (evaluated++, all.clock.advance(1), undefined),
    }),
  })
  all.cluster.list(Array.from({ length: 95 }, (_, index) => clientCsr('client', {}, `csr-${index}`)))
  all.approver.close()
  await all.settle()
  t.equal(evaluated, 10)
})

t.test('logs a burst of requests with one line and a count, and every surface counts the same', async (t) => {
  const all = approverRig(t)
  const { lines, counters, approver } = all
  const many = Array.from({ length: 60 }, (_, index) =>
    clientCsr('client', index < 20 ? { request: 'AAAA' } : { username: 'x' }, `csr-${index}`),
  )
  for (const each of many) all.add(each)
  await all.settle(1000)
  t.match(lines, [
    {
      msg: 'certificate requests pending',
      cluster: 'ocp45',
      count: 60,
      codes: { 'csr.malformed': 20, 'csr.other-requester': 40 },
    },
  ])
  t.same(counters.refusals(), { 'csr.malformed': 20, 'csr.other-requester': 40 })
  t.equal(approver.pending().requests.length, 60)
  all.add(clientCsr('client', { username: 'y' }, 'csr-y'))
  await all.settle(29_000)
  t.equal(lines.length, 1, 'a burst can continue')
  await all.settle(1000)
  t.match(lines.slice(1), [{ msg: 'certificate request pending', csr: 'csr-y', code: 'csr.other-requester' }])
  all.add(clientCsr('client', { username: 'z' }, 'csr-z'))
  await all.settle()
  approver.close()
  t.match(lines.slice(2), [{ csr: 'csr-z' }], 'closing logs the rest')
})

t.test('a flood of 2,000 requests gives three lines at most', async (t) => {
  const all = approverRig(t)
  for (let index = 0; index < 2000; index++) {
    all.add(clientCsr('client', { username: 'x' }, `csr-${index}`))
    if (index % 50 === 0) await all.settle(10)
  }
  await all.settle(30_000)
  t.equal(all.approver.pending().requests.length, 2000)
  t.ok(all.lines.length <= 3, String(all.lines.length))
  t.match(
    all.lines.filter(({ level }) => level === 'warn'),
    [{ code: 'csr.flood' }],
  )
})

t.test('reports an outage until the cluster is reachable', (t) => {
  const { cluster, approver, lines, counters } = approverRig(t)
  cluster.outage('connection refused')
  t.equal(approver.pending().trouble, 'connection refused')
  cluster.list([])
  t.equal(approver.pending().trouble, 'connection refused', 'a list alone does not end it')
  cluster.reachable()
  t.equal(approver.pending().trouble, undefined)
  t.equal(counters.get('csr.troubles'), 1)
  t.same(
    lines.map(({ msg }) => msg),
    ['cluster API unreachable', 'cluster API reachable again'],
  )
  t.end()
})

t.test('closing ends pending approvals and leaves no timer', async (t) => {
  const all = approverRig(t)
  all.cluster.fail(put, new Error('aborted'))
  all.add(clientCsr())
  all.approver.close()
  await all.settle()
  t.equal(all.cluster.isFollowed(), false)
  t.equal(all.clock.pending(), 0)
  t.equal(all.counters.get('csr.failures'), 0)

  const idle = approverRig(t)
  idle.add(clientCsr())
  idle.add(servingCsr())
  await idle.settle()
  idle.approver.close()
  await idle.settle(1000)
  t.equal(idle.clock.pending(), 0)
  t.same(puts(idle), [put])
})
