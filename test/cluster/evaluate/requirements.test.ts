import fc from 'fast-check'
import t from 'tap'
import {
  evaluateNodes,
  evaluateOperators,
  evaluateVersion,
  type Evaluation,
} from '../../../src/cluster/evaluate/requirements.ts'
import { kinds, type Condition, type Conditioned } from '../../../src/cluster/objects.ts'
import {
  clusterOperator,
  clusterVersion,
  condition,
  nodeObject,
  signingRequest,
} from '../../support/cluster-objects.ts'

const is = (type: string, status = 'True', message = ''): Condition => condition(type, status, { message })
/** The sentences of what is missing. */
const shown = ({ isDone, missing }: Evaluation) => ({
  isDone,
  missing: missing.map(({ sentence }) => sentence),
})
const codesOf = ({ missing }: Evaluation) => missing.map(({ code }) => code)
/** An object that no API server sends. */
const bare = (name: string, conditions: readonly Condition[] = []): Conditioned => ({
  metadata: { name },
  status: { conditions },
})

t.test('nodes have to be Ready, by full or short name; lists the pending requests', (t) => {
  const declared = ['m1', 'w1', 'w2'].map((name) => ({ name, fqdn: `${name}.c1.example.net` }))
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
  ].flatMap((each) => kinds.signingRequests.keep(each) ?? [])
  t.same(shown(evaluateNodes(declared, nodes, requests)), {
    isDone: false,
    missing: [
      'w1: not Ready: no CNI [2J configuration file',
      'w2: has not registered',
      'certificate requests waiting for approval: csr-2, csr-3 of w1, csr-5',
    ],
  })
  t.same(shown(evaluateNodes(declared.slice(0, 1), nodes, requests)), { isDone: true, missing: [] })
  t.same(shown(evaluateNodes(declared.slice(2), [nodeObject('w2')], [])).missing, ['w2: not Ready'])
  t.same(
    shown(evaluateNodes(declared.slice(2), [bare('w2', [{ type: 'Ready', reason: 'KubeletStopped' }])], []))
      .missing,
    ['w2: not Ready: KubeletStopped'],
  )
  t.end()
})

t.test(
  'the version has to be Available, and neither Failing nor Progressing; shows its message and the operators',
  (t) => {
    const working = 'Working towards 4.17.3: 640 of 901 done (71% complete)'
    const names = Array.from({ length: 10 }, (_, index) => `operator-${index}`)
    const cases: [
      name: string,
      versions: readonly Conditioned[],
      operators: readonly Conditioned[],
      object,
    ][] = [
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
      [
        'without a condition Failing',
        [clusterVersion(is('Available'), is('Progressing', 'False'))],
        [clusterOperator('dns', is('Available'))],
        { isDone: false, missing: ['the ClusterVersion has no condition Failing'] },
      ],
      [
        'without any reason',
        [clusterVersion(is('Available', 'Unknown'), is('Failing'))],
        [],
        {
          isDone: false,
          missing: [
            "the ClusterVersion's condition Available is Unknown, expected True",
            "the ClusterVersion's condition Failing is True, expected False",
            'the ClusterVersion has no condition Progressing',
          ],
        },
      ],
    ]
    for (const [name, versions, operators, expected] of cases) {
      t.same(shown(evaluateVersion(versions, operators)), expected, name)
    }
    t.end()
  },
)

t.test('at least one operator has to exist, and all have to be settled for 30 s', (t) => {
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
  t.same(shown(evaluateOperators(operators, now)), {
    isDone: false,
    missing: ['operators still progressing: console, etcd, ingress, network, new'],
  })
  t.same(shown(evaluateOperators(operators.slice(0, 1), now)), { isDone: true, missing: [] })
  t.same(shown(evaluateOperators([], now)), { isDone: false, missing: [] })
  t.end()
})

t.test('evaluates any response of the server, and does not throw', (t) => {
  const anyValue = fc.anything({ maxDepth: 2 })
  const thing = fc.record(
    {
      metadata: fc.oneof(anyValue, fc.record({ name: fc.oneof(anyValue, fc.constant('version')) })),
      spec: fc.oneof(anyValue, fc.record({ username: anyValue })),
      status: fc.oneof(
        anyValue,
        fc.record({
          conditions: fc.array(
            fc.record({
              type: fc.constantFrom('Ready', 'Available', 'Failing', 'Progressing', 'Degraded'),
              status: anyValue,
              message: anyValue,
              reason: anyValue,
              lastTransitionTime: anyValue,
            }),
          ),
        }),
      ),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.array(thing) as fc.Arbitrary<Conditioned[]>, (objects) => {
      const requests = objects.flatMap((each) => kinds.signingRequests.keep(each) ?? [])
      evaluateNodes([{ name: 'w1', fqdn: 'w1.c1.example.net' }], objects, requests)
      evaluateVersion(objects, objects)
      evaluateOperators(objects, 0)
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('everything that is missing has a code', (t) => {
  const declared = ['w1', 'w2'].map((name) => ({ name, fqdn: `${name}.c1.example.net` }))
  const requests = [kinds.signingRequests.keep(signingRequest('csr-1'))].flatMap((each) => each ?? [])
  t.same(codesOf(evaluateNodes(declared, [nodeObject('w1')], requests)), [
    'cluster.node-not-ready',
    'cluster.node-not-registered',
    'csr.awaiting-approval',
  ])
  t.same(codesOf(evaluateVersion([], [])), ['cluster.version-missing'])
  const operators = [clusterOperator('dns', is('Degraded'))]
  const version = clusterVersion(is('Progressing', 'True', 'Working'))
  t.same(codesOf(evaluateVersion([version], operators)), [
    'cluster.version-incomplete',
    'cluster.operators-unavailable',
    'cluster.operator-degraded',
  ])
  t.same(codesOf(evaluateOperators(operators, 0)), ['cluster.operators-progressing'])
  t.end()
})

t.test('conditions that are not a list, or are empty, do not count', (t) => {
  const anyValue = (conditions: unknown) =>
    ({ metadata: { name: 'w1' }, status: { conditions } }) as Conditioned
  const declared = [{ name: 'w1', fqdn: 'w1.c1.example.net' }]
  for (const conditions of ['Ready', 7, null, [null], [{}]]) {
    t.same(shown(evaluateNodes(declared, [anyValue(conditions)], [])).missing, ['w1: not Ready'])
  }
  t.end()
})
