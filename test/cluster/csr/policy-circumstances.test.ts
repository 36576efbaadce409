import t from 'tap'
import { readCsr } from '../../../src/cluster/csr/object.ts'
import { csrNodes, isFlood, type Circumstances, type Sighting } from '../../../src/cluster/csr/policy.ts'
import { condition } from '../../support/cluster-objects.ts'
import { askedAt, clientCsr, verdict } from '../../support/csr.ts'
import { exampleModel } from '../../support/model.ts'

const minute = 60_000
const hour = 60 * minute

const seenBefore = 'approve: w1.ocp45.example.net is declared, and was seen booting 4 min before it asked'

t.test(
  'a first request is approved from 10 s before the node’s boot until 2 h after it was last seen booting',
  (t) => {
    const seenAt = (from: number, to = from): Partial<Circumstances> => ({
      seen: (node) => (node === 'ocp45/w1' ? { from: askedAt + from, to: askedAt + to } : undefined),
    })
    const booted = 'approve: w1.ocp45.example.net is declared, and was seen booting'
    const rows: readonly (readonly [name: string, more: Partial<Circumstances>, is: string])[] = [
      ['never', { seen: () => undefined }, 'leave: ocp45/w1 was not seen booting'],
      ['2 h', seenAt(-2 * hour), `${booted} 120 min before it asked`.replace('120 min', '2 h')],
      [
        'longer ago',
        seenAt(-2 * hour - 1),
        'leave: ocp45/w1 was last seen booting 2 h before it asked, expected 2 h at most',
      ],
      ['a slow installation', seenAt(-4 * hour, -hour), `${booted} 60 min before it asked`],
      [
        'a boot after it began to ask, in the same installation',
        seenAt(-hour, minute),
        `${booted} when it asked`,
      ],
      ['clocks that differ', seenAt(10_000), `${booted} when it asked`],
      ['later', seenAt(10_001), 'leave: ocp45/w1 was seen booting only 10 s after it asked'],
    ]
    for (const [name, more, is] of rows) t.equal(verdict(clientCsr(), more), is, name)
    t.end()
  },
)

t.test('a request of a time that cannot be is left', (t) => {
  const at = (ms: number, creationTimestamp?: string): string => {
    const object = clientCsr()
    const metadata = { ...object.metadata, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) }
    return verdict({ ...object, metadata }, { now: askedAt + ms })
  }
  t.equal(at(24 * hour), seenBefore)
  t.equal(at(24 * hour + 1), 'leave: it was made more than a day ago')
  t.equal(at(-10_000), seenBefore)
  t.equal(at(-10_001), 'leave: it is of a time that has not come yet; set the clocks right (NTP)')
  t.equal(at(0, 'yesterday'), 'leave: nothing says when it was made')
  t.end()
})

t.test(
  'a node that the cluster has already gets no second identity, unless it was installed anew since',
  (t) => {
    const existing = (madeAt: number, sighting: Partial<Sighting> = {}, name = 'w1.ocp45.example.net') =>
      verdict(clientCsr(), {
        existingNodes: new Map([[name, madeAt]]),
        seen: () => ({ from: askedAt - hour, to: askedAt - minute, ...sighting }),
      })
    const has = (name: string) =>
      `leave: the cluster has the node ${name} already, and it was not installed anew since; for another machine, delete the node`
    const installedAt = askedAt - hour
    t.equal(existing(askedAt - 24 * hour), has('w1.ocp45.example.net'))
    t.equal(existing(askedAt - 24 * hour, {}, 'w1'), has('w1'))
    t.equal(existing(installedAt, { installedAt }), has('w1.ocp45.example.net'))
    t.equal(existing(Infinity, { installedAt }), has('w1.ocp45.example.net'))
    t.equal(
      existing(installedAt - 1, { installedAt }),
      'approve: w1.ocp45.example.net is declared, and was seen booting 60 s before it asked, installed anew',
    )
    // Another node's name is no obstacle.
    t.match(existing(askedAt, {}, 'm1'), /^approve/)
    t.end()
  },
)

t.test('what is decided already is left alone', (t) => {
  const status = (more: Record<string, unknown>) => verdict({ ...clientCsr(), status: more })
  const decided = 'leave: it is decided already'
  for (const type of ['Approved', 'Denied', 'Failed'])
    t.equal(status({ conditions: [condition(type)] }), decided, type)
  t.equal(status({ certificate: 'LS0t' }), decided)
  t.equal(status({ conditions: [{ type: 'Other' }, 7, null] }), seenBefore)
  t.equal(status({ conditions: 'none' }), seenBefore)
  t.end()
})

t.test('what has no name is no request', (t) => {
  for (const object of [undefined, null, 7, 'x', [], {}, { metadata: { name: '' } }]) {
    t.equal(readCsr(object), undefined)
  }
  t.equal(verdict({ metadata: { name: 'a' } }), 'leave: its signer is "", which is not for kubelets')
  t.end()
})

t.test('a stranger’s text is cut', (t) => {
  const long = clientCsr('client', { username: 'x'.repeat(5000) })
  t.equal(
    verdict(long),
    `leave: "${'x'.repeat(120)}…" asks for it, expected the machine config operator's node-bootstrapper`,
  )
  t.end()
})

t.test('more than one request for each node and a hundred are a flood', (t) => {
  t.equal(isFlood(107, 7), false)
  t.equal(isFlood(108, 7), true)
  t.end()
})

t.test('all nodes of a cluster may ask, but its bootstrap', (t) => {
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
