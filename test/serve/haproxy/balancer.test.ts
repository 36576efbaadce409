import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import { compileHaproxy } from '../../../src/plan/haproxy/compile.ts'
import { renderHaproxy } from '../../../src/plan/haproxy/render.ts'
import { createBalancer } from '../../../src/serve/haproxy/balancer.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeHaproxy, statText } from '../../support/fake-haproxy.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

/** The next reply to `show stat` for `kubeapi`: server, status, and connections in each row. */
type Rows = readonly (readonly [server: string, status: string, connections?: string])[]

const allUp: Rows = [
  ['m1', 'UP', '3'],
  ['bs', 'UP'],
]

/** A balancer whose HAProxy is a stand-in, with its file in place. */
async function balanced(
  t: Test,
  out?: ReadonlySet<string>,
  more: Pick<Parameters<typeof createBalancer>[0], 'expected'> = {},
) {
  const directory = t.testdir({ haproxy: '#!/bin/sh\n' })
  await chmod(join(directory, 'haproxy'), 0o755)
  const haproxy = await fakeHaproxy(t)
  const site = { ...exampleSite(), haproxy: { file: join(directory, 'haproxy.cfg'), socket: haproxy.path } }
  const whole = compileHaproxy(exampleModel(site)).plan!
  const plan = { ...whole, backends: whole.backends.filter(({ name }) => name === 'kubeapi') }
  await writeFile(plan.file, renderHaproxy(plan, out))
  const lines: Record<string, unknown>[] = []
  const log = createLog('debug', {
    write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  })
  const counters = new Counters()
  const clock = fakeClock(Date.UTC(2026, 10, 21, 10, 30))
  const program = join(directory, 'haproxy')
  const balancer = createBalancer({
    log,
    counters,
    clock,
    program,
    ...(out === undefined ? {} : { out }),
    ...more,
  })
  t.teardown(() => balancer.close())
  const heard = { rows: allUp }
  haproxy.answer = (question) =>
    question === 'show stat'
      ? statText(
          heard.rows.map(([server, status, scur = '0']) => ['kubeapi', server, '0', scur, status, '60']),
        )
      : ''
  /** Five seconds later, when HAProxy has answered. */
  const nextPoll = async (): Promise<void> => {
    const before = balancer.state()
    clock.advance(5000)
    while (
      balancer.state().servers === before.servers &&
      balancer.state().unreachable === before.unreachable
    ) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    // What follows from the answer is done in the same turn.
    await balancer.enable('ocp45/nobody')
  }
  const runtimeCommands = (): string[] => haproxy.questions.filter((question) => question.startsWith('set'))
  const file = (): Promise<string> => readFile(plan.file, 'utf8')
  return { balancer, haproxy, heard, plan, lines, counters, clock, nextPoll, runtimeCommands, file }
}

const sentences = ({ servers }: { servers: readonly { sentence: string }[] }) =>
  servers.map(({ sentence }) => sentence)

t.test('a server that is not installed yet is not reported, and one that was up is', async (t) => {
  const expected = new Set<string>()
  const { balancer, plan, heard, nextPoll, lines, counters } = await balanced(t, undefined, {
    expected: () => (node) => expected.has(node),
  })
  const warned = () => lines.filter(({ code }) => code === 'haproxy.server-down').map(({ node }) => node)
  heard.rows = [
    ['m1', 'DOWN'],
    ['bs', 'DOWN'],
  ]
  await balancer.apply(plan)
  t.match(balancer.state().servers, [{ isUp: false, isExpected: false }, { isExpected: false }])
  t.same(warned(), [])
  heard.rows = [
    ['m1', 'UP'],
    ['bs', 'DOWN'],
  ]
  await nextPoll()
  heard.rows = [
    ['m1', 'DOWN'],
    ['bs', 'DOWN'],
  ]
  await nextPoll()
  await nextPoll()
  t.same(warned(), ['ocp45/m1'])
  expected.add('ocp45/bs')
  await nextPoll()
  t.same(warned(), ['ocp45/m1', 'ocp45/bs'])
  t.equal(counters.get('haproxy.serversDown'), 2)
})

t.test('without a plan, the load balancer has no state', async (t) => {
  const { balancer, haproxy, clock } = await balanced(t)
  const nothing = { applied: { outcome: 'none' }, servers: [], out: [] }
  t.same(balancer.state(), nothing)
  t.same(await balancer.apply(undefined), { outcome: 'none' })
  t.same(balancer.state(), nothing)
  t.same(haproxy.questions, [])
  t.equal(clock.pending(), 0)
})

t.test('the state of every server has a sentence', async (t) => {
  const { balancer, plan } = await balanced(t)
  t.same(await balancer.apply(plan), { outcome: 'unchanged' })
  t.same(sentences(balancer.state()), ['kubeapi m1 UP since 10:29 UTC', 'kubeapi bs UP since 10:29 UTC'])
  t.equal(balancer.state().unreachable, undefined)
})

t.test('a server that goes down and comes up is logged and counted once each', async (t) => {
  const { balancer, plan, heard, lines, counters, nextPoll } = await balanced(t)
  await balancer.apply(plan)
  heard.rows = [
    ['m1', 'DOWN'],
    ['bs', 'UP'],
  ]
  await nextPoll()
  await nextPoll()
  heard.rows = allUp
  await nextPoll()
  t.same(counters.snapshot(), { 'haproxy.serversDown': 1, 'haproxy.serversUp': 1 })
  t.match(lines, [
    {
      level: 'warn',
      node: 'ocp45/m1',
      backend: 'kubeapi',
      reason: 'kubeapi m1 DOWN since 10:29 UTC',
      msg: 'server is down',
    },
    { level: 'info', node: 'ocp45/m1', msg: 'server is up' },
  ])
})

t.test('unchecked servers after a reload are not logged', async (t) => {
  const { balancer, plan, haproxy, heard, counters, nextPoll } = await balanced(t)
  heard.rows = [
    ['m1', 'DOWN'],
    ['bs', 'UP'],
  ]
  await balancer.apply(plan)
  const { answer } = haproxy
  haproxy.answer = () => statText([['kubeapi', 'm1', '0', '0', 'UP', '1', '* INI']])
  await nextPoll()
  t.match(balancer.state().servers[0], { isUp: true, isTested: false })
  haproxy.answer = answer
  await nextPoll()
  t.same(counters.snapshot(), { 'haproxy.serversDown': 1 })
})

t.test('an unreachable HAProxy and its return are logged once', async (t) => {
  const { balancer, plan, haproxy, lines, nextPoll, clock } = await balanced(t)
  await balancer.apply(plan)
  await haproxy.close()
  await nextPoll()
  await balancer.apply(plan)
  const reason = `socket ${haproxy.path} does not exist: start HAProxy, or set haproxy.socket to its stats socket`
  t.match(balancer.state(), { unreachable: reason, servers: [] })
  const again = await fakeHaproxy(t, haproxy.path)
  again.answer = haproxy.answer
  await nextPoll()
  t.equal(balancer.state().unreachable, undefined)
  t.equal(balancer.state().servers.length, 2)
  t.match(lines, [
    { level: 'warn', reason, msg: 'HAProxy server states not available' },
    { level: 'info', socket: haproxy.path, msg: 'HAProxy reachable again' },
  ])
  t.equal(clock.pending(), 1)
  balancer.close()
  t.equal(clock.pending(), 0)
})

t.test('a drained bootstrap stays drained when the plan is applied again, until it is enabled', async (t) => {
  const { balancer, plan, heard, runtimeCommands, file, nextPoll, lines } = await balanced(t)
  await balancer.apply(plan)
  heard.rows = [
    ['m1', 'UP'],
    ['bs', 'DRAIN', '2'],
  ]
  // Its two connections show when HAProxy is asked the second time.
  t.same(await balancer.drain('ocp45/bs'), { outcome: 'told' })
  t.same(runtimeCommands(), ['set server kubeapi/bs state drain'])
  t.match(balancer.state(), { applied: { outcome: 'told' }, out: ['ocp45/bs'] })
  t.equal(sentences(balancer.state())[1], 'kubeapi bs DRAIN since 10:29 UTC, 2 connections left')
  t.match(await file(), / {2}server bs 192\.0\.2\.10:6443 backup disabled\n/)
  t.same(await balancer.apply(plan), { outcome: 'unchanged' })

  heard.rows = [
    ['m1', 'UP'],
    ['bs', 'DRAIN'],
  ]
  await nextPoll()
  t.equal(runtimeCommands().at(-1), 'set server kubeapi/bs state maint', 'its last connection is gone')
  t.match(lines.at(-1), { node: 'ocp45/bs', backend: 'kubeapi', msg: 'server has no connections left' })
  heard.rows = [
    ['m1', 'UP'],
    ['bs', 'MAINT'],
  ]
  const before = runtimeCommands().length
  await nextPoll()
  t.equal(runtimeCommands().length, before, 'nothing is left to do')

  t.same(await balancer.enable('ocp45/bs'), { outcome: 'told' })
  t.equal(runtimeCommands().at(-1), 'set server kubeapi/bs state ready')
  t.same(balancer.state().out, [])
  t.equal(await file(), renderHaproxy(plan))
})

t.test('a node that an earlier process drained stays drained', async (t) => {
  const { balancer, plan, file } = await balanced(t, new Set(['ocp45/bs']))
  t.same(await balancer.apply(plan), { outcome: 'unchanged' })
  t.match(await file(), /backup disabled/)
  t.same(balancer.state().out, ['ocp45/bs'])
})

t.test('a drained server that goes down is not logged', async (t) => {
  const { balancer, plan, heard, counters, nextPoll } = await balanced(t, new Set(['ocp45/bs']))
  await balancer.apply(plan)
  heard.rows = [
    ['m1', 'UP'],
    ['bs', 'DOWN'],
  ]
  await nextPoll()
  t.same(counters.snapshot(), {})
})

t.test('the last available server is not drained', async (t) => {
  const { balancer, plan, heard, runtimeCommands, file } = await balanced(t)
  await balancer.apply(plan)
  heard.rows = [
    ['m1', 'DOWN'],
    ['bs', 'UP'],
  ]
  t.same(await balancer.drain('ocp45/bs'), {
    outcome: 'kept',
    code: 'haproxy.last-server',
    reason: 'bs is the only server of kubeapi that is up',
  })
  t.same(runtimeCommands(), [])
  t.equal(await file(), renderHaproxy(plan))
  t.same(balancer.state().out, [])
  // One that is down already may go.
  t.match(await balancer.drain('ocp45/m1'), { outcome: 'told' })
})

t.test('concurrent actions run one after the other', async (t) => {
  const { balancer, plan, file } = await balanced(t)
  const all = [balancer.apply(plan), balancer.drain('ocp45/bs'), balancer.enable('ocp45/bs')]
  t.same(await Promise.all(all), [{ outcome: 'unchanged' }, { outcome: 'told' }, { outcome: 'told' }])
  t.equal(await file(), renderHaproxy(plan))
})

t.test('reports an HAProxy that becomes unreachable at the end of draining', async (t) => {
  const { balancer, plan, haproxy, heard, lines } = await balanced(t, new Set(['ocp45/bs']))
  heard.rows = [
    ['m1', 'UP'],
    ['bs', 'DRAIN'],
  ]
  const { answer } = haproxy
  haproxy.answer = (question) => {
    void haproxy.close()
    return answer(question)
  }
  await balancer.apply(plan)
  t.equal(
    lines.some(({ msg }) => msg === 'server has no connections left'),
    false,
  )
})

t.test(
  'a server that is still up is not cut off, and one that HAProxy keeps is not reported as removed',
  async (t) => {
    const { balancer, plan, haproxy, heard, lines, runtimeCommands } = await balanced(
      t,
      new Set(['ocp45/bs']),
    )
    await balancer.apply(plan)
    t.same(runtimeCommands(), [])
    heard.rows = [
      ['m1', 'UP'],
      ['bs', 'DOWN'],
    ]
    const { answer } = haproxy
    haproxy.answer = (question) => (question.startsWith('set') ? 'Permission denied\n\n' : answer(question))
    await balancer.apply(plan)
    t.same(runtimeCommands(), ['set server kubeapi/bs state maint'])
    t.same(lines, [])
  },
)
