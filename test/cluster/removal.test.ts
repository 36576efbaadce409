import t from 'tap'
import { keysToRemove, manualSteps, removalBlockers, type RemovedNode } from '../../src/cluster/removal.ts'

function leaver(name: string, role: RemovedNode['role'], state: RemovedNode['member']['state']): RemovedNode {
  const key = `c1/${name}`
  return { key, role, fqdn: `${name}.c1.example.net`, leaseSeconds: 86_400, member: { node: key, state } }
}

type Server = Parameters<typeof removalBlockers>[1][number]

function server(backend: string, name: string, isUp = true): Server {
  return { node: `c1/${name}`, backend, isUp }
}

const cases: { name: string; leavers: RemovedNode[]; servers?: Server[]; said: string[] }[] = [
  {
    name: 'a worker among others, and a bootstrap that is no longer up',
    leavers: [leaver('w1', 'worker', 'ready'), leaver('bs', 'bootstrap', 'unknown')],
    servers: [server('workerhttp', 'w1'), server('workerhttp', 'w2'), server('kubeapi', 'bs', false)],
    said: [],
  },
  {
    name: 'masters, except those that the cluster no longer has',
    leavers: [
      ...[leaver('m1', 'master', 'ready'), leaver('m2', 'master', 'unknown')],
      ...[leaver('m3', 'master', 'absent'), leaver('s1', 'single', 'not-ready')],
    ],
    said: [
      'c1/m1 is a control-plane node, and its cluster still has it: without it etcd can lose its quorum',
      'c1/m2 is a control-plane node, and its state in the cluster is unknown: without it etcd can lose its quorum',
      'c1/s1 is a control-plane node, and its cluster still has it: without it etcd can lose its quorum',
    ],
  },
  {
    name: 'the last two servers that are up, together',
    leavers: [leaver('w1', 'worker', 'ready'), leaver('w2', 'worker', 'ready')],
    servers: [
      ...[server('workerhttp', 'w1'), server('workerhttp', 'w2'), server('workerhttp', 'w3', false)],
      ...[server('workerhttps', 'w1'), server('workerhttps', 'w3'), server('kubeapi', 'm1')],
    ],
    said: ['no other server of workerhttp is up'],
  },
  {
    name: 'a bootstrap before any master is up',
    leavers: [leaver('bs', 'bootstrap', 'unknown')],
    servers: [server('kubeapi', 'bs'), server('kubeapi', 'm1', false)],
    said: ['no other server of kubeapi is up'],
  },
]
for (const { name, leavers, servers = [], said } of cases) {
  t.test(`blocks a removal: ${name}`, (t) => {
    t.same(removalBlockers(leavers, servers), said)
    t.end()
  })
}

t.test('prints what is left to do by hand', (t) => {
  t.same(manualSteps(leaver('w1', 'worker', 'ready')), [
    'oc adm drain w1.c1.example.net --ignore-daemonsets --delete-emptydir-data',
    'power off c1/w1: it keeps its address for up to 24 h',
    'oc delete node w1.c1.example.net',
  ])
  t.match(manualSteps(leaver('m1', 'master', 'unknown')), {
    length: 4,
    0: /^remove the etcd member of c1\/m1/,
  })
  t.same(manualSteps({ ...leaver('w1', 'worker', 'absent'), leaseSeconds: undefined }), ['power off c1/w1'])
  t.match(manualSteps(leaver('bs', 'bootstrap', 'unknown')), { length: 1 })
  t.end()
})

t.test('names can be those of nodes that are removed from the site but not yet drained', (t) => {
  const [c1, c2] = [['w1', 'w2'], ['w2']].map((names) => names.map((name) => ({ name })))
  const site = {
    clusters: [
      { name: 'c1', nodes: c1 },
      { name: 'c2', nodes: c2 },
    ],
    groups: [{ name: 'web', nodes: [{ name: 'web1' }] }],
  } as unknown as Parameters<typeof keysToRemove>[1]
  t.same(keysToRemove(['W1', 'c1/w1', 'c2/w2', 'w7'], site, ['c1/w7']), ['c1/w1', 'c2/w2', 'c1/w7'])
  t.same(keysToRemove(['web1'], site, []), ['web/web1'], 'a machine of a group')
  t.equal(keysToRemove(['w1', 'w2'], site, []), 'several clusters have a node w2: use c1/w2 or c2/w2')
  t.match(
    keysToRemove(['w9'], site, []),
    /^the site does not declare a node w9.*; it has c1\/w1, c1\/w2, c2\/w2, web\/web1$/,
  )
  t.end()
})
