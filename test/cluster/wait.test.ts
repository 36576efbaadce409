import t from 'tap'
import type { Test } from 'tap'
import { liveReport, plainReport, type WaitReport } from '../../src/cli/text/wait.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import { stagesOf, type Goal } from '../../src/cluster/stages.ts'
import { wait, type WaitOutcome } from '../../src/cluster/wait.ts'
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
import { memoryApi, type MemoryApi } from '../support/memory-api.ts'
import { keptTerminal } from '../support/terminal.ts'

const wanted = ['m1', 'w1'].map((name) => ({ name, fqdn: `${name}.c1.example.net` }))
const minute = 60_000

type Play = {
  api: MemoryApi
  clock: FakeClock
  /** Moves time on by `ms`, round after round. */
  readonly pass: (ms: number) => Promise<void>
}

/** Lets promises that are settled run. */
const settle = async () => {
  for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate)
}

async function played(
  t: Test,
  goal: Goal,
  story: (play: Play, abort: AbortController) => Promise<void>,
  timeoutMs?: number,
): Promise<{ outcome: WaitOutcome; plain: string; live: string }> {
  const api = memoryApi()
  const clock = fakeClock(Date.UTC(2026, 0, 1, 12))
  const abort = new AbortController()
  const stages = stagesOf(goal, wanted)
  const [plain, live] = [keptTerminal(), keptTerminal({ usesColor: true, columns: 60 })]
  const reports: readonly WaitReport[] = [plainReport(plain), liveReport(live, stages)]
  const outcome = wait({
    ...{ api, stages, clock, signal: abort.signal },
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    tell: (event) => {
      for (const report of reports) report.tell(event)
    },
  })
  await settle()
  await story(
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
  t.same(api.followed(), [], 'nothing is followed any more')
  t.equal(clock.pending(), 0, 'no timer is left behind')
  return { outcome: ended, plain: plain.outLines.join('\n') + '\n', live: live.outLines.join('\n') + '\n' }
}

const installed = [
  condition('Available'),
  ...['Failing', 'Progressing'].map((type) => condition(type, 'False')),
]

t.test('bootstrap-complete: the API, the ConfigMap, and the member of etcd', async (t) => {
  const { outcome, plain, live } = await played(t, 'bootstrap-complete', async ({ api, pass }) => {
    await pass(minute)
    api.objects.set('/version', versionInfo)
    await pass(2000)
    api.trouble(apiPaths.bootstrapConfigMap, 'api.c1.example.net:6443: the connection was cut')
    api.say(apiPaths.bootstrapConfigMap, [])
    await pass(20 * minute)
    api.change(apiPaths.bootstrapConfigMap, 'ADDED', bootstrapConfigMap())
    api.change(apiPaths.bootstrapConfigMap, 'DELETED', bootstrapConfigMap())
    api.change(apiPaths.bootstrapConfigMap, 'ADDED', bootstrapConfigMap('complete'))
    await settle()
    api.say(apiPaths.etcd, [etcd(condition('EtcdBootstrapMemberRemoved', 'False'))])
    await pass(30_000)
    api.change(apiPaths.etcd, 'MODIFIED', etcd(condition('EtcdBootstrapMemberRemoved')))
    await settle()
  })
  t.same(outcome, { kind: 'complete' })
  golden(t, 'wait/bootstrap-complete.txt', plain)
  golden(t, 'wait/bootstrap-complete-live.txt', live)
})

t.test('install-complete: the version, then operators that have settled', async (t) => {
  const { outcome, plain } = await played(t, 'install-complete', async ({ api, clock, pass }) => {
    api.objects.set('/version', versionInfo)
    await pass(2000)
    const working = 'Working towards 4.17.3: 640 of 901 done (71% complete)'
    api.say(apiPaths.clusterVersion, [clusterVersion(condition('Progressing', 'True', { message: working }))])
    api.say(apiPaths.clusterOperators, [clusterOperator('console', condition('Available', 'False'))])
    await pass(10 * minute)
    const stopped = condition('Progressing', 'False', {
      lastTransitionTime: new Date(clock.now()).toISOString(),
    })
    api.say(apiPaths.clusterOperators, [clusterOperator('console', condition('Available'), stopped)])
    api.say(apiPaths.clusterVersion, [clusterVersion(...installed)])
    await pass(40_000)
  })
  t.same(outcome, { kind: 'complete' })
  golden(t, 'wait/install-complete.txt', plain)
})

t.test('nodes-ready: not in time, with what is missing and the exit code of openshift-install', async (t) => {
  const { outcome, plain, live } = await played(t, 'nodes-ready', async ({ api, pass }) => {
    api.objects.set('/version', versionInfo)
    await pass(2000)
    api.say(apiPaths.nodes, [nodeObject('m1.c1.example.net', [condition('Ready')])])
    api.say(apiPaths.signingRequests, [signingRequest('csr-8b2rk')])
    await pass(61 * minute)
  })
  t.match(outcome, { kind: 'late', stage: { name: 'nodes', exitCode: 6 } })
  golden(t, 'wait/nodes-late.txt', plain)
  golden(t, 'wait/nodes-late-live.txt', live)
})

t.test('each stage that is not in time has its code; a whole time-out counts for all', async (t) => {
  const api = await played(t, 'install-complete', ({ pass }) => pass(21 * minute))
  t.match(api.outcome, { kind: 'late', stage: { name: 'API', exitCode: 4 } })
  const short = await played(t, 'bootstrap-complete', ({ pass }) => pass(90_000), 90_000)
  t.match(short.outcome, { kind: 'late', stage: { name: 'API' } })
  t.match(short.plain, /^ {3}0:00 {2}waiting up to 1:30 for the Kubernetes API$/m)
  const bootstrap = await played(t, 'bootstrap-complete', async ({ api, pass }) => {
    api.oddities.set('/version', {})
    await pass(62 * minute)
  })
  t.match(bootstrap.outcome, { kind: 'late', stage: { name: 'bootstrap', exitCode: 5 } })
  t.match(bootstrap.plain, /API: done$/m, 'whatever it says of its version')
  const operators = await played(t, 'install-complete', async ({ api, pass }) => {
    api.objects.set('/version', versionInfo)
    await pass(2000)
    api.say(apiPaths.clusterOperators, [])
    api.say(apiPaths.clusterVersion, [clusterVersion(...installed)])
    await pass(31 * minute)
  })
  t.match(operators.outcome, { kind: 'late', stage: { name: 'operators', exitCode: 7 } })
})

t.test('a member of etcd that stays is a failure; a release that says nothing of it is none', async (t) => {
  const until = (conditions: object[]) =>
    played(t, 'bootstrap-complete', async ({ api, pass }) => {
      api.objects.set('/version', versionInfo)
      await pass(2000)
      api.say(apiPaths.bootstrapConfigMap, [bootstrapConfigMap('complete')])
      await settle()
      api.say(apiPaths.etcd, [etcd(...conditions)])
      await pass(6 * minute)
    })
  const stays = await until([condition('EtcdBootstrapMemberRemoved', 'False')])
  t.match(stays.outcome, { kind: 'late', stage: { name: 'etcd', exitCode: 5 } })
  const silent = await until([])
  t.same(silent.outcome, { kind: 'complete' })
  t.match(silent.plain, /etcd: done \(this release does not say whether the member was removed\)/)
})

t.test('interrupted, it ends at once', async (t) => {
  const { outcome } = await played(t, 'nodes-ready', async (_, abort) => {
    abort.abort()
    await settle()
  })
  t.same(outcome, { kind: 'interrupted' })
})

t.test('interrupted while the API is asked, it does not go on', async (t) => {
  const { outcome } = await played(t, 'nodes-ready', async ({ api, pass }, abort) => {
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
