import t from 'tap'
import { manualSteps, removalBlockers, type RemovedNode } from '../../../../src/cli/commands/node/remove.ts'
import type { BalancedServer } from '../../../../src/cli/client.ts'

function leaver(name: string, role: RemovedNode['role'], state: RemovedNode['member']['state']): RemovedNode {
  const key = `c1/${name}`
  return { key, role, fqdn: `${name}.c1.example.net`, leaseSeconds: 86_400, member: { node: key, state } }
}

function server(backend: string, name: string, isUp = true): BalancedServer {
  const node = `c1/${name}`
  return {
    node,
    backend,
    server: name,
    status: isUp ? 'UP' : 'DOWN',
    isUp,
    isLeaving: false,
    connections: 0,
    sentence: '',
  }
}

const cases: { name: string; leavers: RemovedNode[]; servers?: BalancedServer[]; said: string[] }[] = [
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
