/** Machines with several MAC addresses: what is known under any of them counts for each network boot. */
import t from 'tap'
import type { Secret } from '../../src/install/installs.ts'
import { initialState, type State } from '../../src/install/machine-state.ts'
import { createRelatives, withRelatives } from '../../src/install/relatives.ts'
import type { InstallNode, InstallPlan } from '../../src/plan/install.ts'
import { acknowledged, ignitionSent, installPlan, installsWorld, m1Mac } from '../support/installs.ts'

const key = 'ocp45/m1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }
const plain = { isSkipping: false }
const second = '00:00:5e:00:53:a1'
const third = '00:00:5e:00:53:b1'
const read = (token: string, what: Secret) => ({ token, address: own.address, what, isHead: false })

type World = ReturnType<typeof installsWorld>

/** Returns the plan of a site that declares m1 with these MAC addresses. */
function planWith(...mac: string[]): InstallPlan {
  return installPlan((site) => void Object.assign(site.clusters[0]!.nodes[1]!, { mac }))
}

function declare({ world, installs }: World, plan: InstallPlan): void {
  world.plan = plan
  installs.declare()
}

async function install({ installs }: World): Promise<void> {
  const answer = await installs.boot(key, plain)
  if (answer.kind !== 'install') throw new Error(`expected an installation, got ${answer.kind}`)
  await installs.mayRead(key, read(answer.token, 'master'))
  await installs.callback(key, 'written', answer.token, own)
}

t.test('an installed machine is not installed through another of its MAC addresses', async (t) => {
  const changes: { name: string; macs: string[] }[] = [
    { name: 'one is added', macs: [m1Mac, second] },
    { name: 'one is added before the known one', macs: [second, m1Mac] },
    { name: 'the known one is the last of three', macs: [third, second, m1Mac] },
  ]
  for (const { name, macs } of changes) {
    const world = installsWorld()
    await install(world)
    world.clock.advance(60_000)
    declare(world, planWith(...macs))
    t.match(world.installs.list()[1], { mode: 'installed' }, name)
    t.same(await world.installs.boot(key, plain), { kind: 'local' }, name)
    t.same(world.installs.problems(), [], `${name}: it is the same machine`)
    t.match(
      world.installs.history(key).at(0),
      { kind: 'state', to: 'installing' },
      `${name}: with its history`,
    )
    t.match(world.installs.after(0, 1, key), [{ kind: 'state', to: 'installing' }])
  }
})

t.test('a machine keeps its record when the known MAC address leaves its list', async (t) => {
  const world = installsWorld()
  declare(world, planWith(m1Mac, second))
  await install(world)
  world.clock.advance(60_000)
  declare(world, planWith(second))
  t.match(world.installs.list()[1], { mode: 'installed' })
  t.same(await world.installs.boot(key, plain), { kind: 'local' })
  t.same(world.installs.problems(), [])
  declare(world, planWith(third))
  t.match(world.installs.problems(), [{ code: 'install.machine-replaced' }], 'none of its MAC addresses')
  t.match(await world.installs.boot(key, plain), { kind: 'install' })
})

t.test('a machine that was declared as two is known by both', async (t) => {
  const two = planWith(m1Mac)
  const other = [...planWith(second)].map(([, node]): [string, InstallNode] => [
    'ocp45/m9',
    { ...node, key: 'ocp45/m9' },
  ])
  const world = installsWorld()
  declare(world, new Map([...two, other[1]!]))
  const answer = await world.installs.boot('ocp45/m9', plain)
  t.match(answer, { kind: 'install' })
  const token = answer.kind === 'install' ? answer.token : ''
  await world.installs.callback('ocp45/m9', 'written', token, own)
  world.clock.advance(60_000)
  declare(world, planWith(m1Mac, second))
  t.match(world.installs.list()[1], { mode: 'installed' })
  t.same(await world.installs.boot(key, plain), { kind: 'local' })
})

t.test('an attempt continues when the order of the MAC addresses changes', async (t) => {
  const world = installsWorld()
  declare(world, planWith(m1Mac, second))
  const first = await world.installs.boot(key, plain)
  const token = first.kind === 'install' ? first.token : ''
  t.same(await world.installs.mayRead(key, read(token, 'master')), { kind: 'allowed' })
  world.installs.observe(ignitionSent(key))
  declare(world, planWith(second, m1Mac))
  t.match(world.installs.list()[1], { mode: 'installing' })
  t.same(await world.installs.boot(key, plain), { kind: 'local' }, 'the disk is tried')
  t.same(await world.installs.callback(key, 'started', token, own), { kind: 'allowed' })
  t.match(world.installs.list()[1], { mode: 'installed' })
})

t.test('an administrator arms and forgets a machine, whatever its other records contain', async (t) => {
  const world = installsWorld()
  await install(world)
  world.clock.advance(60_000)
  declare(world, planWith(second, m1Mac))
  t.match(await world.installs.command(key, 'install'), { kind: 'done', record: { mode: 'install' } })
  world.installs.declare()
  declare(world, planWith(m1Mac, second))
  t.match(world.installs.list()[1], { mode: 'install', armedUntil: Number }, 'still armed')
  t.match(await world.installs.command(key, 'forget'), { kind: 'done', record: { mode: 'install' } })
  world.installs.declare()
  t.match(world.installs.list()[1], { mode: 'install', since: 0 }, 'and not remembered')
  t.match(await world.installs.boot(key, plain), { kind: 'install' })
})

t.test('evidence under one MAC address counts for the others', async (t) => {
  const world = installsWorld()
  world.installs.observe(acknowledged(key, 'system'))
  t.match(world.installs.list()[1], { mode: 'local', code: 'install.foreign-system' })
  declare(world, planWith(second, m1Mac))
  t.match(world.installs.list()[1], { mode: 'local', code: 'install.foreign-system' })
  t.same(await world.installs.boot(key, plain), { kind: 'local' })
})

// The union itself.

const declared: InstallNode = { ...planWith(m1Mac, second).get(key)! }
const blank = initialState(declared)
const of = (mac: string, change: Partial<State>): State => ({ ...blank, mac, ...change })
const installed = of(second, { mode: 'installed', since: 20, wasInstalled: true, reason: 'written' })
const attempt: NonNullable<State['attempt']> = {
  role: 'master',
  startedAt: 5,
  earlier: 0,
  startedBy: 'site',
  tokenHash: 'x',
  requests: 0,
  reads: 0,
  issued: { at: 5, tick: 5, epoch: 'e' },
}

const unions: { name: string; own: State; other: State; got: object }[] = [
  {
    name: 'a blank record takes the other one',
    own: blank,
    other: installed,
    got: { mac: m1Mac, mode: 'installed', since: 20, others: { [second]: 20 } },
  },
  {
    name: 'the later of two that are not blank counts',
    own: of(m1Mac, { mode: 'installing', since: 30, attempt }),
    other: installed,
    got: { mode: 'installing', since: 30, wasInstalled: false },
  },
  {
    name: 'an earlier attempt counts less',
    own: of(m1Mac, { mode: 'installing', since: 10, attempt, revision: 7, isUnshared: true }),
    other: installed,
    got: { mode: 'installed', since: 20, wasInstalled: true, revision: 7, isUnshared: true },
  },
  {
    name: 'an arming by the site file never counts',
    own: of(m1Mac, { mode: 'install', since: 90 }),
    other: of(second, { mode: 'failed', since: 20, reason: 'all attempts failed' }),
    got: { mode: 'failed', since: 20 },
  },
  {
    name: 'an arming by an administrator does',
    own: of(m1Mac, { mode: 'install', since: 90, armed: { at: 90, tick: 90, epoch: 'e' } }),
    other: installed,
    got: { mode: 'install', since: 90, wasInstalled: true },
  },
  {
    name: 'two that only the site file armed have the evidence of both',
    own: of(m1Mac, { mode: 'install', since: 90 }),
    other: of(second, {
      mode: 'local',
      since: 0,
      code: 'state.not-vouched',
      evidence: { notVouchedFor: 'lost' },
    }),
    got: { mode: 'local', code: 'state.not-vouched', evidence: { notVouchedFor: 'lost' } },
  },
]

for (const { name, own, other, got } of unions) {
  t.test(`two records of a machine: ${name}`, (t) => {
    const state = withRelatives(own, declared, [other])
    t.match(state, got)
    t.equal(withRelatives(state, declared, [other]), state, 'and nothing is new after that')
    t.end()
  })
}

t.test('a change of a record counts as long as the site declares its MAC address', (t) => {
  const known = withRelatives(blank, declared, [of(second, { since: 0 })])
  t.match(withRelatives(known, declared, [installed]), { mode: 'installed' })
  const alone = { mac: m1Mac }
  t.equal(withRelatives(known, alone, [installed]), known)
  t.end()
})

t.test('records are found by each of their MAC addresses', (t) => {
  const relatives = createRelatives([
    of(m1Mac, { others: { [second]: 0 } }),
    of(third, { others: { [second]: 1 } }),
  ])
  t.same(relatives.of({ mac: second }), [m1Mac, third])
  t.same(relatives.of({ mac: m1Mac }), [])
  t.same(relatives.of({ mac: m1Mac, otherMacs: [second] }), [second, third])
  relatives.note(of(second, { others: { [m1Mac]: 0 } }))
  t.same(relatives.of({ mac: m1Mac }), [second])
  t.end()
})
