import t from 'tap'
import type { BalancedServer, BalancerReport } from '../../../../src/cli/client.ts'
import { createDrainProgress } from '../../../../src/cli/commands/node/drain-progress.ts'

function server(backend: string, status: string, connections: number, node = 'c1/w1'): BalancedServer {
  const name = node.slice('c1/'.length)
  const sentence = `${backend} ${name} ${status} since 10:22 UTC, ${connections} left`
  return { node, backend, server: name, status, connections, sentence, isUp: false, isLeaving: true }
}

function report(...servers: BalancedServer[]): BalancerReport {
  return { applied: { outcome: 'told' }, servers }
}

t.test('prints a line for each change until no backend has the servers', (t) => {
  const progress = createDrainProgress(['c1/w1', 'c1/w2'], [])
  const other = server('workerhttp', 'UP', 9, 'c1/w3')
  const first = report(server('workerhttp', 'DRAIN', 2), server('workerhttps', 'MAINT', 0, 'c1/w2'), other)
  t.same(progress(first, 0), {
    lines: ['workerhttp w1 DRAIN since 10:22 UTC, 2 left', 'workerhttps w2 MAINT since 10:22 UTC, 0 left'],
  })
  t.same(progress(first, 1), { lines: [] })
  t.same(progress(report(server('workerhttp', 'DRAIN', 1), other), 2), {
    lines: ['workerhttp w1 DRAIN since 10:22 UTC, 1 left', 'workerhttps w2 removed'],
  })
  t.same(progress(report(other), 3), { lines: ['workerhttp w1 removed'], end: 'done' })
  t.end()
})

t.test('ends at once when there is no server to drain', (t) => {
  t.same(createDrainProgress(['c1/w1'], [])(report(), 0), { lines: [], end: 'done' })
  t.same(createDrainProgress(['c1/w1'], [])(undefined, 0), {
    lines: ['this slipway does not write a load balancer configuration'],
    end: 'done',
  })
  t.end()
})

t.test('a change that HAProxy rejected is reported', (t) => {
  const failed: BalancerReport = { ...report(), applied: { outcome: 'refused', reason: 'unknown keyword' } }
  t.same(createDrainProgress(['c1/w1'], [])(failed, 0), {
    lines: [],
    end: { kind: 'refused', reason: 'HAProxy keeps its previous configuration (refused): unknown keyword' },
  })
  t.end()
})

t.test('connections of a server that a reload removed cannot be verified', (t) => {
  const before = [
    { ...server('workerhttp', 'UP', 0), isLeaving: false },
    { ...server('workerhttps', 'UP', 3), isLeaving: false },
    { ...server('workerhttp', 'UP', 3, 'c1/w2'), isLeaving: false },
  ]
  t.same(createDrainProgress(['c1/w1'], before.slice(0, 1))(report(), 0), {
    lines: ['workerhttp w1 removed'],
    end: 'done',
  })
  t.same(createDrainProgress(['c1/w1'], before)(report(), 0), {
    lines: ['workerhttp w1 removed', 'workerhttps w1 removed by a reload, with 3 connections'],
    end: {
      kind: 'refused',
      reason: '3 connections continue in the previous HAProxy process, which cannot be queried',
    },
  })
  t.end()
})

t.test('a server that drained between two reports is not reported as cut off', (t) => {
  const before = [{ ...server('workerhttp', 'UP', 3), isLeaving: false }]
  const removed = (connections?: number): BalancerReport => ({
    ...report(),
    removed: [{ node: 'c1/w1', backend: 'workerhttp', server: 'w1', connections }],
  })
  t.same(createDrainProgress(['c1/w1'], before)(removed(0), 0), {
    lines: ['workerhttp w1 removed'],
    end: 'done',
  })
  t.match(createDrainProgress(['c1/w1'], before)(removed(2), 0), {
    end: { reason: /^2 connections continue/ },
  })
  t.match(createDrainProgress(['c1/w1'], before)(removed(), 0), {
    end: { reason: /^3 connections continue/ },
  })
  t.end()
})

t.test('an HAProxy that does not respond is reported, and ends the command after 15 s', (t) => {
  const progress = createDrainProgress(['c1/w1'], [])
  const unreachable = { ...report(), unreachable: 'there is no socket /run/haproxy/admin.sock' }
  t.same(progress(unreachable, 0), { lines: ['! there is no socket /run/haproxy/admin.sock'] })
  t.same(progress(unreachable, 14_000), { lines: [] })
  t.match(progress(report(server('workerhttp', 'DRAIN', 1)), 14_500), { lines: [/^workerhttp w1/] })
  t.match(progress(unreachable, 20_000), { lines: [/^! /], end: undefined })
  t.match(progress(unreachable, 35_000), { lines: [], end: { kind: 'refused', reason: /--until reloaded/ } })
  t.end()
})
