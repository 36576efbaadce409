import t from 'tap'
import { createSessions } from '../../src/cluster/session.ts'
import { createLog } from '../../src/host/log.ts'
import { declaredCluster } from '../support/cluster.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { memoryApi } from '../support/memory-api.ts'

t.test('a reload keeps the session of a cluster with the same kubeconfig, names and addresses', (t) => {
  const cluster = declaredCluster()
  let open = 0
  const sessions = createSessions({
    clusters: [cluster],
    clock: fakeClock(),
    log: createLog('error', { write() {} }),
    connect: () => {
      open++
      return { ...memoryApi(), close: () => (open -= 1) }
    },
  })
  const first = sessions.get('c1')
  t.ok(first)
  sessions.swap([{ ...cluster, nodes: [], approve: 'declared' }])
  t.equal(sessions.get('c1'), first)
  for (const change of [{ kubeconfig: '/elsewhere' }, { domain: 'example.org' }]) {
    const before = sessions.get('c1')
    sessions.swap([{ ...cluster, ...change }])
    t.not(sessions.get('c1'), before)
    t.equal(open, 1, 'the old connection is closed')
  }
  sessions.swap([{ ...cluster, name: 'c2' }])
  t.same([sessions.get('c1'), open], [undefined, 1])
  sessions.close()
  t.same([sessions.get('c2'), open], [undefined, 0])
  t.end()
})
