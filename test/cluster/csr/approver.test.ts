import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ApiProblem } from '../../../src/cluster/api.ts'
import { createApprover, type ApproverOptions } from '../../../src/cluster/csr/approver.ts'
import type { Sighting } from '../../../src/cluster/csr/policy.ts'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import { askedAt, clientCsr, csrTestNodes, servingCsr, type CsrObject } from '../../support/csr.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryCluster } from '../../support/memory-cluster.ts'

const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
const put = `PUT ${csrs}/csr-a/approval`
const node = '/api/v1/nodes/w1.ocp45.example.net'
const minute = 60_000

type Line = { readonly msg: string; readonly csr?: string; readonly reason?: string; readonly level: string }

function rig(t: Test, more: Partial<ApproverOptions> = {}) {
  const cluster = memoryCluster()
  const clock = fakeClock(askedAt + 1000)
  const counters = new Counters()
  const lines: Line[] = []
  const log = createLog('debug', { write: (line: string) => void lines.push(JSON.parse(line) as Line) })
  const sightings = new Map<string, Sighting>([
    ['ocp45/w1', { from: askedAt - minute, to: askedAt - minute }],
  ])
  const approver = createApprover({
    ...{ cluster: 'ocp45', api: cluster.api, isDryRun: false, nodes: () => csrTestNodes },
    ...{ seen: (key) => sightings.get(key), clock, log, counters, ...more },
  })
  t.teardown(() => approver.close())
  /** Lets what is under way come to its end, and time go on. */
  const settle = async (ms = 0): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await setImmediate()
    clock.advance(ms)
    for (let turn = 0; turn < 20; turn++) await setImmediate()
  }
  const add = (object: CsrObject) => cluster.set(`${csrs}/${object.metadata.name}`, object)
  const reasons = () => approver.pending().requests.map(({ name, reason }) => `${name}: ${reason}`)
  return { cluster, clock, counters, lines, sightings, approver, settle, add, reasons }
}

const puts = ({ cluster }: ReturnType<typeof rig>) =>
  cluster.requests.filter((request) => request.startsWith('PUT '))

t.test('a node’s two requests are approved at once, with who did it and why', async (t) => {
  const all = rig(t)
  const { cluster, settle, add, lines, counters, approver } = all
  add(clientCsr())
  t.same(all.reasons(), ['csr-a: it is being approved'])
  await settle()
  add(servingCsr())
  await settle(50)
  t.same(puts(all), [put, `PUT ${csrs}/csr-b/approval`])
  const why = 'w1.ocp45.example.net is declared, and was seen booting 60 s before it asked'
  const at = '2026-01-01T12:00:01Z'
  t.match(cluster.at(`${csrs}/csr-a`), {
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
  t.equal(counters.get('csr.approved'), 2)
  t.same(approver.pending(), { cluster: 'ocp45', approve: 'declared', approved: 2, requests: [] })
})

t.test('what is left is said once, shown with its reason, and judged anew', async (t) => {
  const all = rig(t)
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
  cluster.remove(`${csrs}/csr-b`)
  t.same(reasons(), left.slice(2))
})

t.test('a dry run says what it would do, and does nothing', async (t) => {
  const all = rig(t, { isDryRun: true })
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

t.test('a node that the cluster has is asked for before its request is approved', async (t) => {
  const all = rig(t)
  const { cluster, settle, add, reasons } = all
  cluster.set(node, { metadata: { name: 'w1', creationTimestamp: '2025-12-31T12:00:00Z' } }, true)
  add(clientCsr())
  await settle()
  t.same(reasons(), [
    'csr-a: the cluster has the node w1.ocp45.example.net already, and it was not installed anew since; for another machine, delete the node',
  ])
  // Without a time it is not older than an installation.
  cluster.set(node, { metadata: { name: 'w1' } }, true)
  all.sightings.set('ocp45/w1', { from: askedAt, to: askedAt, installedAt: askedAt })
  await settle(30_000)
  t.same(puts(all), [])
  cluster.remove(node)
  await settle(30_000)
  await settle(50)
  t.same(puts(all), [put])
})

t.test('a request that somebody changed meanwhile is judged as it is now', async (t) => {
  const all = rig(t)
  const { cluster, settle, add, counters, reasons } = all
  add(clientCsr())
  // Before the approval arrives, it becomes another one that the watch has not told of yet.
  cluster.set(`${csrs}/csr-a`, clientCsr('not-declared'), true)
  await settle()
  t.same(puts(all), [put])
  t.equal(counters.get('csr.conflicts'), 1)
  await settle(500)
  t.same(reasons(), ['csr-a: "w9.ocp45.example.net" is not a declared node of this cluster'])
  t.same(puts(all), [put])
})

t.test('a conflict with nothing left to decide ends there', async (t) => {
  const rows = [
    { name: 'approved by another', then: { ...clientCsr(), status: { certificate: 'LS0t' } } },
    { name: 'no request any more', then: { metadata: { name: '' } } },
  ]
  for (const { name, then } of rows) {
    const all = rig(t)
    all.add(clientCsr())
    all.cluster.set(`${csrs}/csr-a`, then, true)
    await all.settle(500)
    await all.settle(500)
    t.same(puts(all), [put], name)
    t.same(all.reasons(), [], name)
  }
})

t.test('a conflict about what is gone, or cannot be read now', async (t) => {
  const conflict = new ApiProblem(409, 'Conflict', 'changed')
  const gone = rig(t)
  gone.cluster.fail(put, conflict)
  gone.cluster.fail(`GET ${csrs}/csr-a`, new ApiProblem(404, 'NotFound', 'gone'))
  gone.add(clientCsr())
  await gone.settle(500)
  t.same(gone.reasons(), [])

  const cut = rig(t)
  cut.cluster.fail(put, conflict)
  cut.cluster.fail(`GET ${csrs}/csr-a`, new Error('connection cut'))
  cut.add(clientCsr())
  await cut.settle(500)
  t.same(puts(cut), [put, put])
})

t.test('what the cluster cannot do now is tried again, each time later, and others meanwhile', async (t) => {
  const all = rig(t)
  const { cluster, settle, add, reasons, counters } = all
  const busy = new ApiProblem(503, 'ServiceUnavailable', 'the server is starting')
  cluster.fail(put, new ApiProblem(429, 'TooManyRequests', 'later'), busy, new Error('connection cut'))
  add(clientCsr())
  await settle()
  t.same(reasons(), ['csr-a: it is to be approved, but the cluster does not let it: later'])
  add(servingCsr())
  await settle(499)
  t.same(puts(all), [put])
  await settle(1)
  await settle(1000)
  t.equal(puts(all).includes(`PUT ${csrs}/csr-b/approval`), true)
  for (let round = 0; round < 8; round++) await settle(1000)
  t.same(reasons(), [])
  t.equal(counters.get('csr.failures'), 3)
  t.equal(counters.get('csr.approved'), 2)
})

t.test('what the cluster refuses is not asked again until it is judged anew', async (t) => {
  const all = rig(t)
  all.cluster.fail(put, new ApiProblem(403, 'Forbidden', 'system:node may not'))
  all.add(clientCsr())
  await all.settle(10_000)
  t.same(puts(all), [put])
  t.same(all.reasons(), ['csr-a: it is to be approved, but the cluster does not let it: system:node may not'])
  await all.settle(20_000)
  await all.settle(50)
  t.same(puts(all), [put, put])
  t.same(all.reasons(), [])
})

t.test('one that is gone when it is approved is forgotten', async (t) => {
  const all = rig(t)
  all.cluster.event('ADDED', clientCsr())
  await all.settle(50)
  t.same(puts(all), [put])
  t.same(all.reasons(), [])
})

t.test('one that is withdrawn before its turn is not asked about', async (t) => {
  const all = rig(t)
  all.add(clientCsr())
  all.add(servingCsr())
  all.cluster.remove(`${csrs}/csr-b`)
  await all.settle(50)
  await all.settle(50)
  t.same(puts(all), [put])
})

t.test('while the cluster does not say which nodes it has, nothing is approved', async (t) => {
  const all = rig(t)
  all.cluster.fail(`GET ${node}`, new ApiProblem(500, 'InternalError', 'etcd is away'))
  all.add(clientCsr())
  await all.settle()
  t.same(puts(all), [])
  t.same(all.reasons(), ['csr-a: it is to be approved, but the cluster does not let it: etcd is away'])
  await all.settle(500)
  t.same(puts(all), [put])
})

t.test('in a flood nobody is approved, and it is said; when it is over, good requests are', async (t) => {
  const all = rig(t)
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
  cluster.event('DELETED', many[0])
  await settle(50)
  t.same(puts(all), [put])
  t.equal(
    lines.some(({ msg }) => msg === 'certificate requests are judged again'),
    true,
  )
})

t.test('old requests are no flood, and the oldest make room for new ones', async (t) => {
  const all = rig(t)
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
  const { cluster, reasons, counters, sightings } = rig(t)
  sightings.clear()
  cluster.list([clientCsr(), null, {}])
  t.equal(counters.get('csr.malformed'), 2)
  t.equal(reasons().length, 1)
  cluster.list([servingCsr('not-declared'), { ...clientCsr(), status: { certificate: 'LS0t' } }])
  t.match(reasons(), [/^csr-b: /])
  const timeless = servingCsr('serving', {}, 'csr-t')
  cluster.event('ADDED', { ...timeless, metadata: { name: 'csr-t' } })
  t.match(reasons(), ['csr-t: nothing says when it was made', /^csr-b: /])
  cluster.event('DELETED', {})
  t.equal(reasons().length, 2)
  cluster.list([])
  t.same(reasons(), [])
  t.end()
})

t.test('why nothing is heard is said until something is', (t) => {
  const { cluster, approver, lines } = rig(t)
  cluster.trouble('connection refused')
  t.equal(approver.pending().trouble, 'connection refused')
  cluster.list([])
  t.equal(approver.pending().trouble, undefined)
  t.same(
    lines.map(({ msg }) => msg),
    ['certificate requests cannot be followed', 'certificate requests are followed again'],
  )
  t.end()
})

t.test('closing ends what is under way and leaves no timer', async (t) => {
  const all = rig(t)
  all.cluster.fail(put, new Error('aborted'))
  all.add(clientCsr())
  all.approver.close()
  await all.settle()
  t.equal(all.cluster.isFollowed(), false)
  t.equal(all.clock.pending(), 0)
  t.equal(all.counters.get('csr.failures'), 0)

  const idle = rig(t)
  idle.add(clientCsr())
  idle.add(servingCsr())
  await idle.settle()
  idle.approver.close()
  await idle.settle(1000)
  t.equal(idle.clock.pending(), 0)
  t.same(puts(idle), [put])
})
