import t from 'tap'
import type { Test } from 'tap'
import { liveReport, plainReport, type WaitReport } from '../../src/cli/text/wait.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import { stagesOf, type Goal } from '../../src/cluster/evaluate/stages.ts'
import { sessionStages, wait, type WaitOutcome } from '../../src/cluster/wait.ts'
import { versionInfo } from '../support/api-shapes.ts'
import {
  bootstrapConfigMap,
  clusterOperator,
  clusterVersion,
  condition,
  etcd,
  nodeObject,
  signingRequest,
} from '../support/cluster-objects.ts'
import { fakeClock, type FakeClock } from '../support/fake-clock.ts'
import { golden } from '../support/golden.ts'
import { createLog } from '../../src/host/log.ts'
import { memorySession } from '../support/session.ts'
import { memoryApi, type MemoryApi } from '../support/memory-api.ts'
import { keptTerminal } from '../support/terminal.ts'

const declared = ['m1', 'w1'].map((name) => ({ name, fqdn: `${name}.c1.example.net` }))
const minute = 60_000

type Cluster = {
  api: MemoryApi
  clock: FakeClock
  /** Moves time on by `ms`, round after round. */
  readonly pass: (ms: number) => Promise<void>
}

/** Lets promises that are settled run. */
const settle = async () => {
  for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate)
}

async function waited(
  t: Test,
  goal: Goal,
  play: (cluster: Cluster, abort: AbortController) => Promise<void>,
  timeoutMs?: number,
): Promise<{ outcome: WaitOutcome; plain: string; live: string }> {
  const api = memoryApi()
  const clock = fakeClock(Date.UTC(2026, 0, 1, 12))
  const abort = new AbortController()
  const stages = stagesOf(goal, declared)
  const [plain, live] = [keptTerminal(), keptTerminal({ usesColor: true, columns: 60 })]
  const reports: readonly WaitReport[] = [plainReport(plain), liveReport(live, stages)]
  const outcome = wait({
    open: sessionStages(
      memorySession(api, { clock, log: createLog('error', { write() {} }) }),
      stages,
      clock,
    ),
    stages,
    clock,
    signal: abort.signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    report: (event) => {
      for (const report of reports) report.show(event)
    },
  })
  await settle()
  await play(
    {
      api,
      clock,
      async pass(ms) {
        for (let passed = 0; passed < ms; passed += 2000) {
          clock.advance(2000)
          await settle()
        }
      },
    },
    abort,
  )
  const ended = await outcome
  t.same(api.followed(), [], 'nothing is followed at the end')
  t.equal(clock.pending(), 0, 'no timer is left')
  return { outcome: ended, plain: plain.outLines.join('\n') + '\n', live: live.outLines.join('\n') + '\n' }
}

const installed = [
  condition('Available'),
  ...['Failing', 'Progressing'].map((type) => condition(type, 'False')),
]

t.test('bootstrap-complete waits for the API, the ConfigMap, and the etcd member', async (t) => {
  const { outcome, plain, live } = await waited(t, 'bootstrap-complete', async ({ api, pass }) => {
    await pass(minute)
    api.objects.set('/version', versionInfo)
    await pass(2000)
    api.sendOutage(apiPaths.bootstrapConfigMap, 'api.c1.example.net:6443: connection refused')
    api.sendList(apiPaths.bootstrapConfigMap, [])
    api.sendReachable(apiPaths.bootstrapConfigMap)
    await pass(20 * minute)
    api.sendEvent(apiPaths.bootstrapConfigMap, 'ADDED', bootstrapConfigMap())
    api.sendEvent(apiPaths.bootstrapConfigMap, 'DELETED', bootstrapConfigMap())
    api.sendEvent(apiPaths.bootstrapConfigMap, 'ADDED', bootstrapConfigMap('complete'))
    await settle()
    api.sendList(apiPaths.etcd, [etcd(condition('EtcdBootstrapMemberRemoved', 'False'))])
    await pass(30_000)
    api.sendEvent(apiPaths.etcd, 'MODIFIED', etcd(condition('EtcdBootstrapMemberRemoved')))
    await settle()
  })
  t.same(outcome, { kind: 'complete' })
  golden(t, 'wait/bootstrap-complete.txt', plain)
  golden(t, 'wait/bootstrap-complete-live.txt', live)
})

t.test('install-complete waits for the version, then for settled operators', async (t) => {
  const { outcome, plain } = await waited(t, 'install-complete', async ({ api, clock, pass }) => {
    api.objects.set('/version', versionInfo)
    await pass(2000)
    const working = 'Working towards 4.17.3: 640 of 901 done (71% complete)'
    api.sendList(apiPaths.clusterVersion, [
      clusterVersion(condition('Progressing', 'True', { message: working })),
    ])
    api.sendList(apiPaths.clusterOperators, [clusterOperator('console', condition('Available', 'False'))])
    await pass(10 * minute)
    const stopped = condition('Progressing', 'False', {
      lastTransitionTime: new Date(clock.now()).toISOString(),
    })
    api.sendList(apiPaths.clusterOperators, [clusterOperator('console', condition('Available'), stopped)])
    api.sendList(apiPaths.clusterVersion, [clusterVersion(...installed)])
    await pass(40_000)
  })
  t.same(outcome, { kind: 'complete' })
  golden(t, 'wait/install-complete.txt', plain)
})

t.test('nodes-ready ends late with what is missing and the exit code of openshift-install', async (t) => {
  const { outcome, plain, live } = await waited(t, 'nodes-ready', async ({ api, pass }) => {
    api.objects.set('/version', versionInfo)
    await pass(2000)
    api.sendList(apiPaths.nodes, [nodeObject('m1.c1.example.net', [condition('Ready')])])
    api.sendList(apiPaths.signingRequests, [signingRequest('csr-8b2rk')])
    await pass(61 * minute)
  })
  t.match(outcome, { kind: 'late', stage: { name: 'nodes', exitCode: 6 } })
  golden(t, 'wait/nodes-late.txt', plain)
  golden(t, 'wait/nodes-late-live.txt', live)
})

t.test('each late stage has its exit code; a time-out can limit all stages together', async (t) => {
  const api = await waited(t, 'install-complete', ({ pass }) => pass(21 * minute))
  t.match(api.outcome, { kind: 'late', stage: { name: 'API', exitCode: 4 } })
  const short = await waited(t, 'bootstrap-complete', ({ pass }) => pass(90_000), 90_000)
  t.match(short.outcome, { kind: 'late', stage: { name: 'API' } })
  t.match(short.plain, /^ {3}0:00 {2}waiting up to 1:30 for the Kubernetes API$/m)
  const bootstrap = await waited(t, 'bootstrap-complete', async ({ api, pass }) => {
    api.unchecked.set('/version', {})
    await pass(62 * minute)
  })
  t.match(bootstrap.outcome, { kind: 'late', stage: { name: 'bootstrap', exitCode: 5 } })
  t.match(bootstrap.plain, /API: done$/m, 'whatever its version is')
  const operators = await waited(t, 'install-complete', async ({ api, pass }) => {
    api.objects.set('/version', versionInfo)
    await pass(2000)
    api.sendList(apiPaths.clusterOperators, [])
    api.sendList(apiPaths.clusterVersion, [clusterVersion(...installed)])
    await pass(31 * minute)
  })
  t.match(operators.outcome, { kind: 'late', stage: { name: 'operators', exitCode: 7 } })
})

t.test('fails if the etcd member stays, and not if the release does not report it', async (t) => {
  const until = (conditions: object[]) =>
    waited(t, 'bootstrap-complete', async ({ api, pass }) => {
      api.objects.set('/version', versionInfo)
      await pass(2000)
      api.sendList(apiPaths.bootstrapConfigMap, [bootstrapConfigMap('complete')])
      await settle()
      api.sendList(apiPaths.etcd, [etcd(...conditions)])
      await pass(6 * minute)
    })
  const stays = await until([condition('EtcdBootstrapMemberRemoved', 'False')])
  t.match(stays.outcome, { kind: 'late', stage: { name: 'etcd', exitCode: 5 } })
  const unreported = await until([])
  t.same(unreported.outcome, { kind: 'complete' })
  t.match(unreported.plain, /etcd: done \(this release does not report whether the member was removed\)/)
})

t.test('ends at once when it is interrupted', async (t) => {
  const { outcome } = await waited(t, 'nodes-ready', async (_, abort) => {
    abort.abort()
    await settle()
  })
  t.same(outcome, { kind: 'interrupted' })
})

t.test('ends when it is interrupted during a request for the API', async (t) => {
  const { outcome } = await waited(t, 'nodes-ready', async ({ api, pass }, abort) => {
    const answered = new Promise((resolve) =>
      abort.signal.addEventListener('abort', () => resolve(versionInfo)),
    )
    api.objects.set('/version', answered)
    await pass(2000)
    abort.abort()
    await settle()
  })
  t.same(outcome, { kind: 'interrupted' })
})
