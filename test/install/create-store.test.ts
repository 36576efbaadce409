import t from 'tap'
import { openMemoryStore, type Store } from '../../src/install/store.ts'
import { acknowledged, ignitionSent, installsWorld } from '../support/installs.ts'

const key = 'ocp45/m1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }
const plain = { isSkipping: false }

t.test('after a loss every node boots its disk until a person says otherwise', async (t) => {
  const store: Store = { ...openMemoryStore(), loss: 'the database was damaged' }
  const { installs, lines } = installsWorld({ store })
  t.match(lines[0], { level: 'error', reason: 'the database was damaged' })
  t.match(installs.list(), Array(4).fill({ mode: 'local', reason: /^what was known of it is lost/ }))
  t.same(await installs.boot(key, plain), { kind: 'local' })
  installs.command(key, 'install')
  t.match(await installs.boot(key, plain), { kind: 'install' })
})

t.test('what cannot be written is not answered, and is as it was', async (t) => {
  const store = openMemoryStore()
  let isFull = false
  const full: Store = {
    ...store,
    keep(states, observations) {
      if (isFull) throw new Error('database or disk is full')
      store.keep(states, observations)
    },
  }
  const world = installsWorld({ store: full })
  const { installs, clock, counters } = world
  const begun = await installs.boot(key, plain)
  if (begun.kind !== 'install') throw new Error(`expected an installation, got ${begun.kind}`)
  const { token } = begun
  isFull = true
  t.same(await installs.boot('ocp45/bs', plain), {
    kind: 'wait',
    reason: 'the server cannot write down what it decides: its log says why',
    canSkip: false,
  })
  t.throws(() => installs.callback(key, 'written', token, own), { message: 'database or disk is full' })
  t.same(installs.command(key, 'local'), {
    kind: 'refused',
    reason: 'the state cannot be written: database or disk is full',
  })
  t.match(installs.list(), [{ mode: 'install' }, { mode: 'installing' }])
  installs.observe(acknowledged(key, 'system'))
  clock.advance(1000)
  t.ok(counters.get('install.unwritten') >= 4)
  isFull = false
  installs.observe(acknowledged(key, 'system'))
  clock.advance(1000)
  t.equal(store.history(key).filter(({ kind }) => kind === 'dhcp').length, 2, 'and written later')
  t.match(installs.callback(key, 'written', token, own), { kind: 'allowed' })
})

t.test('evidence that a node is installed is on the disk before anything else is heard of it', async (t) => {
  for (const word of ['system', 'ready'] as const) {
    const store = openMemoryStore()
    const modes: string[] = []
    const kept: Store = {
      ...store,
      keep(states, observations) {
        store.keep(states, observations)
        modes.push(states.get(key)?.mode ?? '')
      },
    }
    const { installs, clock } = installsWorld({ store: kept })
    await installs.boot(key, plain)
    installs.observe(ignitionSent(key))
    clock.advance(120_000)
    t.equal(modes.at(-1), 'installing')
    if (word === 'system') installs.observe(acknowledged(key, 'system'))
    else installs.observe({ node: key, kind: 'cluster', word, since: clock.now() })
    t.equal(modes.at(-1), 'installed', 'no time has passed')
    const writes = modes.length
    installs.observe(acknowledged(key, 'system'))
    t.equal(modes.length, writes, 'what decides nothing is written with its lot')
  }
})

t.test('a node that was forgotten while the disk became full is as the site says', async (t) => {
  const store = openMemoryStore()
  const full: Store = {
    ...store,
    keep(states, observations) {
      if (observations.some(({ kind }) => kind === 'command')) throw new Error('database or disk is full')
      store.keep(states, observations)
    },
  }
  const { installs } = installsWorld({ store: full })
  await installs.boot(key, plain)
  t.match(installs.command(key, 'forget'), { kind: 'refused', reason: /^the state cannot be written: / })
  t.match(installs.list()[1], { mode: 'install', reason: 'the site file says install' })
  t.same(installs.history(key), [])
})

t.test('of what cannot be written for long the latest is kept', (t) => {
  const { installs } = installsWorld()
  // Each another one than the one before.
  for (let count = 0; count < 10_003; count++) {
    installs.observe({ ...acknowledged(key, 'ipxe'), architecture: count })
  }
  const history = installs.history(key)
  t.equal(history.length, 10_000)
  t.match([history.at(0), history.at(-1)], [{ sequence: 4 }, { sequence: 10_003 }])
  t.end()
})

t.test('old observations are taken away once in an hour', (t) => {
  const store = openMemoryStore()
  let pruned = 0
  const counting: Store = {
    ...store,
    prune(now) {
      pruned++
      store.prune(now)
    },
    close: () => {},
  }
  const { installs, clock } = installsWorld({ store: counting })
  for (let minute = 0; minute < 130; minute++) {
    installs.observe(acknowledged(key, 'ipxe'))
    clock.advance(60_000)
  }
  t.equal(pruned, 3)
  installs.close()
  t.equal(clock.pending(), 0)
  t.end()
})
