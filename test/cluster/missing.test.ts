import fc from 'fast-check'
import t from 'tap'
import { judgeNodes, judgeOperators, judgeVersion } from '../../src/cluster/missing.ts'
import type { Condition, Conditioned } from '../../src/cluster/objects.ts'
import {
  clusterOperator,
  clusterVersion,
  condition,
  nodeObject,
  signingRequest,
} from '../support/cluster-objects.ts'

const is = (type: string, status = 'True', message = ''): Condition => condition(type, status, { message })
/** What no API server sends, which may come all the same. */
const bare = (name: string, conditions: readonly Condition[] = []): Conditioned => ({
  metadata: { name },
  status: { conditions },
})

t.test('nodes: by full name or first label, Ready, with the requests that wait', (t) => {
  const wanted = ['m1', 'w1', 'w2'].map((name) => ({ name, fqdn: `${name}.c1.example.net` }))
  const nodes = [
    nodeObject('m1.c1.example.net', [is('Ready')]),
    nodeObject('w1', [is('Ready', 'False', 'no CNI\u001b[2J configuration\nfile')]),
  ]
  const requests = [
    signingRequest('csr-1', [is('Approved')]),
    signingRequest('csr-2'),
    signingRequest('csr-3', [], 'system:node:w1'),
    signingRequest('csr-4', [is('Denied')]),
    { metadata: { name: 'csr-5' } },
  ]
  t.same(judgeNodes(wanted, nodes, requests), {
    isDone: false,
    missing: [
      'w1: not Ready: no CNI [2J configuration file',
      'w2: has not registered',
      'certificate requests that wait for approval: csr-2, csr-3 of w1, csr-5',
    ],
  })
  t.same(judgeNodes(wanted.slice(0, 1), nodes, requests), { isDone: true, missing: [] })
  t.same(judgeNodes(wanted.slice(2), [nodeObject('w2')], []).missing, ['w2: not Ready'])
  t.same(
    judgeNodes(wanted.slice(2), [bare('w2', [{ type: 'Ready', reason: 'KubeletStopped' }])], []).missing,
    ['w2: not Ready: KubeletStopped'],
  )
  t.end()
})

t.test('version: Available, neither Failing nor Progressing; what it says and which operators lack', (t) => {
  const working = 'Working towards 4.17.3: 640 of 901 done (71% complete)'
  const names = Array.from({ length: 10 }, (_, index) => `operator-${index}`)
  const cases: [name: string, versions: readonly Conditioned[], operators: readonly Conditioned[], object][] =
    [
      [
        'none',
        [{ ...clusterVersion(), metadata: { name: 'other' } }],
        [],
        { isDone: false, missing: ['there is no ClusterVersion yet'] },
      ],
      [
        'progressing',
        [clusterVersion(is('Available', 'False'), is('Progressing', 'True', working))],
        [clusterOperator('dns', is('Available')), ...names.map((name) => clusterOperator(name))],
        {
          isDone: false,
          missing: [working, `operators not available: ${names.slice(0, 8).join(', ')} and 2 more`],
        },
      ],
      [
        'failing, although it is available',
        [clusterVersion(is('Available'), is('Failing', 'True', 'x'.repeat(200)), is('Progressing', 'False'))],
        [clusterOperator('console', is('Available'), is('Degraded', 'True', 'no route'))],
        { isDone: false, missing: [`${'x'.repeat(160)}…`, 'console is degraded: no route'] },
      ],
      [
        'done',
        [clusterVersion(is('Available'), is('Failing', 'False'), is('Progressing', 'False'))],
        [clusterOperator('console', is('Degraded'))],
        { isDone: true, missing: [] },
      ],
      ['no word of Failing yet', [clusterVersion(is('Available'))], [], { isDone: false, missing: [] }],
    ]
  for (const [name, versions, operators, expected] of cases) {
    t.same(judgeVersion(versions, operators), expected, name)
  }
  t.end()
})

t.test('operators: settled for half a minute, all of them, and there are some', (t) => {
  const now = Date.UTC(2026, 0, 1, 12)
  const since = (seconds: number) => new Date(now - seconds * 1000).toISOString()
  const operator = (name: string, status: string, lastTransitionTime: string) =>
    clusterOperator(name, condition('Progressing', status, { lastTransitionTime }))
  const stopped = { type: 'Progressing', status: 'False' }
  const operators = [
    operator('dns', 'False', since(31)),
    operator('console', 'False', since(30)),
    operator('network', 'True', since(99)),
    bare('etcd', [{ ...stopped, lastTransitionTime: 'yesterday' }]),
    bare('ingress', [stopped]),
    clusterOperator('new'),
  ]
  t.same(judgeOperators(operators, now), {
    isDone: false,
    missing: ['operators not settled: console, etcd, ingress, network, new'],
  })
  t.same(judgeOperators(operators.slice(0, 1), now), { isDone: true, missing: [] })
  t.same(judgeOperators([], now), { isDone: false, missing: [] })
  t.end()
})

t.test('whatever the server sends is judged, and nothing throws', (t) => {
  const odd = fc.anything({ maxDepth: 2 })
  const thing = fc.record(
    {
      metadata: fc.oneof(odd, fc.record({ name: fc.oneof(odd, fc.constant('version')) })),
      spec: fc.oneof(odd, fc.record({ username: odd })),
      status: fc.oneof(
        odd,
        fc.record({
          conditions: fc.array(
            fc.record({
              type: fc.constantFrom('Ready', 'Available', 'Failing', 'Progressing', 'Degraded'),
              ...{ status: odd, message: odd, reason: odd, lastTransitionTime: odd },
            }),
          ),
        }),
      ),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.array(thing) as fc.Arbitrary<Conditioned[]>, (objects) => {
      judgeNodes([{ name: 'w1', fqdn: 'w1.c1.example.net' }], objects, objects)
      judgeVersion(objects, objects)
      judgeOperators(objects, 0)
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('conditions that are no list, or hold nothing, are no conditions', (t) => {
  const odd = (conditions: unknown) => ({ metadata: { name: 'w1' }, status: { conditions } }) as Conditioned
  const wanted = [{ name: 'w1', fqdn: 'w1.c1.example.net' }]
  for (const conditions of ['Ready', 7, null, [null], [{}]]) {
    t.same(judgeNodes(wanted, [odd(conditions)], []).missing, ['w1: not Ready'])
  }
  t.end()
})
