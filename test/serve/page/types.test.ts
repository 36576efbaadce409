/** The types of the page are those of the API: a difference is an error of the compiler. */
import t from 'tap'
import type { ClusterStatus } from '../../../src/cluster/report.ts'
import type { PendingCsrs } from '../../../src/cluster/csr/approver.ts'
import type { Explanation as ExplanationOfApi } from '../../../src/explain/explanation.ts'
import type { Changes as ChangesOfApi } from '../../../src/plan/changes/change.ts'
import type { HistoryRow } from '../../../src/serve/control/site-routes.ts'
import type { BalancerState } from '../../../src/serve/haproxy/balancer.ts'
import type { NodeLog as NodeLogOfApi } from '../../../src/serve/syslog/node-logs.ts'
import type {
  Changes,
  Cluster,
  Explanation,
  HistoryEntry,
  LoadBalancer,
  NodeLog,
  PendingRequests,
} from '../../../src/serve/page/browser/types.ts'

type Same<Page, Api extends Page> = Api extends Page ? true : never

t.test('the page reads what the API sends', (t) => {
  const same: readonly [
    Same<Cluster, ClusterStatus>,
    Same<PendingRequests, PendingCsrs>,
    Same<Explanation, ExplanationOfApi>,
    Same<Changes, ChangesOfApi>,
    Same<HistoryEntry, HistoryRow>,
    Same<LoadBalancer, BalancerState>,
    Same<NodeLog, NodeLogOfApi>,
  ] = [true, true, true, true, true, true, true]
  t.equal(same.length, 7)
  t.end()
})
