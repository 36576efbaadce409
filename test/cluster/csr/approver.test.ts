import t from 'tap'
import { approverRig, csrsPath, puts } from '../../support/approver.ts'
import { askedAt, clientCsr, servingCsr } from '../../support/csr.ts'

const put = `PUT ${csrsPath}/csr-a/approval`
const minute = 60_000

t.test('a node’s two requests are approved at once, with who did it and why', async (t) => {
  const all = approverRig(t)
  const { cluster, settle, add, lines, counters, approver } = all
  add(clientCsr())
  t.same(all.reasons(), ['csr-a: it is being approved'])
  await settle()
  add(servingCsr())
  await settle(50)
  t.same(puts(all), [put, `PUT ${csrsPath}/csr-b/approval`])
  const why = 'w1.ocp45.example.net is declared, and was seen booting 60 s before it asked'
  const at = '2026-01-01T12:00:01Z'
  t.match(cluster.at(`${csrsPath}/csr-a`), {
    metadata: { uid: 'uid-of-csr-a' },
    spec: clientCsr().spec,
    status: {
      conditions: [
        {
          ...{
            type: 'Approved',
            status: 'True',
            reason: 'DeclaredNode',
            message: `slipway approved this: ${why}`,
          },
          ...{ lastUpdateTime: at, lastTransitionTime: at },
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
  t.same(all.told, [
    'ocp45/w1 kubernetes.io/kube-apiserver-client-kubelet csr-a',
    'ocp45/w1 kubernetes.io/kubelet-serving csr-b',
  ])
  t.equal(counters.get('csr.approved'), 2)
  t.same(approver.pending(), { cluster: 'ocp45', approve: 'declared', approved: 2, requests: [] })
})

t.test('what is left is said once, shown with its reason, and judged anew', async (t) => {
  const all = approverRig(t)
  const { settle, add, reasons, lines, sightings, approver, cluster } = all
  sightings.clear()
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
    left.map((each) => `certificate request left: ${each}`),
  )
  sightings.set('ocp45/w1', { from: askedAt, to: askedAt })
  approver.reconsider()
  await settle(50)
  t.same(puts(all), [put])
  cluster.remove(`${csrsPath}/csr-b`)
  t.same(reasons(), left.slice(2))
})

t.test('a dry run says what it would do, and does nothing', async (t) => {
  const all = approverRig(t, { isDryRun: true })
  all.add(clientCsr())
  await all.settle(30_000)
  await all.settle(30_000)
  t.same(all.reasons(), [
    'csr-a: only a dry run (approve: dry-run), else it would be approved: w1.ocp45.example.net is declared, and was seen booting 60 s before it asked',
  ])
  t.same(puts(all), [])
  t.equal(all.lines.length, 1)
  t.equal(all.approver.pending().approve, 'dry-run')
})

t.test('in a flood nobody is approved, and it is said; when it is over, good requests are', async (t) => {
  const all = approverRig(t)
  const { cluster, settle, add, lines, counters, reasons } = all
  const many = Array.from({ length: 102 }, (_, index) =>
    clientCsr('client', { request: 'AAAA' }, `csr-${index}`),
  )
  cluster.list(many)
  t.match(reasons(), Array(102).fill(/is not one CERTIFICATE REQUEST/))
  add(clientCsr())
  await settle(50)
  t.same(puts(all), [])
  t.match(reasons(), Array(103).fill(/too many ask at once/))
  t.equal(counters.get('csr.floods'), 1)
  t.match(
    lines.filter(({ level }) => level === 'warn'),
    [{ msg: 'too many certificate requests: none is approved', pending: 103, nodes: 2 }],
  )
  cluster.event('DELETED', many[0]!)
  await settle(50)
  t.same(puts(all), [put])
  t.equal(
    lines.some(({ msg }) => msg === 'certificate requests are judged again'),
    true,
  )
})

t.test('old requests are no flood, and the oldest make room for new ones', async (t) => {
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
  t.equal(all.reasons().length, 1102)
  all.add(clientCsr())
  await all.settle(50)
  t.same(puts(all), [put])
  t.equal(all.counters.get('csr.floods'), 0)
})

t.test('a new list is the whole truth; what is no request is counted', (t) => {
  const { cluster, reasons, counters, sightings } = approverRig(t)
  sightings.clear()
  cluster.odd.list([clientCsr(), null, {}])
  t.equal(counters.get('csr.malformed'), 2)
  t.equal(reasons().length, 1)
  cluster.list([servingCsr('not-declared'), { ...clientCsr(), status: { certificate: 'LS0t' } }])
  t.match(reasons(), [/^csr-b: /])
  const timeless = servingCsr('serving', {}, 'csr-t')
  cluster.event('ADDED', { ...timeless, metadata: { name: 'csr-t' } })
  t.match(reasons(), ['csr-t: nothing says when it was made', /^csr-b: /])
  cluster.odd.event('DELETED', {})
  t.equal(reasons().length, 2)
  cluster.list([])
  t.same(reasons(), [])
  t.end()
})

t.test('why nothing is heard is said until something is', (t) => {
  const { cluster, approver, lines, counters } = approverRig(t)
  cluster.trouble('connection refused')
  t.equal(approver.pending().trouble, 'connection refused')
  cluster.list([])
  t.equal(approver.pending().trouble, 'connection refused', 'a list is heard, and its changes still are not')
  cluster.heard()
  t.equal(approver.pending().trouble, undefined)
  t.equal(counters.get('csr.troubles'), 1)
  t.same(
    lines.map(({ msg }) => msg),
    ['cluster cannot be asked', 'cluster is heard again'],
  )
  t.end()
})

t.test('closing ends what is under way and leaves no timer', async (t) => {
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
