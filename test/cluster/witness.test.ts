import t from 'tap'
import type { NodeObject } from '../../src/cluster/objects.ts'
import { createWitness } from '../../src/cluster/witness.ts'
import { memoryInstalls } from '../support/memory-installs.ts'

const key = 'c1/w1'
const at = (minute: number) => `2026-01-01T12:${String(minute).padStart(2, '0')}:00Z`
const ms = (minute: number) => Date.parse(at(minute))

function node(status: string, minute: number, message = '', madeAt = at(0)): NodeObject {
  return {
    metadata: { name: 'w1', creationTimestamp: madeAt },
    status: { conditions: [{ type: 'Ready', status, message, lastTransitionTime: at(minute) }] },
  }
}

/** What is said of a node by one witness after the other: `undefined` stands for a restart, null for no such node. */
function said(...looks: readonly (NodeObject | null | undefined)[]): string[] {
  const installs = memoryInstalls([key])
  const make = () => createWitness({ history: (each) => installs.history(each), observe: installs.observe })
  let witness = make()
  for (const look of looks) {
    if (look === undefined) witness = make()
    else witness.look(key, look ?? undefined)
  }
  return installs.history(key).map((seen) => {
    if (seen.kind !== 'cluster') return seen.kind
    const { word, since, reason } = seen
    const minute = since === undefined ? '' : ` ${(since - ms(0)) / 60_000}`
    return `${word}${minute}${reason === undefined ? '' : ` ${reason}`}`
  })
}

const fresh = ['registered 0', 'not-ready 1 no CNI']
const cases: readonly { name: string; looks: readonly (NodeObject | null | undefined)[]; words: string[] }[] =
  [
    {
      name: 'a node that its cluster does not have is not talked of',
      looks: [null, undefined, null],
      words: [],
    },
    {
      name: 'from its registration to Ready, each transition once',
      looks: [null, node('False', 1, 'no CNI'), node('False', 1, 'no CNI'), node('True', 3), node('True', 3)],
      words: [...fresh, 'ready 3'],
    },
    {
      name: 'not again after a restart',
      looks: [node('False', 1, 'no CNI'), undefined, node('False', 1, 'no CNI'), undefined, node('True', 3)],
      words: [...fresh, 'ready 3'],
    },
    {
      name: 'another message is no transition: some have the time in them',
      looks: [node('False', 1, 'no CNI'), node('False', 1, 'PLEG was last seen active 3m ago')],
      words: fresh,
    },
    {
      name: 'a transition and back again while nobody listened is told by its time',
      looks: [node('True', 1), undefined, node('True', 9)],
      words: ['registered 0', 'ready 1', 'ready 9'],
    },
    {
      name: 'nothing is heard of it any more: Unknown is not Ready',
      looks: [node('True', 1), node('Unknown', 5, 'Kubelet stopped posting node status.')],
      words: ['registered 0', 'ready 1', 'not-ready 5 Kubelet stopped posting node status.'],
    },
    {
      name: 'removed, also while nobody listened, and registered anew',
      looks: [node('True', 1), null, null, undefined, null, node('True', 9, '', at(8))],
      words: ['registered 0', 'ready 1', 'removed', 'registered 8', 'ready 9'],
    },
    {
      name: 'another Node of the same name is another registration',
      looks: [node('True', 1), undefined, node('True', 1, '', at(8))],
      words: ['registered 0', 'ready 1', 'registered 8', 'ready 1'],
    },
    {
      name: 'a Node without times and without a word of its readiness is not Ready',
      looks: [{ metadata: { name: 'w1' } }, { metadata: { name: 'w1' } }],
      words: ['registered', 'not-ready'],
    },
  ]

for (const { name, looks, words } of cases) {
  t.test(name, (t) => {
    t.same(said(...looks), words)
    t.end()
  })
}

t.test('approvals in its history say nothing of its presence; one that is forgotten is told of anew', (t) => {
  const installs = memoryInstalls([key])
  installs.observe({ node: key, kind: 'cluster', word: 'approved-client', reason: 'csr-a' })
  installs.observe({ node: key, kind: 'cluster', word: 'approved-serving', reason: 'csr-b' })
  installs.observe({ node: key, kind: 'script', script: 'local' })
  let history = installs.history(key)
  const witness = createWitness({ history: () => history, observe: installs.observe })
  witness.look(key, node('True', 1))
  t.match(installs.history(key).slice(3), [{ word: 'registered' }, { word: 'ready' }])
  history = []
  witness.look(key, node('True', 1))
  t.equal(installs.history(key).length, 5)
  witness.forget(key)
  witness.look(key, node('True', 1))
  t.match(installs.history(key).slice(5), [{ word: 'registered' }, { word: 'ready' }])
  t.end()
})
