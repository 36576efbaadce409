import t from 'tap'
import { clusterLines, statusLines } from '../../../src/cli/text/cluster.ts'
import type { ClusterStatus, StageReport } from '../../../src/cluster/report.ts'
import { golden } from '../../support/golden.ts'
import { now, sampleClusterStatus } from '../../support/sample-nodes.ts'

const paper = { columns: 80, usesColor: false }
const minute = 60_000
const withoutColor = (text: string) => text.replaceAll(/\u001b\[\d+m/g, '') // eslint-disable-line no-control-regex

const reached = (name: string, reachedAt?: number): StageReport => ({
  name,
  state: 'reached',
  missing: [],
  ...(reachedAt === undefined ? {} : { reachedAt }),
})
const sentence =
  'there is no kubeconfig /etc/slipway/kubeconfig; `openshift-install create ignition-configs` writes it to auth/kubeconfig'
const members = sampleClusterStatus.members.map(({ node }) => ({ node, state: 'unknown' as const }))
const never: ClusterStatus = {
  cluster: 'ocp45',
  members,
  trouble: sentence,
  stages: [
    { name: 'API', state: 'unknown', missing: [sentence] },
    { name: 'nodes', state: 'ahead', missing: [] },
  ],
  requests: { approve: 'dry-run', approved: 0 },
}
const installed: ClusterStatus = {
  ...sampleClusterStatus,
  stages: [reached('API'), reached('nodes', now - 190 * minute), reached('operators', now - 180 * minute)],
  members: sampleClusterStatus.members.map(({ node }) => ({
    node,
    state: 'ready' as const,
    since: now - 200 * minute,
  })),
  bootstrap: { kind: 'kept', since: now - 5 * minute, reason: 'set by an administrator (bootstrap keep)' },
  requests: { approve: 'off', pending: 0, approved: 0 },
}
const deaf: ClusterStatus = {
  ...sampleClusterStatus,
  trouble: 'api.ocp45.example.localdomain:6443: it does not answer',
  members,
  stages: [
    reached('API', now - 44 * minute),
    { name: 'version', state: 'unknown', since: now - 44 * minute, missing: [] },
  ],
  bootstrap: { kind: 'waiting', since: 0, reason: 'it was not seen to be complete' },
  requests: { approve: 'declared', approved: 6 },
}

for (const [name, each, columns] of [
  ['under-way', sampleClusterStatus, 80],
  ['under-way', sampleClusterStatus, 50],
  ['never-heard', never, 80],
  ['installed', installed, 80],
  ['not-heard', deaf, 80],
] as const) {
  t.test(`shows a cluster, ${name}, in ${columns} columns (UPDATE=1 writes the file)`, (t) => {
    const lines = statusLines(each, now, { columns, usesColor: false })
    golden(t, `cluster/${name}-${columns}.txt`, `${lines.join('\n')}\n`)
    t.same(
      lines.filter((line) => line.length > columns),
      [],
    )
    const colored = statusLines(each, now, { columns, usesColor: true })
    t.same(colored.map(withoutColor), lines, 'colors do not change the text')
    t.not(colored.join('\n'), lines.join('\n'))
    t.end()
  })
}

t.test('shows a line for each cluster, and its problem', (t) => {
  const lines = (each: ClusterStatus) => clusterLines([each], now, paper)
  t.same(lines(sampleClusterStatus), [
    'ocp45: 3 of 5 nodes Ready, waiting for version; 2 certificate requests pending:',
    '       slipway csr list',
  ])
  t.same(lines(installed), ['ocp45: 5 of 5 nodes Ready, installed 3 h ago'])
  t.same(
    lines({ ...installed, stages: [reached('API')], requests: { approve: 'off', pending: 1, approved: 0 } }),
    ['ocp45: 5 of 5 nodes Ready, installed; 1 certificate request pending: oc get csr'],
  )
  t.same(lines(deaf), ['! ocp45: api.ocp45.example.localdomain:6443: it does not answer'])
  t.same(lines(never), [
    '! ocp45: there is no kubeconfig /etc/slipway/kubeconfig; `openshift-install',
    '  create ignition-configs` writes it to auth/kubeconfig',
  ])
  t.end()
})

t.test('an API that was never reachable is awaited; a cluster without a kubeconfig has no line', (t) => {
  const refused = 'api.ocp45:6443: the connection is refused, nothing listens there yet'
  const waiting: ClusterStatus = {
    ...never,
    trouble: refused,
    stages: [{ name: 'API', state: 'under-way', missing: [refused] }],
  }
  t.same(clusterLines([waiting], now, { ...paper, columns: 120 }), [`ocp45: waiting for API: ${refused}`])
  const silent: ClusterStatus = {
    cluster: 'ocp45',
    members,
    requests: never.requests,
    stages: [{ name: 'API', state: 'under-way', missing: [] }],
  }
  t.same(clusterLines([silent], now, paper), ['ocp45: waiting for API'])
  t.same(clusterLines([{ ...never, stages: [] }], now, paper), [])
  t.match(statusLines({ ...never, stages: [], members: [] }, now, paper), [
    'ocp45: no information',
    /^! there is no kubeconfig/,
    /./,
    '',
    'certificates  dry run, pending requests unknown',
  ])
  t.end()
})
