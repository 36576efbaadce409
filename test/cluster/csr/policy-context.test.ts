import t from 'tap'
import { readCsr } from '../../../src/cluster/objects.ts'
import { csrNodes, type BootEvidence } from '../../../src/cluster/csr/boot-evidence.ts'
import { evaluateCsr, isFlood, type PolicyContext } from '../../../src/cluster/csr/policy.ts'
import { condition } from '../../support/cluster-objects.ts'
import { askedAt, clientCsr, decisionOn } from '../../support/csr.ts'
import { exampleModel } from '../../support/model.ts'

const minute = 60_000
const hour = 60 * minute

const seenBefore = 'approve: w1.ocp45.example.net is declared, and was seen booting 4 min before the request'

t.test(
  'approves a client request from 10 s before the boot until 2 h after the node was last seen booting',
  (t) => {
    const seenAt = (from: number, to = from): Partial<PolicyContext> => ({
      bootEvidence: (node: string) =>
        node === 'ocp45/w1' ? { from: askedAt + from, to: askedAt + to } : undefined,
    })
    const booted = 'approve: w1.ocp45.example.net is declared, and was seen booting'
    const rows: readonly (readonly [name: string, more: Partial<PolicyContext>, is: string])[] = [
      ['never', { bootEvidence: () => undefined }, 'pending: ocp45/w1 was not seen booting'],
      ['2 h', seenAt(-2 * hour), `${booted} 120 min before the request`.replace('120 min', '2 h')],
      [
        'longer ago',
        seenAt(-2 * hour - 1),
        'pending: ocp45/w1 was last seen booting 2 h before the request, expected at most 2 h',
      ],
      ['a slow installation', seenAt(-4 * hour, -hour), `${booted} 60 min before the request`],
      [
        'a boot after the request, in the same installation',
        seenAt(-hour, minute),
        `${booted} at the time of the request`,
      ],
      ['clocks that differ', seenAt(10_000), `${booted} at the time of the request`],
      ['later', seenAt(10_001), 'pending: the request is 10 s older than the boot of ocp45/w1'],
    ]
    for (const [name, more, is] of rows) t.equal(decisionOn(clientCsr(), more), is, name)
    t.end()
  },
)

t.test('leaves a request with an implausible creation time pending', (t) => {
  const at = (ms: number, creationTimestamp?: string): string => {
    const object = clientCsr()
    const metadata = { ...object.metadata, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) }
    return decisionOn({ ...object, metadata }, { now: askedAt + ms })
  }
  t.equal(at(24 * hour), seenBefore)
  t.equal(at(24 * hour + 1), 'pending: it is more than one day old')
  t.equal(at(-10_000), seenBefore)
  t.equal(at(-10_001), 'pending: its creation time is in the future; synchronize the clocks (NTP)')
  t.equal(at(0, 'yesterday'), 'pending: it has no creation time')
  t.end()
})

t.test('a node of the cluster gets a second identity only after a reinstallation', (t) => {
  const existing = (createdAt: number, boot: Partial<BootEvidence> = {}, name = 'w1.ocp45.example.net') =>
    decisionOn(clientCsr(), {
      existingNodes: new Map([[name, createdAt]]),
      bootEvidence: () => ({ from: askedAt - hour, to: askedAt - minute, ...boot }),
    })
  const has = (name: string) =>
    `pending: the cluster already has the node ${name}, and it has not been reinstalled since; to replace the machine, delete the node`
  const installedAt = askedAt - hour
  t.equal(existing(askedAt - 24 * hour), has('w1.ocp45.example.net'))
  t.equal(existing(askedAt - 24 * hour, {}, 'w1'), has('w1'))
  t.equal(existing(installedAt, { installedAt }), has('w1.ocp45.example.net'))
  t.equal(existing(Infinity, { installedAt }), has('w1.ocp45.example.net'))
  // Kubernetes cuts creation times to seconds, and clocks can differ.
  t.equal(existing(installedAt - 10_000, { installedAt }), has('w1.ocp45.example.net'))
  t.equal(
    existing(installedAt - 10_001, { installedAt }),
    'approve: w1.ocp45.example.net is declared, and was seen booting 60 s before the request, after a reinstallation',
  )
  // The name of another node does not matter.
  t.match(existing(askedAt, {}, 'm1'), /^approve/)
  t.end()
})

t.test('ignores a request that was already decided', (t) => {
  const status = (more: Record<string, unknown>) => decisionOn({ ...clientCsr(), status: more })
  const decided = 'pending: it is already decided'
  for (const type of ['Approved', 'Denied', 'Failed'])
    t.equal(status({ conditions: [condition(type)] }), decided, type)
  t.equal(status({ certificate: 'LS0t' }), decided)
  t.equal(status({ conditions: [{ type: 'Other' }, 7, null] }), seenBefore)
  t.equal(status({ conditions: 'none' }), seenBefore)
  t.end()
})

t.test('an object without a name is not a request', (t) => {
  for (const object of [undefined, null, 7, 'x', [], {}, { metadata: { name: '' } }]) {
    t.equal(readCsr(object), undefined)
  }
  t.equal(decisionOn({ metadata: { name: 'a' } }), 'pending: its signer is "", which is not for kubelets')
  t.end()
})

t.test('cuts untrusted text', (t) => {
  const long = clientCsr('client', { username: 'x'.repeat(5000) })
  t.equal(
    decisionOn(long),
    `pending: its requester is "${'x'.repeat(120)}…", expected the machine config operator's node-bootstrapper`,
  )
  t.end()
})

t.test('decodes a request once, however often it is evaluated', (t) => {
  let reads = 0
  const csr = readCsr(clientCsr())!
  const counted = {
    ...csr,
    get request() {
      reads++
      return csr.request
    },
  }
  const context = { nodes: [], bootEvidence: () => undefined, now: askedAt, existingNodes: new Map() }
  for (let count = 0; count < 3; count++) t.equal(evaluateCsr(counted, context).kind, 'pending')
  t.equal(reads, 1)
  t.end()
})

t.test('more than one request for each node and 100 are a flood', (t) => {
  t.equal(isFlood(107, 7), false)
  t.equal(isFlood(108, 7), true)
  t.end()
})

t.test('all nodes of a cluster join it, except its bootstrap', (t) => {
  const { nodes } = exampleModel()
  t.same(
    csrNodes(nodes, 'ocp45').map(({ key, names }) => [key, ...names]),
    [
      ['ocp45/m1', 'm1.ocp45.example.net', 'm1'],
      ['ocp45/w1', 'w1.ocp45.example.net', 'w1'],
      ['ocp45/i1', 'i1.ocp45.example.net', 'i1'],
    ],
  )
  t.same(csrNodes(nodes, 'other'), [])
  t.end()
})
