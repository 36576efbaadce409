import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { HaproxyPlan } from '../../../src/plan/haproxy/plan.ts'
import type { MemberModel } from '../../../src/plan/model.ts'
import type { Applied } from '../../../src/serve/haproxy/apply.ts'
import type { Kept } from '../../../src/serve/haproxy/balancer.ts'
import { createDrains, readDrained, type Drained } from '../../../src/serve/haproxy/drained.ts'
import { drainWarning } from '../../../src/serve/haproxy/problems.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const startedAt = Date.UTC(2026, 10, 29, 10, 22)
const roles = { bs: 'bootstrap', w1: 'worker', w2: 'worker', w3: 'worker' }
const members = Object.entries(roles).map(([name, role]) => ({ key: `c1/${name}`, cluster: 'c1', role }))
const haproxy = {
  backends: [{ servers: [{ node: 'c1/bs' }, { node: 'c1/w1' }, { node: 'c1/w2' }] }],
} as unknown as HaproxyPlan

function rig(t: Test, directory: string | undefined = t.testdir(), drained: Drained = new Map()) {
  const commands: string[] = []
  let kept: Kept | undefined
  const told: Applied = { outcome: 'told' }
  const declared = { members: members as unknown as MemberModel[], haproxy }
  const drains = createDrains({
    balancer: {
      drain: (node) => Promise.resolve(kept ?? (commands.push(`drain ${node}`), told)),
      enable: (node) => Promise.resolve((commands.push(`enable ${node}`), told)),
    },
    plan: () => declared,
    drained,
    directory,
    clock: fakeClock(startedAt),
  })
  const keep = (reason: Kept) => void (kept = reason)
  return { drains, commands, declared, directory, keep }
}

const log = (lines: string[]) => ({ error: (_facts: object, text: string) => void lines.push(text) })

t.test('a drained node stays drained after a restart, until it is enabled', async (t) => {
  const { drains, commands, directory } = rig(t)
  const drained = { node: 'c1/w1', since: startedAt, by: 'token:anna' }
  t.same(await drains.drain('c1/w1', 'token:anna'), { kind: 'done', applied: { outcome: 'told' }, drained })
  t.match(await drains.drain('c1/w1', 'token:bert'), { drained }, 'the first command counts')
  t.same(drains.list(), [drained])
  const lines: string[] = []
  const record = await readDrained(directory, log(lines))
  t.same([...record.values()], [drained])

  const next = rig(t, directory, record)
  t.same(next.drains.list(), [drained])
  t.same(await next.drains.enable('c1/w1'), { kind: 'done', applied: { outcome: 'told' } })
  t.same(next.drains.list(), [])
  t.same((await readDrained(directory, log(lines))).size, 0)
  t.same([commands, next.commands, lines], [['drain c1/w1', 'drain c1/w1'], ['enable c1/w1'], []])
})

t.test('a node that the site removes keeps its state, in case that it is declared again', async (t) => {
  const { drains, declared } = rig(t)
  await drains.drain('c1/w1', 'local')
  const all = declared.members
  declared.members = []
  t.same(drains.list(), [])
  t.equal(await drains.enable('c1/w1'), undefined, 'undeclared')
  declared.members = all
  t.match(drains.list(), [{ node: 'c1/w1' }])
})

t.test('refuses what the load balancer cannot do', async (t) => {
  const { drains, commands, keep } = rig(t)
  t.equal(await drains.drain('c1/w9', 'local'), undefined)
  t.match(await drains.drain('c1/bs', 'local'), {
    kind: 'refused',
    code: 'haproxy.bootstrap-node',
    reason: 'c1/bs is a bootstrap: use slipway cluster bootstrap out c1, or keep',
  })
  t.match(await drains.drain('c1/w3', 'local'), {
    code: 'haproxy.node-not-balanced',
    reason: 'no backend of the load balancer contains c1/w3',
  })
  const reason = 'w1 is the only server of workerhttp that is up'
  keep({ outcome: 'kept', code: 'haproxy.last-server', reason })
  t.same(await drains.drain('c1/w1', 'local'), { kind: 'refused', code: 'haproxy.last-server', reason })
  t.same([commands, drains.list()], [[], []])
})

t.test('a state directory that cannot be written leaves the node as it was', async (t) => {
  const directory = join(t.testdir(), 'missing')
  const { drains, commands } = rig(t, directory)
  const refused = { kind: 'refused', code: 'haproxy.drain-not-recorded', reason: /cannot be written: ENOENT/ }
  t.match(await drains.drain('c1/w1', 'local'), refused)
  t.same([commands, drains.list()], [['drain c1/w1', 'enable c1/w1'], []])
  t.match(await drains.enable('c1/w1'), refused)
  t.equal(commands.length, 2, 'HAProxy did not get the command')
  await mkdir(directory)
  t.match(await drains.drain('c1/w1', 'local'), { kind: 'done' })
})

t.test('without a state directory, a drain ends with the process', async (t) => {
  const { drains } = rig(t, '')
  const memory = createDrains({
    balancer: {
      drain: () => Promise.resolve({ outcome: 'told' }),
      enable: () => Promise.reject(new Error()),
    },
    plan: () => ({ members: members as unknown as MemberModel[], haproxy }),
    drained: new Map(),
    directory: undefined,
    clock: fakeClock(startedAt),
  })
  t.same(drains.list(), [])
  t.match(await memory.drain('c1/w2', 'local'), { kind: 'done' })
  t.same((await readDrained(undefined, log([]))).size, 0)
})

t.test('a damaged record is reported, and no node is drained', async (t) => {
  const directory = t.testdir()
  const file = join(directory, 'drained-nodes.json')
  const lines: string[] = []
  for (const text of [
    '{',
    '[]',
    '{"version":2,"nodes":[]}',
    '{"version":1,"nodes":[{"node":1}]}',
    '{"version":1,"nodes":[null]}',
  ]) {
    await writeFile(file, text)
    t.equal((await readDrained(directory, log(lines))).size, 0, text)
  }
  t.equal(lines.length, 5)
  await rm(file)
  await readDrained(directory, log(lines))
  t.equal(lines.length, 5, 'a record that does not exist is empty')
  const { drains } = rig(t, directory)
  await drains.drain('c1/w1', 'local')
  t.match(JSON.parse(await readFile(file, 'utf8')), { version: 1, nodes: [{ node: 'c1/w1' }] })
})

t.test('a drained node is a warning until it is enabled', (t) => {
  t.same(drainWarning({ node: 'c1/w1', since: startedAt, by: 'token:anna' }), {
    severity: 'warning',
    code: 'haproxy.node-drained',
    about: 'c1/w1',
    message:
      'drained by token:anna since 2026-11-29 10:22 UTC: to send it connections again, run "slipway node enable c1/w1"',
  })
  t.end()
})
