/** Nodes under random sequences of boots, downloads, callbacks, commands, restarts, and time. */
import fc from 'fast-check'
import t from 'tap'
import { createInstalls, type InstallsOptions } from '../../src/install/create.ts'
import type { Installs } from '../../src/install/installs.ts'
import { tokenLifetimeMs } from '../../src/install/decide-boot.ts'
import { openMemoryStore } from '../../src/install/open-store.ts'
import {
  acknowledged,
  allowed,
  ignitionSent,
  installPlan,
  installsWorld,
  testEpoch,
} from '../support/installs.ts'
import { storeWithKeep } from '../support/store-with-keep.ts'

const key = 'ocp45/m1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }
const read = (token: string) => ({ token, address: own.address, what: 'master', isHead: false }) as const

/** The machine as it really is; slipway knows only what it observes. */
type World = {
  installs: Installs
  readonly restart: () => Installs
  readonly advance: (ms: number) => void
  readonly now: () => number
  token: string | undefined
  readonly tokens: { readonly token: string; readonly at: number }[]
  /** What it runs: nothing, or the installer with what it has of the Ignition file. */
  runs: 'nothing' | 'installer' | 'writing' | 'disk'
  /** Whether its disk holds a whole system. */
  isWritten: boolean
  /** A system with a static address sends no DHCP request. */
  isStatic: boolean
  /** When the system on its disk was Ready last. */
  readySince: number | undefined
  /** Installations that were completed since a person, or the first declaration, asked for one. */
  completed: number
}

async function powerOn(world: World): Promise<void> {
  world.runs = 'nothing'
  const answer = await world.installs.boot(key, { isSkipping: false })
  if (answer.kind === 'install') {
    world.token = answer.token
    world.tokens.push({ token: answer.token, at: world.now() })
    world.runs = 'installer'
  } else if (answer.kind === 'local' && world.isWritten) {
    world.runs = 'disk'
    world.advance(20_000)
    if (!world.isStatic) world.installs.observe(acknowledged(key, 'system'))
  }
}

/** @param isFresh whether the node becomes Ready now; otherwise the cluster repeats its last report */
function sayReady(world: World, isFresh: boolean): void {
  if (isFresh && world.runs === 'disk') world.readySince = world.now()
  if (world.readySince === undefined) return
  world.installs.observe({ node: key, kind: 'cluster', word: 'ready', since: world.readySince })
}

async function fetchIgnition(world: World): Promise<void> {
  if (world.runs !== 'installer' || world.token === undefined) return
  if ((await world.installs.mayRead(key, read(world.token))).kind === 'refused') return
  world.installs.observe(ignitionSent(key))
  world.runs = 'writing'
  world.isWritten = false
}

async function write(world: World, isHeard: boolean): Promise<void> {
  if (world.runs !== 'writing' || world.token === undefined) return
  world.isWritten = true
  world.completed++
  world.runs = 'nothing'
  if (world.completed > 1) throw new Error('installed twice without a command between')
  if (isHeard) await world.installs.callback(key, 'written', world.token, own)
}

const commands = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ name: 'power on', run: powerOn }) },
  { weight: 4, arbitrary: fc.constant({ name: 'fetch', run: (world: World) => fetchIgnition(world) }) },
  { weight: 3, arbitrary: fc.constant({ name: 'write', run: (world: World) => write(world, true) }) },
  {
    weight: 2,
    arbitrary: fc.constant({ name: 'write unheard', run: (world: World) => write(world, false) }),
  },
  {
    weight: 2,
    arbitrary: fc.boolean().map((isFresh) => ({
      name: isFresh ? 'ready' : 'still ready',
      run: (world: World) => sayReady(world, isFresh),
    })),
  },
  {
    weight: 2,
    arbitrary: fc.constant({
      name: 'restart',
      run: (world: World) => void (world.installs = world.restart()),
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(1000, 70_000, 11 * 60_000, tokenLifetimeMs)
      .map((ms) => ({ name: `wait ${ms} ms`, run: (world: World) => world.advance(ms) })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('install', 'local', 'menu').map((command) => ({
      name: command,
      async run(world: World) {
        await world.installs.command(key, command)
        if (command === 'install') world.completed = 0
      },
    })),
  },
)

function newWorld(): World {
  const { clock, counters } = installsWorld()
  const store = openMemoryStore()
  const plan = installPlan()
  const silent: InstallsOptions['log'] = {
    debug() {},
    info() {},
    warn() {},
    error() {},
    isDebug: () => false,
    for: () => silent,
  }
  // Reopened as the same database: what was kept, and nothing that was not.
  const kept = new Map(store.states)
  let sequence = 0
  let life = 0
  const restart = () => {
    const mine = ++life
    return createInstalls({
      plan: () => plan,
      clock,
      counters,
      log: silent,
      canStartInstall: () => allowed,
      epoch: testEpoch,
      gate: { isOpen: () => Promise.resolve(true) },
      store: storeWithKeep(
        { ...store, states: new Map(kept), lastSequence: sequence },
        (states, observations, repeats) => {
          // A process that was killed writes nothing more.
          if (mine !== life) return
          store.keep(states, observations, repeats)
          for (const [machine, state] of states) if (state !== undefined) kept.set(machine, state)
          sequence = observations.at(-1)?.observation.sequence ?? sequence
        },
      ),
    })
  }
  return {
    installs: restart(),
    restart,
    advance: (ms) => clock.advance(ms),
    now: () => clock.now(),
    token: undefined,
    tokens: [],
    runs: 'nothing',
    isWritten: false,
    completed: 0,
    isStatic: false,
    readySince: undefined,
  }
}

/** Only the last token of a node gives access: only while the node installs, and for an hour. */
async function checkTokens(world: World): Promise<void> {
  const mode = world.installs.list()[1]?.mode
  for (const { token, at } of world.tokens.slice(-5)) {
    const isLast = token === world.tokens.at(-1)?.token
    const mayBeOpen = isLast && mode === 'installing' && world.now() < at + tokenLifetimeMs
    // Asking for what is open would use it up.
    if (!mayBeOpen && (await world.installs.mayRead(key, read(token))).kind === 'allowed')
      throw new Error(`a token is valid in mode ${mode}`)
    if ((await world.installs.mayRead(key, { ...read(token), address: '192.0.2.21' })).kind === 'allowed') {
      throw new Error('a token is valid for another node')
    }
  }
}

t.test(
  'no machine is installed twice without a command, and no token is valid outside its time',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(commands, { maxLength: 40 }), async (steps) => {
        const world = newWorld()
        for (const step of steps) {
          await step.run(world)
          await checkTokens(world)
        }
      }),
      { numRuns: 200 },
    )
    t.pass('held')
  },
)

t.test('an armed node that boots and downloads is installed, after any earlier events', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(commands, { maxLength: 20 }), fc.boolean(), async (steps, isStatic) => {
      const world = newWorld()
      for (const step of steps) await step.run(world)
      world.isStatic = isStatic
      await world.installs.command(key, 'install')
      world.completed = 0
      for (let again = 0; again < 4 && world.installs.list()[1]?.mode !== 'installed'; again++) {
        await powerOn(world)
        await fetchIgnition(world)
        await write(world, true)
      }
      if (world.installs.list()[1]?.mode !== 'installed' || !world.isWritten) throw new Error('not installed')
    }),
    { numRuns: 100 },
  )
  t.pass('held')
})

t.test(
  'a node with a static address and without callbacks is installed when its cluster reports Ready',
  async (t) => {
    const some = fc.array(commands, { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(some, some, async (...rounds) => {
        const world = newWorld()
        // In the second round it was Ready before, as what is replaced then.
        for (const steps of rounds) {
          world.isStatic = false
          for (const step of steps) await step.run(world)
          world.isStatic = true
          await world.installs.command(key, 'install')
          world.completed = 0
          await powerOn(world)
          await fetchIgnition(world)
          await write(world, false)
          world.advance(60_000)
          sayReady(world, false)
          if (world.installs.list()[1]?.mode !== 'installing')
            throw new Error('an earlier Ready condition ended the installation')
          await powerOn(world)
          sayReady(world, true)
          const { mode, reason } = world.installs.list()[1]!
          if (mode !== 'installed') throw new Error(`it is ${mode}: ${reason}`)
        }
      }),
      { numRuns: 100 },
    )
    t.pass('held')
  },
)
