import t, { type Test } from 'tap'
import { apiPaths, kinds } from '../../src/cluster/objects.ts'
import { staleAfterMs, createOutages } from '../../src/cluster/session.ts'
import { createLog } from '../../src/host/log.ts'
import { versionInfo } from '../support/api-shapes.ts'
import { nodeObject, signingRequest } from '../support/cluster-objects.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { memoryApi } from '../support/memory-api.ts'
import { memorySession, testKubeconfig } from '../support/session.ts'
import type { Problem } from '../../src/cluster/codes.ts'

function sessionRig(t: Test) {
  const api = memoryApi()
  const clock = fakeClock()
  const lines: string[] = []
  const log = createLog('info', {
    write: (line) => void lines.push((JSON.parse(line) as { msg: string }).msg),
  })
  const kubeconfig = testKubeconfig()
  const session = memorySession(api, { clock, log, kubeconfig })
  t.teardown(() => session.close())
  const calls: string[] = []
  const listener = (name: string) => ({
    onChange: (object = 'all') => void calls.push(`${name} ${object}`),
    onOutage: () => void calls.push(`${name} outage`),
    onUnreadable: () => void calls.push(`${name} unreadable`),
  })
  return { api, clock, lines, kubeconfig, session, calls, listener }
}

/** What is kept of a Node without conditions. */
const nodeOf = (name: string) => ({ metadata: { name }, status: { conditions: [] } })

t.test('two holders of a kind share one list-watch, which ends with the last one', (t) => {
  const { api, session, calls, listener } = sessionRig(t)
  const first = session.hold(kinds.nodes, listener('a'))
  const second = session.hold(kinds.nodes, listener('b'))
  t.same(api.followed(), [apiPaths.nodes])
  t.same([first.items(), first.isCurrent()], [[], false])
  api.sendList(apiPaths.nodes, [nodeObject('m1')])
  api.sendEvent(apiPaths.nodes, 'ADDED', nodeObject('w1'))
  api.sendEvent(apiPaths.nodes, 'DELETED', nodeObject('m1'))
  t.same(calls, ['a all', 'b all', 'a w1', 'b w1', 'a m1', 'b m1'])
  t.same([second.isCurrent(), second.get('w1'), second.items().length], [true, nodeOf('w1'), 1])
  first.release()
  first.release()
  t.same(api.followed(), [apiPaths.nodes])
  second.release()
  t.same(api.followed(), [])
  const again = session.hold(kinds.nodes, listener('c'))
  t.same(again.items(), [], 'a new list-watch')
  t.end()
})

t.test('an outage is reported to the holders, and items stay recent for one minute', (t) => {
  const { api, session, calls, listener, clock, lines } = sessionRig(t)
  const held = session.hold(kinds.nodes, listener('a'))
  api.sendList(apiPaths.nodes, [])
  api.sendOutage(apiPaths.nodes, 'connection refused')
  clock.advance(staleAfterMs - 1)
  api.sendOutage(apiPaths.nodes, 'no response')
  t.same([held.isCurrent(), held.isRecent()], [false, true])
  clock.advance(1)
  t.equal(held.isRecent(), false)
  t.same(session.outage(), { code: 'cluster.unreachable', sentence: 'no response', sinceMs: 0 })
  api.sendReachable(apiPaths.nodes)
  t.same([held.isCurrent(), held.isRecent(), session.outage()], [true, true, undefined])
  t.same(calls, ['a all', 'a outage', 'a outage', 'a outage'])
  t.same(lines, ['cluster API unreachable', 'cluster API unreachable', 'cluster API reachable again'])
  t.end()
})

t.test('a server that went back to an older state has all kinds read again', (t) => {
  const { api, session, listener, lines } = sessionRig(t)
  const nodes = session.hold(kinds.nodes, listener('nodes'))
  const requests = session.hold(kinds.signingRequests, listener('requests'))
  api.sendList(apiPaths.nodes, [nodeObject('m1')])
  api.sendList(apiPaths.signingRequests, [signingRequest('csr-1')])
  api.sendOutage(apiPaths.signingRequests, 'connection refused')
  api.sendRollback(apiPaths.nodes)
  t.same(api.followed(), [apiPaths.nodes, apiPaths.signingRequests])
  t.same([nodes.isCurrent(), requests.isCurrent()], [true, false])
  api.sendList(apiPaths.signingRequests, [])
  t.same([requests.isCurrent(), requests.items()], [true, []])
  t.same(lines, ['cluster API unreachable', 'cluster returned an older state, reading everything again'])
  t.end()
})

t.test('a holder applies a change from another source, and the other holders see it', (t) => {
  const { api, session, calls, listener } = sessionRig(t)
  const first = session.hold(kinds.signingRequests, listener('a'))
  const second = session.hold(kinds.signingRequests, listener('b'))
  api.sendList(apiPaths.signingRequests, [signingRequest('csr-1')])
  first.set(signingRequest('csr-2'))
  first.remove('csr-1')
  t.same(
    second.items().map(({ csr }) => csr.name),
    ['csr-2'],
  )
  t.same(calls, ['a all', 'b all', 'b csr-2', 'b csr-1'])
  api.sendUnchecked(apiPaths.signingRequests, [{}], { metadata: { name: 7 } })
  t.same(calls.slice(4), [
    ...['a unreadable', 'b unreadable', 'a all', 'b all'],
    ...['a unreadable', 'b unreadable', 'a ', 'b '],
  ])
  t.end()
})

t.test('requests the version of the API, and reports its outage', async (t) => {
  const { api, session, kubeconfig } = sessionRig(t)
  const { signal } = new AbortController()
  t.same(await session.checkApi(signal), {
    isUp: false,
    problem: { code: 'cluster.refused', sentence: '/version does not exist' },
  })
  t.equal(session.outage()?.sentence, '/version does not exist')
  api.objects.set('/version', versionInfo)
  t.same(await session.checkApi(signal), { isUp: true, version: 'v1.30.4' })
  t.equal(session.outage(), undefined)
  api.unchecked.set('/version', { gitVersion: 7 })
  t.same(await session.checkApi(signal), { isUp: true, version: undefined })
  api.unchecked.clear()
  api.objects.clear()
  await session.checkApi(AbortSignal.abort())
  t.equal(session.outage(), undefined, 'not after an abort')
  t.equal(session.kubeconfigProblem(), undefined)
  kubeconfig.isThere = false
  t.same(session.kubeconfigProblem(), {
    code: 'cluster.kubeconfig-missing',
    sentence: 'the kubeconfig does not exist',
  })
})

t.test('closing ends all list-watches', (t) => {
  const { api, session, listener } = sessionRig(t)
  const held = session.hold(kinds.nodes, listener('a'))
  session.hold(kinds.etcd, listener('a'))
  session.close()
  t.same(api.followed(), [])
  held.release()
  t.end()
})

const unreachable = (sentence: string): Problem => ({ code: 'cluster.unreachable', sentence })

function rig() {
  const lines: string[] = []
  const clock = fakeClock()
  const outages = createOutages('c1', clock, {
    warn: ({ cluster, reason }, message) =>
      void lines.push(`${cluster as string}: ${message}: ${reason as string}`),
    info: ({ cluster }, message) => void lines.push(`${cluster as string}: ${message}`),
  })
  return { lines, clock, outages }
}

const refused = 'c1: cluster API unreachable: refused'
const again = 'c1: cluster API reachable again'

t.test('logs a reason of several sources once, and the end of the last one once', (t) => {
  const { lines, outages } = rig()
  outages.end('a')
  outages.report('a', unreachable('refused'))
  outages.report('b', unreachable('refused'))
  outages.report('a', unreachable('refused'))
  t.same(lines, [refused])
  t.same([outages.get('a')?.sentence, outages.get('b')?.sentence], ['refused', 'refused'])
  outages.end('a')
  t.same([outages.get('a'), lines.length], [undefined, 1])
  outages.end('b')
  t.same(lines, [refused, again])
  outages.report('b', unreachable('refused'))
  t.same(lines, [refused, again, refused])
  t.end()
})

t.test('logs each reason of an outage once', (t) => {
  const { lines, outages } = rig()
  for (const sentence of ['refused', 'no response', 'refused', 'no response'])
    outages.report('a', unreachable(sentence))
  t.same(lines, [refused, 'c1: cluster API unreachable: no response'])
  t.equal(outages.get('a')?.sentence, 'no response')
  t.end()
})

t.test('a source that never recovers does not hide the next outage', (t) => {
  const { lines, outages } = rig()
  outages.report('b', unreachable('forbidden'))
  for (const source of ['a', 'b']) outages.report(source, unreachable('refused'))
  outages.end('a')
  outages.report('b', unreachable('forbidden'))
  outages.report('a', unreachable('refused'))
  const forbidden = 'c1: cluster API unreachable: forbidden'
  t.same(lines, [forbidden, refused, forbidden, refused], 'once for each outage')
  t.end()
})

t.test('a source that is no longer read does not prolong the outage', (t) => {
  const { lines, outages } = rig()
  for (const source of ['a', 'b']) outages.report(source, unreachable('refused'))
  outages.drop('b')
  outages.end('a')
  t.same(lines, [refused, again])
  t.end()
})

t.test('an outage keeps its start when the reason changes, and the first source is the outage', (t) => {
  const { outages, clock } = rig()
  t.equal(outages.get(), undefined)
  clock.advance(5)
  outages.report('a', unreachable('refused'))
  clock.advance(5)
  outages.report('b', unreachable('forbidden'))
  outages.report('a', unreachable('no response'))
  t.same(outages.get('a'), { ...unreachable('no response'), sinceMs: 5 })
  t.same(outages.get(), { ...unreachable('no response'), sinceMs: 5 })
  t.same(outages.get('b'), { ...unreachable('forbidden'), sinceMs: 10 })
  t.end()
})
