/** Two appliances on one store: which one installs, what the other one knows, and what happens without a response. */
import t from 'tap'
import { openMemoryStore } from '../../../src/install/open-store.ts'
import type { State } from '../../../src/install/machine-state.ts'
import type { Store } from '../../../src/install/store.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeEtcd } from '../../support/fake-etcd.ts'
import { acknowledged, ignitionSent, installPlan, installsWorld, m1Mac } from '../../support/installs.ts'
import { storeWithKeep } from '../../support/store-with-keep.ts'

const key = 'ocp45/m1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }
const plain = { isSkipping: false }
const prefix = '/slipway/lab'
const read = (token: string) => ({ token, address: own.address, what: 'master', isHead: false }) as const

/** Resolves after all promises that wait for the store. */
const settled = async (): Promise<void> => {
  for (let count = 0; count < 200; count++) await Promise.resolve()
}

function pair() {
  const etcd = fakeEtcd()
  const clock = fakeClock()
  const appliance = (address: string, store = openMemoryStore()) =>
    installsWorld({
      store,
      clock,
      epoch: `boot of ${address}`,
      shared: { etcd: etcd.client, prefix, address },
    })
  const [a, b] = [appliance('192.0.2.5'), appliance('192.0.2.6')]
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500)
      await settled()
    }
  }
  const modes = () => [a, b].map(({ installs }) => installs.list()[1]?.mode)
  return { etcd, clock, a, b, appliance, pass, modes }
}

async function begun({ a, pass }: ReturnType<typeof pair>): Promise<string> {
  await pass(1000)
  const answer = await a.installs.boot(key, plain)
  if (answer.kind !== 'install') throw new Error(`expected an installation, got ${answer.kind}`)
  return answer.token
}

t.test('an installation of one appliance is known to the other one', async (t) => {
  const world = pair()
  const { a, b, pass, modes } = world
  const token = await begun(world)
  t.match(await a.installs.mayRead(key, read(token)), { kind: 'allowed' })
  await a.installs.callback(key, 'written', token, own)
  await pass(3000)
  t.same(modes(), ['installed', 'installed'])
  t.same(await b.installs.boot(key, plain), { kind: 'local' })
  t.match(await b.installs.command(key, 'install'), { kind: 'done' })
  await pass(1000)
  t.match(await a.installs.boot(key, plain), { kind: 'install' }, 'armed at the other appliance')
})

t.test('a boot counts the DHCP exchange that waits until the store has an earlier change', async (t) => {
  const { etcd, clock, pass } = pair()
  const plan = installPlan((site) => Object.assign(site.clusters[0]!, { requireDhcp: true }))
  const answered = Promise.withResolvers<undefined>()
  let isHeld = false
  const client: typeof etcd.client = {
    ...etcd.client,
    async call(path, ...rest) {
      if (isHeld && path.endsWith('/txn')) await answered.promise
      return etcd.client.call(path, ...rest)
    },
  }
  const address = '192.0.2.7'
  const { installs } = installsWorld({
    ...{ clock, plan: () => plan, epoch: address, shared: { etcd: client, prefix, address } },
  })
  await pass(1000)
  isHeld = true
  installs.observe({ ...acknowledged(key, 'firmware'), uuid: '4c4c4544-0042-3510-8052-b4c04f4a4d32' })
  await pass(500)
  installs.observe(acknowledged(key, 'ipxe'))
  const answer = installs.boot(key, plain)
  await settled()
  answered.resolve(undefined)
  t.match(await answer, { kind: 'install' })
})

t.test('of two boots at the same time, one gets the installing script', async (t) => {
  const world = pair()
  await world.pass(1000)
  const answers = await Promise.all([world.a, world.b].map(({ installs }) => installs.boot(key, plain)))
  t.same(answers.map(({ kind }) => kind).sort(), ['install', 'wait'])
  t.match(
    answers.find(({ kind }) => kind === 'wait'),
    { code: 'store.claimed' },
  )
})

t.test(
  'the other appliance resumes an installation after the claim expired, and the first token ends',
  async (t) => {
    const world = pair()
    const { a, b, etcd, pass } = world
    const token = await begun(world)
    t.match(await b.installs.boot(key, plain), { kind: 'wait', code: 'store.claimed' })
    etcd.expire(`${prefix}/claims/`)
    await pass(1000)
    const answer = await b.installs.boot(key, plain)
    t.match(answer, { kind: 'install' })
    t.match(await a.installs.mayRead(key, read(token)), { kind: 'refused', code: 'ignition.wrong-token' })
  },
)

t.test('a record that the other appliance changed before its event arrived has precedence', async (t) => {
  const world = pair()
  const { a, b, etcd } = world
  await world.pass(1000)
  etcd.endWatches()
  const answer = await a.installs.boot(key, plain)
  if (answer.kind !== 'install') throw new Error(answer.kind)
  await a.installs.mayRead(key, read(answer.token))
  etcd.expire(`${prefix}/claims/`)
  t.match(b.installs.list()[1], { mode: 'install' }, 'no news yet')
  t.same(await b.installs.boot(key, plain), { kind: 'local' }, 'the disk may be written')
})

t.test('without an answer of the store nothing is installed, and everything else continues', async (t) => {
  const world = pair()
  const { a, etcd, clock, pass } = world
  await pass(1000)
  etcd.world.fault = 'no answer'
  t.match(await a.installs.boot(key, plain), { kind: 'wait', code: 'store.unreachable', canSkip: false })
  t.match(a.installs.list()[1], { mode: 'install' })
  t.match(await a.installs.command(key, 'install'), { kind: 'refused', code: 'store.unreachable' })
  await pass(4000)
  t.match(a.installs.problems(), [{ code: 'store.unreachable', text: /^the shared store does not answer: / }])
  clock.advance(60_000)
  t.match(
    await a.installs.boot(key, plain),
    { kind: 'local', code: 'store.unreachable' },
    'perhaps it is installed',
  )
  t.match(await a.installs.boot(key, plain), { kind: 'wait' })
  etcd.world.fault = 'none'
  await pass(4000)
  t.same(a.installs.problems(), [])
  t.match(await a.installs.boot(key, plain), { kind: 'install' })
})

t.test(
  'no Ignition file is sent before the store has its delivery; a callback is kept until it has',
  async (t) => {
    const world = pair()
    const { a, etcd, pass, modes } = world
    const token = await begun(world)
    etcd.world.fault = 'no answer'
    await t.rejects(a.installs.mayRead(key, read(token)), { code: 'store.unreachable' })
    etcd.world.fault = 'none'
    t.match(await a.installs.mayRead(key, read(token)), { kind: 'allowed' })
    a.installs.observe(ignitionSent(key))
    etcd.world.fault = 'no answer'
    t.match(await a.installs.callback(key, 'written', token, own), { kind: 'allowed' })
    t.same(modes(), ['installed', 'installing'])
    etcd.world.fault = 'none'
    await pass(5000)
    t.same(modes(), ['installed', 'installed'])
  },
)

t.test('a start whose response was lost is reverted: its script was never sent', async (t) => {
  const world = pair()
  const { a, b, etcd, pass } = world
  await pass(1000)
  etcd.world.fault = 'lost answer'
  t.match(await a.installs.boot(key, plain), { kind: 'wait', code: 'store.unreachable' })
  etcd.world.fault = 'none'
  etcd.endWatches()
  await pass(12_000)
  t.same(world.modes(), ['install', 'install'])
  etcd.expire(`${prefix}/claims/`)
  await pass(1000)
  t.match(await b.installs.boot(key, plain), { kind: 'install' })
  t.match(b.installs.list()[1], { attempt: { earlier: 0 } }, 'no attempt was used up')
})

t.test('a restart without the store knows what is installed', async (t) => {
  const world = pair()
  const { a, etcd, appliance, pass } = world
  const states = new Map<string, State>()
  const memory = openMemoryStore()
  const store: Store = storeWithKeep(
    {
      ...memory,
      states,
    },
    (changes, ...rest) => {
      memory.keep(changes, ...rest)
      for (const [machine, state] of changes) if (state !== undefined) states.set(machine, state)
    },
  )
  appliance('192.0.2.7', store)
  const token = await begun(world)
  await a.installs.mayRead(key, read(token))
  await a.installs.callback(key, 'written', token, own)
  await pass(5000)
  etcd.world.fault = 'no answer'
  const { installs } = appliance('192.0.2.7', { ...store, states: new Map(states), lastSequence: 1000 })
  t.same(await installs.boot(key, plain), { kind: 'local' })
  t.match(await installs.boot('ocp45/i1', plain), { kind: 'wait', code: 'store.unreachable' })
})

t.test('observations of one appliance are in the history of the other one', async (t) => {
  const world = pair()
  const { a, b, pass } = world
  await pass(1000)
  a.installs.observe(acknowledged(key, 'firmware'))
  await pass(3000)
  t.match(b.installs.history(key), [{ kind: 'dhcp', asker: 'firmware', appliance: '192.0.2.5' }])
  t.equal(typeof b.installs.list()[1]?.lastSeen, 'number')
  await pass(5000)
  t.equal(a.installs.history(key).length, 1, 'the store does not return what this appliance wrote')
})

t.test('records of a store that was emptied are published again, and that is reported', async (t) => {
  const world = pair()
  const { a, b, etcd, pass } = world
  const token = await begun(world)
  await a.installs.mayRead(key, read(token))
  await a.installs.callback(key, 'written', token, own)
  await pass(3000)
  etcd.clear()
  etcd.endWatches()
  await pass(12_000)
  t.match([...etcd.entries.keys()].includes(`${prefix}/machines/${m1Mac}`), true)
  t.same(await b.installs.boot(key, plain), { kind: 'local' })
  t.match(a.installs.problems(), [{ code: 'store.replaced' }])
  a.installs.acceptLoss()
  t.same(a.installs.problems(), [])
})

t.test('a forgotten machine is new for both appliances', async (t) => {
  const world = pair()
  const { a, b, pass, modes } = world
  const token = await begun(world)
  await a.installs.mayRead(key, read(token))
  await a.installs.callback(key, 'written', token, own)
  await pass(3000)
  t.match(await b.installs.command(key, 'forget'), { kind: 'done', record: { mode: 'install' } })
  await pass(3000)
  t.same(modes(), ['install', 'install'])
})

t.test('a record that the store lost is published again, with or without a message about it', async (t) => {
  for (const isTold of [true, false]) {
    const { a, etcd, pass } = pair()
    const path = `${prefix}/machines/${m1Mac}`
    await pass(1000)
    t.ok(etcd.entries.has(path))
    if (isTold) etcd.expire(path)
    else etcd.entries.delete(path)
    t.notOk(etcd.entries.has(path))
    a.installs.observe({ node: key, kind: 'cluster', word: 'registered' })
    await pass(3000)
    t.match(etcd.entries.get(path)?.value, /"mode":"local"/)
    t.match(await a.installs.boot(key, plain), { kind: 'local' })
  }
})

t.test('a shared record that is damaged is reported, and changes nothing', async (t) => {
  const { a, etcd, pass } = pair()
  const path = `${prefix}/machines/${m1Mac}`
  await pass(1000)
  const before = a.installs.list()
  etcd.entries.set(path, { key: path, value: '{"write":', revision: 1000 })
  etcd.endWatches()
  await pass(2000)
  t.same(a.installs.list(), before)
  t.match(
    a.lines.filter(({ level }) => level === 'error'),
    [{ machine: m1Mac, code: 'store.record-unreadable', msg: 'shared record unreadable' }],
  )
})

t.test('a start that only the shared store could write is reverted: its script was never sent', async (t) => {
  const { appliance, b, pass } = pair()
  const store = openMemoryStore()
  let isFull = false
  const keep: Store['keep'] = (...change) => {
    if (isFull) throw new Error('database or disk is full')
    store.keep(...change)
  }
  const { installs } = appliance('192.0.2.7', storeWithKeep(store, keep))
  await pass(1000)
  isFull = true
  t.match(await installs.boot(key, plain), { kind: 'wait', canSkip: false, code: 'state.not-writable' })
  t.match(installs.list()[1], { mode: 'install' })
  t.match(await b.installs.boot(key, plain), { kind: 'wait', code: 'store.claimed' })
  isFull = false
  t.match(await installs.boot(key, plain), { kind: 'install' })
  t.match(installs.list()[1], { mode: 'installing', attempt: { earlier: 0 } }, 'no attempt was used up')
})

t.test('an appliance that was closed leaves nothing behind, also when its watch ends then', async (t) => {
  const { a, b, etcd, clock, pass } = pair()
  await pass(1000)
  for (const { installs } of [a, b]) {
    installs.observe(acknowledged(key, 'firmware'))
    installs.observe({ node: key, kind: 'cluster', word: 'registered' })
    installs.close()
  }
  t.equal(clock.pending(), 0)
  const { calls } = etcd.world
  const lines = a.lines.length
  etcd.endWatches()
  await pass(10_000)
  t.equal(etcd.world.calls, calls)
  t.equal(a.lines.length, lines)
})
