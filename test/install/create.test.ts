import t from 'tap'
import { armedMs, maxAttempts, settledMs } from '../../src/install/machine.ts'
import { agentImage } from '../support/model.ts'
import { acknowledged, ignitionSent, installPlan, installsWorld } from '../support/installs.ts'

const key = 'ocp45/m1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }
const plain = { isSkipping: false }

async function begun(world: ReturnType<typeof installsWorld>): Promise<string> {
  const answer = await world.installs.boot(key, plain)
  if (answer.kind !== 'install') throw new Error(`expected an installation, got ${answer.kind}`)
  return answer.token
}

t.test(
  'the word of its cluster is no sight of a node, and ends an installation when it is Ready',
  async (t) => {
    const world = installsWorld()
    const { installs, clock, counters } = world
    installs.observe({ node: key, kind: 'cluster', word: 'registered' })
    t.equal(installs.list()[1]!.lastSeen, undefined)
    await begun(world)
    installs.observe(ignitionSent(key))
    const seenAt = clock.now()
    clock.advance(300_000)
    installs.observe({ node: key, kind: 'cluster', word: 'ready' })
    installs.observe({ node: key, kind: 'cluster', word: 'not-ready', since: seenAt + 200_000 })
    t.match(installs.list()[1], { mode: 'installing' })
    installs.observe({ node: key, kind: 'cluster', word: 'ready', since: seenAt + 240_000 })
    t.match(installs.list()[1], {
      ...{ mode: 'installed', reason: 'the cluster says that it is Ready', lastSeen: seenAt },
    })
    t.equal(counters.get('install.installed'), 1)
  },
)

t.test('an installation from the first boot to the disk', async (t) => {
  const world = installsWorld()
  const { installs, clock } = world
  t.match(installs.list()[1], { node: key, mode: 'install', since: 0, reason: 'the site file says install' })
  const token = await begun(world)
  t.match(installs.list()[1], { mode: 'installing', attempt: { role: 'master', earlier: 0 } })
  t.same(installs.mayRead(key, token, own.address, 'master'), { kind: 'allowed' })
  installs.observe(ignitionSent(key))
  t.same(installs.callback(key, 'written', token, own), { kind: 'allowed' })
  t.match(installs.list()[1], { mode: 'installed', lastSeen: clock.now() })
  for (let again = 0; again < 3; again++) t.same(await installs.boot(key, plain), { kind: 'local' })
  t.match(installs.mayRead(key, token, own.address, 'master'), { kind: 'refused' })
  t.same(
    installs.callback(key, 'started', token, own),
    { kind: 'allowed' },
    'the installed system may report itself',
  )
  t.same(
    installs.history(key).map((seen) => (seen.kind === 'state' ? `${seen.from} ${seen.to}` : seen.kind)),
    ['install installing', 'ignition', 'callback', 'installing installed', 'callback'],
  )
  t.notMatch(
    JSON.stringify([installs.list(), installs.history(key), world.lines]),
    token,
    'no token anywhere',
  )
})

t.test('every network boot of an attempt has a token of its own', async (t) => {
  const world = installsWorld()
  const first = await begun(world)
  const second = await begun(world)
  t.not(first, second)
  t.match(world.installs.mayRead(key, first, own.address, 'master'), { kind: 'refused' })
  t.match(world.installs.callback(key, 'written', first, own), {
    kind: 'refused',
    reason: 'its token is not that of the last installation',
  })
  t.match(world.installs.list()[1], { attempt: { earlier: 1 } })
})

t.test('without a callback the evidence is a fresh address of a system', async (t) => {
  const world = installsWorld()
  await begun(world)
  world.installs.observe(ignitionSent(key, 'live'))
  world.clock.advance(settledMs)
  world.installs.observe(acknowledged(key, 'system'))
  t.match(world.installs.list()[1], { mode: 'installing' }, "the live system's Ignition is no installation")
  world.installs.observe(ignitionSent(key))
  world.clock.advance(settledMs)
  world.installs.observe(acknowledged(key, 'system', false))
  world.installs.observe(acknowledged(key, 'ipxe'))
  t.match(world.installs.list()[1], { mode: 'installing' }, 'a lease prolonged and a loader prove nothing')
  world.installs.observe(acknowledged(key, 'system'))
  t.match(world.installs.list()[1], { mode: 'installed' })
})

t.test('an agent has its Ignition file in the initramfs: its rootfs is what it is sent last', async (t) => {
  const images = new Map([['rhcos', agentImage('/srv/rhcos')]])
  const world = installsWorld({ plan: () => installPlan(undefined, { images }) })
  await begun(world)
  const sent = {
    node: key,
    kind: 'file',
    file: '',
    outcome: 'sent',
    octets: 9,
    total: 9,
    durationMs: 1,
  } as const
  world.installs.observe({ ...sent, what: 'initramfs' })
  world.clock.advance(settledMs)
  world.installs.observe(acknowledged(key, 'system'))
  t.match(world.installs.list()[1], { mode: 'installing' })
  world.installs.observe({ ...sent, what: 'rootfs' })
  world.clock.advance(settledMs)
  world.installs.observe(acknowledged(key, 'system'))
  t.match(world.installs.list()[1], { mode: 'installed' })
})

t.test('waits for its turn without using up attempts, until a person skips or the gate opens', async (t) => {
  const { world, installs } = installsWorld()
  world.isGateOpen = false
  for (let again = 0; again < 10; again++) {
    t.same(await installs.boot(key, plain), {
      kind: 'wait',
      reason:
        'waits until ocp45/bs (192.0.2.10) or ocp45/m1 (192.0.2.11) serves machine configuration on port 22623',
      canSkip: true,
    })
  }
  t.match(installs.list()[1], { mode: 'install' })
  t.match(await installs.preview('ocp45/w1', plain), {
    kind: 'wait',
    reason: /^waits until ocp45\/m1 \(192\.0\.2\.11\) serves/,
  })
  t.match(await installs.boot(key, { isSkipping: true }), { kind: 'install' })
  world.isGateOpen = true
  t.match(await installs.boot('ocp45/w1', plain), { kind: 'install' })
})

t.test('what forbids to begin is said, and nobody can skip it', async (t) => {
  const reason = 'its Ignition is 25 h old'
  const { installs } = installsWorld({ canStartInstall: () => ({ kind: 'refused', reason }) })
  t.same(await installs.boot(key, { isSkipping: true }), { kind: 'wait', reason, canSkip: false })
  t.match(installs.list()[1], { mode: 'install' })
})

t.test('a preview begins nothing and knows no token', async (t) => {
  const { installs } = installsWorld()
  t.same(await installs.preview(key, plain), { kind: 'install', role: 'master', token: '@token@' })
  t.same(await installs.preview(key, { role: 'worker', isSkipping: false }), {
    kind: 'install',
    role: 'worker',
    token: '@token@',
  })
  t.match(installs.list()[1], { mode: 'install' })
  installs.command(key, 'local')
  t.same(await installs.preview(key, plain), { kind: 'local' })
})

t.test('an installation is chosen only where one may be', async (t) => {
  const { installs } = installsWorld()
  const chosen = { role: 'worker', isSkipping: false } as const
  installs.command(key, 'menu')
  t.same(await installs.boot(key, plain), { kind: 'menu' })
  t.match(await installs.boot(key, chosen), { kind: 'install', role: 'worker' })
  installs.command(key, 'local')
  t.same(await installs.boot(key, chosen), {
    kind: 'wait',
    reason:
      'it is not to be installed, its mode is local: slipway node install ocp45/m1 arms it, slipway node menu ocp45/m1 lets it choose',
    canSkip: false,
  })
})

t.test('commands', async (t) => {
  const world = installsWorld()
  const { installs, clock } = world
  t.match(installs.command(key, 'local'), {
    kind: 'done',
    record: { mode: 'local', reason: 'a person said so' },
  })
  t.match(installs.command(key, 'install'), {
    kind: 'done',
    record: { mode: 'install', armedUntil: clock.now() + armedMs },
  })
  clock.advance(armedMs)
  t.match(installs.list()[1], { mode: 'local' }, 'goes back by itself')
  installs.command(key, 'install')
  await begun(world)
  t.match(installs.command(key, 'forget'), { kind: 'done', record: { mode: 'install', since: 0 } })
  t.match(installs.history(key), [{ kind: 'command', command: 'forget' }])
  t.same(installs.command('ocp45/m9', 'install'), {
    kind: 'refused',
    reason: 'the site has no node ocp45/m9',
  })
})

t.test('who fails too often is told so', async (t) => {
  const world = installsWorld()
  for (let again = 0; again < maxAttempts; again++) await begun(world)
  t.match(await world.installs.boot(key, plain), { kind: 'failed', reason: /^5 attempts came to nothing/ })
  t.match(world.lines.at(-1), { level: 'error', msg: 'node changed its mode', to: 'failed' })
})

t.test('a disk that may be written is tried before it is written again', async (t) => {
  const world = installsWorld()
  await begun(world)
  world.installs.observe(ignitionSent(key))
  t.same(await world.installs.boot(key, plain), { kind: 'local' })
  t.match(await world.installs.boot(key, plain), { kind: 'install' })
})

t.test('a node that is new is as the site says, also before that is written', (t) => {
  const { world, installs } = installsWorld()
  const known = world.plan
  world.plan = new Map([...known, ['ocp45/w9', { ...known.get(key)!, key: 'ocp45/w9', declared: 'local' }]])
  t.match(installs.list().at(-1), { node: 'ocp45/w9', mode: 'local', reason: 'the site file says local' })
  t.end()
})

t.test('a node that the site does not have', async (t) => {
  const { installs } = installsWorld()
  const gone = { kind: 'refused', reason: 'the site has no node ocp45/m9' }
  t.match(await installs.boot('ocp45/m9', plain), {
    kind: 'failed',
    reason: 'the site has no node ocp45/m9 any more',
  })
  t.match(await installs.preview('ocp45/m9', plain), { kind: 'failed' })
  t.same(installs.mayRead('ocp45/m9', '', '', 'live'), gone)
  t.same(installs.callback('ocp45/m9', 'written', '', own), gone)
  installs.observe(acknowledged('ocp45/m9', 'system'))
  t.same(installs.history('ocp45/m9'), [])
})

t.test(
  'a reload arms nodes that are new, leaves alone those that are known, and sees other machines',
  (t) => {
    const { world, installs, lines } = installsWorld()
    installs.command(key, 'local')
    world.plan = installPlan((site) => {
      site.clusters[0]!.nodes[1]!['mac'] = '00:00:5e:00:53:99'
      site.clusters[0]!.nodes.push({
        name: 'w9',
        role: 'worker',
        mac: '00:00:5e:00:53:98',
        address: '192.0.2.99',
      })
    })
    installs.declare()
    t.match(installs.list(), [
      {},
      { node: key, mode: 'install' },
      {},
      {},
      { node: 'ocp45/w9', mode: 'install' },
    ])
    t.match(
      lines.find(({ level }) => level === 'warn'),
      { node: key, mac: '00:00:5e:00:53:99' },
    )
    t.end()
  },
)

t.test('subscribers hear everything from then on, and nothing that they throw harms', (t) => {
  const { installs, counters } = installsWorld()
  const heard: number[] = []
  const stop = installs.subscribe(({ sequence }) => heard.push(sequence))
  installs.observe(acknowledged(key, 'firmware'))
  stop()
  installs.observe(acknowledged(key, 'ipxe'))
  t.same(heard, [1])
  installs.subscribe(() => {
    throw new Error('a subscriber of ours')
  })
  installs.observe(acknowledged(key, 'system'))
  t.equal(counters.get('install.bugs'), 1)
  t.end()
})
