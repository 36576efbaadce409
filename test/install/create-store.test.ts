/** Decisions and the disk of the server: what is recorded before it takes effect, and what a full disk changes. */
import t from 'tap'
import { openMemoryStore } from '../../src/install/open-store.ts'
import type { Store } from '../../src/install/store.ts'
import { acknowledged, ignitionSent, installsWorld, m1Mac } from '../support/installs.ts'
import { storeWithKeep } from '../support/store-with-keep.ts'

const key = 'ocp45/m1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }
const plain = { isSkipping: false }
const read = (token: string) => ({ token, address: own.address, what: 'master', isHead: false }) as const

/** A store whose disk can be full. */
function fullStore() {
  const store = openMemoryStore()
  const disk = { isFull: false }
  const full = storeWithKeep(store, (...change) => {
    if (disk.isFull) throw new Error('database or disk is full')
    store.keep(...change)
  })
  return { store, full, disk }
}

t.test('with a full disk nothing is installed, and everything else is answered', async (t) => {
  const { store, full, disk } = fullStore()
  const world = installsWorld({ store: full })
  const { installs, clock, counters } = world
  const started = await installs.boot(key, plain)
  if (started.kind !== 'install') throw new Error(`expected an installation, got ${started.kind}`)
  const { token } = started
  await installs.command('ocp45/i1', 'local')
  disk.isFull = true
  t.match(await installs.boot('ocp45/bs', plain), {
    kind: 'wait',
    code: 'state.not-writable',
    canSkip: false,
  })
  t.same(
    await installs.boot('ocp45/i1', plain),
    { kind: 'local' },
    'an answer that changes nothing needs no disk space',
  )
  await t.rejects(
    installs.mayRead(key, read(token)),
    { message: 'database or disk is full' },
    'no Ignition file without a record',
  )
  await t.rejects(installs.callback(key, 'written', token, own), { message: 'database or disk is full' })
  t.same(await installs.command(key, 'local'), {
    kind: 'refused',
    code: 'state.not-writable',
    reason: 'the state cannot be written: database or disk is full',
  })
  t.match(installs.list(), [{ mode: 'install' }, { mode: 'installing' }])
  t.match(installs.problems(), [
    { code: 'state.not-writable', text: 'the state cannot be written: database or disk is full' },
  ])
  installs.observe(acknowledged(key, 'firmware'))
  clock.advance(20_000)
  t.ok(counters.get('install.unwritten') >= 4)
  t.equal(world.lines.filter(({ msg }) => msg === 'state write failed').length, 1, 'logged once')
  disk.isFull = false
  clock.advance(5000)
  t.same(installs.problems(), [], 'writes resume without another request')
  t.equal(store.history(key).length, 0)
  t.equal(store.history(m1Mac).filter(({ kind }) => kind === 'dhcp').length, 1)
  t.match(await installs.callback(key, 'written', token, own), { kind: 'allowed' })
})

t.test(
  'an installed node boots its disk with a full disk on the server, also after a lost probe',
  async (t) => {
    const { full, disk } = fullStore()
    const { installs, clock } = installsWorld({ store: full })
    const started = await installs.boot(key, plain)
    if (started.kind !== 'install') throw new Error(`expected an installation, got ${started.kind}`)
    await installs.mayRead(key, read(started.token))
    disk.isFull = true
    t.same(await installs.boot(key, plain), { kind: 'local' }, 'its disk is tried')
    clock.advance(6000)
    t.match(await installs.boot(key, plain), { kind: 'wait', code: 'state.not-writable' }, 'nothing resumes')
    disk.isFull = false
    t.match(await installs.boot(key, plain), { kind: 'install' })
  },
)

t.test('an installation resumes although its progress reports cannot be deleted', async (t) => {
  const store: Store = {
    ...openMemoryStore(),
    forgetProgress() {
      throw new Error('database or disk is full')
    },
  }
  const { installs, lines } = installsWorld({ store })
  t.match(await installs.boot(key, plain), { kind: 'install' })
  t.match(await installs.boot(key, plain), { kind: 'install' })
  t.match(
    lines.filter(({ level }) => level === 'warn'),
    [{ node: key, err: { message: 'database or disk is full' }, msg: 'progress reports not deleted' }],
  )
})

t.test('the start is recorded before the script, and the delivery before the Ignition file', async (t) => {
  const store = openMemoryStore()
  const written: string[] = []
  const logged = storeWithKeep(store, (states, ...rest) => {
    store.keep(states, ...rest)
    const state = states.get(m1Mac)
    if (state) written.push(`${state.mode}${state.attempt?.delivered ? ' delivered' : ''}`)
  })
  const { installs } = installsWorld({ store: logged })
  const started = await installs.boot(key, plain)
  if (started.kind !== 'install') throw new Error(`expected an installation, got ${started.kind}`)
  t.equal(written.at(-1), 'installing')
  await installs.mayRead(key, { ...read(started.token), isHead: true })
  t.equal(written.at(-1), 'installing', 'HEAD sends nothing')
  t.match(await installs.mayRead(key, read(started.token)), { kind: 'allowed' })
  t.equal(written.at(-1), 'installing delivered')
})

t.test('a Ready condition is recorded at once, so that a later installation knows it', async (t) => {
  const store = openMemoryStore()
  const written: unknown[] = []
  const logged = storeWithKeep(store, (states, ...rest) => {
    store.keep(states, ...rest)
    written.push(states.get(m1Mac)?.readySince)
  })
  const { installs, clock } = installsWorld({ store: logged })
  await installs.command(key, 'local')
  const ready = (since: number) => installs.observe({ node: key, kind: 'cluster', word: 'ready', since })
  ready(1000)
  t.equal(written.at(-1), 1000)
  ready(2000)
  t.equal(written.at(-1), 2000, 'also without other news')
  const { length } = written
  clock.advance(20)
  ready(2000)
  t.equal(written.length, length, 'a repeated report is not urgent')
})

/** Every moment at which the process can end: what the store has then decides the next boot. */
t.test(
  'after slipway is killed at any write, a machine boots its disk or resumes the same installation',
  async (t) => {
    for (let lost = 0; lost < 12; lost++) {
      const store = openMemoryStore()
      let writes = 0
      let isDead = false
      const states = new Map(store.states)
      const dying = storeWithKeep(store, (change, ...rest) => {
        if (isDead || writes++ === lost) {
          isDead = true
          throw new Error('killed')
        }
        store.keep(change, ...rest)
        for (const [machine, state] of change) if (state !== undefined) states.set(machine, state)
      })
      const { installs } = installsWorld({ store: dying })
      let isScriptSent = false
      let isIgnitionSent = false
      const boot = await installs.boot(key, plain)
      if (boot.kind === 'install') {
        isScriptSent = true
        try {
          isIgnitionSent = (await installs.mayRead(key, read(boot.token))).kind === 'allowed'
          installs.observe(ignitionSent(key))
          await installs.callback(key, 'written', boot.token, own)
        } catch {
          // The process is dead.
        }
      }
      const next = installsWorld({
        store: { ...store, states: new Map(states), lastSequence: 1000 },
      }).installs
      const record = next.list()[1]!
      if (isScriptSent)
        t.match(record.attempt, { earlier: 0 }, `killed at write ${lost}: the start is recorded`)
      const answer = await next.boot(key, plain)
      if (isIgnitionSent) t.equal(answer.kind, 'local', `killed at write ${lost}: the disk may be written`)
      await next.command(key, 'local')
    }
  },
)

t.test('evidence that a node is installed is on the disk before the next observation', async (t) => {
  const store = openMemoryStore()
  const modes: string[] = []
  const logged = storeWithKeep(store, (states, ...rest) => {
    store.keep(states, ...rest)
    modes.push(states.get(m1Mac)?.mode ?? '')
  })
  const { installs, clock } = installsWorld({ store: logged })
  await installs.boot(key, plain)
  installs.observe(ignitionSent(key))
  clock.advance(120_000)
  t.equal(modes.at(-1), 'installing')
  installs.observe({ node: key, kind: 'cluster', word: 'ready', since: clock.now() })
  t.equal(modes.at(-1), 'installed', 'no time has passed')
  const writes = modes.length
  installs.observe(acknowledged(key, 'firmware'))
  t.equal(modes.length, writes, 'an observation without a decision is written with its batch')
})

t.test('a node that is forgotten while the disk becomes full has the declared state', async (t) => {
  const store = openMemoryStore()
  const full = storeWithKeep(store, (states, observations, repeats) => {
    if (observations.some(({ observation }) => observation.kind === 'command'))
      throw new Error('database or disk is full')
    store.keep(states, observations, repeats)
  })
  const { installs } = installsWorld({ store: full })
  await installs.boot(key, plain)
  t.match(await installs.command(key, 'forget'), {
    kind: 'refused',
    reason: /^the state cannot be written: /,
  })
  t.match(installs.list()[1], { mode: 'install', reason: 'the site file sets boot: install' })
  t.same(installs.history(key), [])
})

t.test('old observations are deleted once an hour', (t) => {
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
