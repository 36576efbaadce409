import t from 'tap'
import { kinds, type NodeObject } from '../../../src/cluster/objects.ts'
import {
  createMemberHistory,
  memberReports,
  isMembershipKnown,
  type ClusterContact,
} from '../../../src/cluster/evaluate/members.ts'
import { memoryInstalls } from '../../support/memory-installs.ts'

const key = 'c1/w1'
const at = (minute: number) => `2026-01-01T12:${String(minute).padStart(2, '0')}:00Z`
const ms = (minute: number) => Date.parse(at(minute))

function booted(bootID: string, node: NodeObject): NodeObject {
  return { ...node, status: { ...node.status, nodeInfo: { bootID } } }
}

function node(status: string, minute: number, message = '', createdAt = at(0)): NodeObject {
  return {
    metadata: { name: 'w1', creationTimestamp: createdAt },
    status: { conditions: [{ type: 'Ready', status, message, lastTransitionTime: at(minute) }] },
  }
}

/** Returns the recorded transitions: `undefined` is a restart, null is a node that the cluster does not have. */
function recorded(...updates: readonly (NodeObject | null | undefined)[]): string[] {
  const installs = memoryInstalls([key])
  const make = () =>
    createMemberHistory({ history: (each) => installs.history(each), observe: installs.observe })
  let members = make()
  for (const update of updates) {
    if (update === undefined) members = make()
    else members.update(key, update ?? undefined)
  }
  return installs.history(key).map((seen) => {
    if (seen.kind !== 'cluster') return seen.kind
    const { word, since, reason } = seen
    const minute = since === undefined ? '' : ` ${(since - ms(0)) / 60_000}`
    return `${word}${minute}${reason === undefined ? '' : ` ${reason}`}`
  })
}

const fresh = ['registered 0', 'not-ready 1 no CNI']
const cases: readonly {
  name: string
  updates: readonly (NodeObject | null | undefined)[]
  transitions: string[]
}[] = [
  {
    name: 'records nothing of a node that the cluster does not have',
    updates: [null, undefined, null],
    transitions: [],
  },
  {
    name: 'records each transition once, from the registration to Ready',
    updates: [null, node('False', 1, 'no CNI'), node('False', 1, 'no CNI'), node('True', 3), node('True', 3)],
    transitions: [...fresh, 'ready 3'],
  },
  {
    name: 'records nothing again after a restart',
    updates: [node('False', 1, 'no CNI'), undefined, node('False', 1, 'no CNI'), undefined, node('True', 3)],
    transitions: [...fresh, 'ready 3'],
  },
  {
    name: 'a changed message is not a transition, because some messages contain a time',
    updates: [node('False', 1, 'no CNI'), node('False', 1, 'PLEG was last seen active 3m ago')],
    transitions: fresh,
  },
  {
    name: 'the time shows a transition back and forth during a restart',
    updates: [node('True', 1), undefined, node('True', 9)],
    transitions: ['registered 0', 'ready 1', 'ready 9'],
  },
  {
    name: 'Unknown is not Ready',
    updates: [node('True', 1), node('Unknown', 5, 'Kubelet stopped posting node status.')],
    transitions: ['registered 0', 'ready 1', 'not-ready 5 Kubelet stopped posting node status.'],
  },
  {
    name: 'records a removal, also during a restart, and another registration',
    updates: [node('True', 1), null, null, undefined, null, node('True', 9, '', at(8))],
    transitions: ['registered 0', 'ready 1', 'removed', 'registered 8', 'ready 9'],
  },
  {
    name: 'another Node with the same name is another registration',
    updates: [node('True', 1), undefined, node('True', 1, '', at(8))],
    transitions: ['registered 0', 'ready 1', 'registered 8', 'ready 1'],
  },
  {
    name: 'a node that restarts without becoming NotReady is ready again',
    updates: [booted('a', node('True', 1)), booted('a', node('True', 1)), booted('b', node('True', 1))],
    transitions: ['registered 0', 'ready 1', 'ready 1'],
  },
  {
    name: 'an unknown boot ID is not a restart: after a restart of slipway, or where the cluster does not report it',
    updates: [booted('a', node('True', 1)), undefined, booted('b', node('True', 1)), node('True', 1)],
    transitions: ['registered 0', 'ready 1'],
  },
  {
    name: 'a Node without times and conditions is not Ready',
    updates: [{ metadata: { name: 'w1' } }, { metadata: { name: 'w1' } }],
    transitions: ['registered', 'not-ready'],
  },
]

for (const { name, updates, transitions } of cases) {
  t.test(name, (t) => {
    t.same(recorded(...updates), transitions)
    t.end()
  })
}

t.test('of a Node, its name, times, conditions, and boot ID are kept', (t) => {
  const { metadata, status } = node('True', 1)
  const images = [{ names: ['quay.io/a'] }]
  const whole = { metadata: { ...metadata, labels: {} }, status: { ...status, images } }
  t.same(kinds.nodes.keep(whole), { metadata, status })
  const nodeInfo = { bootID: 'a', osImage: 'RHCOS' }
  t.same(kinds.nodes.keep({ ...whole, status: { ...whole.status, nodeInfo } }), booted('a', node('True', 1)))
  t.same(kinds.nodes.keep({ metadata, status: { nodeInfo: { bootID: 7 } } }), { metadata })
  t.end()
})

t.test('ignores approvals in the history; records the state of a forgotten node again', (t) => {
  const installs = memoryInstalls([key])
  installs.observe({ node: key, kind: 'cluster', word: 'approved-client', reason: 'csr-a' })
  installs.observe({ node: key, kind: 'cluster', word: 'approved-serving', reason: 'csr-b' })
  installs.observe({ node: key, kind: 'script', script: 'local' })
  let history = installs.history(key)
  const members = createMemberHistory({ history: () => history, observe: installs.observe })
  members.update(key, node('True', 1))
  t.match(installs.history(key).slice(3), [{ word: 'registered' }, { word: 'ready' }])
  history = []
  members.update(key, node('True', 1))
  t.equal(installs.history(key).length, 5)
  members.forget(key)
  members.update(key, node('True', 1))
  t.match(installs.history(key).slice(5), [{ word: 'registered' }, { word: 'ready' }])
  t.end()
})

t.test('reports the state of each member, or that it is not known', (t) => {
  const members = ['m1', 'w1'].map((name) => ({ key: `c1/${name}`, name, fqdn: `${name}.c1.example.net` }))
  t.same(memberReports(members, undefined), [
    { node: 'c1/m1', state: 'unknown' },
    { node: 'c1/w1', state: 'unknown' },
  ])
  t.same(memberReports(members, [node('False', 1, 'no CNI')]), [
    { node: 'c1/m1', state: 'absent', code: 'cluster.node-not-registered' },
    { node: 'c1/w1', state: 'not-ready', code: 'cluster.node-not-ready', since: ms(1), reason: 'no CNI' },
  ])
  t.end()
})

const contact = (change: Partial<ClusterContact>): ClusterContact => ({
  hasNodes: false,
  hasAnswered: false,
  isOut: false,
  ...change,
})

t.test('whether a cluster has a node is known after its first answer, or if it never answered', (t) => {
  const cases: [string, ClusterContact | undefined, boolean][] = [
    ['the first request is in progress', contact({}), false],
    ['a new cluster is not reachable', contact({ isOut: true }), true],
    ['a running cluster is not reachable', contact({ isOut: true, hasAnswered: true }), false],
    ['it answered', contact({ hasNodes: true, hasAnswered: true }), true],
    [
      'its nodes are known during an outage',
      contact({ hasNodes: true, hasAnswered: true, isOut: true }),
      true,
    ],
    ['no kubeconfig, or no cluster', undefined, true],
  ]
  for (const [name, known, isKnown] of cases) t.equal(isMembershipKnown(known), isKnown, name)
  t.end()
})
