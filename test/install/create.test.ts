import t from 'tap'
import { maxAttempts } from '../../src/install/decide-boot.ts'
import type { Secret } from '../../src/install/installs.ts'
import { armedMs } from '../../src/install/machine.ts'
import { agentImage } from '../support/model.ts'
import { acknowledged, ignitionSent, installPlan, installsWorld } from '../support/installs.ts'

const key = 'ocp45/m1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }
const plain = { isSkipping: false }
const read = (token: string, what: Secret) => ({ token, address: own.address, what, isHead: false })

async function begun(world: ReturnType<typeof installsWorld>): Promise<string> {
  const answer = await world.installs.boot(key, plain)
  if (answer.kind !== 'install') throw new Error(`expected an installation, got ${answer.kind}`)
  return answer.token
}

t.test(
  'a report of the cluster does not count as a sign of the machine, but Ready ends an installation',
  async (t) => {
    const world = installsWorld()
    const { installs, clock, counters } = world
    installs.observe({ node: key, kind: 'cluster', word: 'registered' })
    t.equal(installs.list()[1]!.lastSeen, undefined)
    t.match(installs.list()[1], { mode: 'local', code: 'install.in-cluster' })
    await installs.command(key, 'install')
    await begun(world)
    installs.observe(ignitionSent(key))
    const seenAt = clock.now()
    clock.advance(300_000)
    installs.observe({ node: key, kind: 'cluster', word: 'ready' })
    installs.observe({ node: key, kind: 'cluster', word: 'not-ready', since: seenAt + 200_000 })
    t.match(installs.list()[1], { mode: 'installing' })
    installs.observe({ node: key, kind: 'cluster', word: 'ready', since: seenAt + 240_000 })
    t.match(installs.list()[1], {
      mode: 'installed',
      reason: 'the cluster reports it as Ready',
      lastSeen: seenAt,
    })
    t.equal(counters.get('install.installed'), 1)
  },
)

t.test('an installation from the first boot to the disk', async (t) => {
  const world = installsWorld()
  const { installs, clock } = world
  t.match(installs.list()[1], {
    node: key,
    mode: 'install',
    since: 0,
    reason: 'the site file sets boot: install',
  })
  const token = await begun(world)
  t.match(installs.list()[1], { mode: 'installing', attempt: { role: 'master', earlier: 0 } })
  t.same(await installs.mayRead(key, read(token, 'master')), { kind: 'allowed' })
  installs.observe(ignitionSent(key))
  t.same(await installs.callback(key, 'written', token, own), { kind: 'allowed' })
  t.match(installs.list()[1], { mode: 'installed', lastSeen: clock.now() })
  for (let again = 0; again < 3; again++) t.same(await installs.boot(key, plain), { kind: 'local' })
  t.match(await installs.mayRead(key, read(token, 'master')), { kind: 'refused' })
  t.same(
    await installs.callback(key, 'started', token, own),
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

t.test('every network boot of an attempt has its own token', async (t) => {
  const world = installsWorld()
  const first = await begun(world)
  const second = await begun(world)
  t.not(first, second)
  t.match(await world.installs.mayRead(key, read(first, 'master')), { kind: 'refused' })
  t.match(await world.installs.callback(key, 'written', first, own), {
    kind: 'refused',
    reason: 'its token is not the one of the last installation',
  })
  t.match(world.installs.list()[1], { attempt: { earlier: 1 } })
})

t.test('without a callback a DHCP request does not end the installation, but keeps the disk', async (t) => {
  const world = installsWorld()
  await begun(world)
  world.installs.observe(ignitionSent(key))
  t.same(await world.installs.boot(key, plain), { kind: 'local' })
  world.clock.advance(60_000)
  world.installs.observe(acknowledged(key, 'system'))
  t.same(await world.installs.boot(key, plain), { kind: 'local', code: 'install.unconfirmed' })
  t.match(world.installs.list()[1], { mode: 'installing' })
})

t.test('an agent has its Ignition file in the initramfs: its rootfs is sent last', async (t) => {
  const images = new Map([['rhcos', agentImage('/srv/rhcos')]])
  // Without this, an agent needs an administrator, because nothing looks at its disk first.
  const plan = installPlan((site) => void Object.assign(site, { wipe: 'always' }), { images })
  const world = installsWorld({ plan: () => plan })
  await begun(world)
  const file = { node: key, kind: 'file', file: '', octets: 0, total: 9, durationMs: 1 } as const
  world.installs.observe({ ...file, what: 'initramfs', outcome: 'sent' })
  t.match(await world.installs.boot(key, plain), { kind: 'install' }, 'its disk is unchanged')
  world.installs.observe({ ...file, what: 'rootfs', outcome: 'begun' })
  t.same(await world.installs.boot(key, plain), { kind: 'local' }, 'its disk may be written')
})

t.test('a node waits without using up attempts until a user skips the wait or the gate opens', async (t) => {
  const { world, installs } = installsWorld()
  world.isGateOpen = false
  for (let again = 0; again < 10; again++) {
    t.same(await installs.boot(key, plain), {
      kind: 'wait',
      reason:
        'waits until ocp45/bs (192.0.2.10) or ocp45/m1 (192.0.2.11) serves machine configuration on port 22623',
      code: 'boot.waits-for-server',
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

t.test('a reason against the start is shown and cannot be skipped', async (t) => {
  const reason = 'its Ignition is 25 h old'
  const { installs } = installsWorld({
    canStartInstall: () => ({ kind: 'refused', code: 'install.ignition-expired', reason }),
  })
  t.same(await installs.boot(key, { isSkipping: true }), {
    kind: 'wait',
    code: 'install.ignition-expired',
    reason,
    canSkip: false,
  })
  t.match(installs.list()[1], { mode: 'install' })
})

t.test('a preview starts nothing and has no token', async (t) => {
  const { installs } = installsWorld()
  t.same(await installs.preview(key, plain), {
    kind: 'install',
    role: 'master',
    token: '@token-of-the-install@',
  })
  t.same(await installs.preview(key, { role: 'worker', isSkipping: false }), {
    kind: 'install',
    role: 'worker',
    token: '@token-of-the-install@',
  })
  t.match(installs.list()[1], { mode: 'install' })
  await installs.command(key, 'local')
  t.same(await installs.preview(key, plain), { kind: 'local' })
})

t.test('an installation can be selected only in the state menu', async (t) => {
  const { installs } = installsWorld()
  const chosen = { role: 'worker', isSkipping: false } as const
  await installs.command(key, 'menu')
  t.same(await installs.boot(key, plain), { kind: 'menu' })
  t.match(await installs.boot(key, chosen), { kind: 'install', role: 'worker' })
  await installs.command(key, 'local')
  t.same(await installs.boot(key, chosen), {
    kind: 'wait',
    reason:
      'it must not be installed, its state is local: arm it with slipway node install ocp45/m1, or show its menu with slipway node menu ocp45/m1',
    code: 'install.not-armed',
    canSkip: false,
  })
})

t.test('commands change the state of a node', async (t) => {
  const world = installsWorld()
  const { installs, clock } = world
  t.match(await installs.command(key, 'local'), {
    kind: 'done',
    record: { mode: 'local', reason: 'set by an administrator' },
  })
  t.match(await installs.command(key, 'install'), {
    kind: 'done',
    record: { mode: 'install', armedUntil: clock.now() + armedMs },
  })
  clock.advance(armedMs)
  t.match(installs.list()[1], { mode: 'local' }, 'returns automatically')
  await installs.command(key, 'install')
  await begun(world)
  t.match(await installs.command(key, 'forget'), { kind: 'done', record: { mode: 'install', since: 0 } })
  t.match(installs.history(key), [{ kind: 'command', command: 'forget' }])
  t.same(await installs.command('ocp45/m9', 'install'), {
    kind: 'refused',
    code: 'install.not-declared',
    reason: 'the site has no node ocp45/m9',
  })
})

t.test('a node that failed too often shows the reason', async (t) => {
  const world = installsWorld()
  for (let again = 0; again < maxAttempts; again++) await begun(world)
  t.match(await world.installs.boot(key, plain), { kind: 'failed', reason: /^5 attempts failed/ })
  t.match(world.lines.at(-1), { level: 'error', msg: 'node state changed', to: 'failed' })
})

t.test('a disk that may be written is tried before the installation resumes', async (t) => {
  const world = installsWorld()
  await begun(world)
  world.installs.observe(ignitionSent(key))
  t.same(await world.installs.boot(key, plain), { kind: 'local' })
  t.same(await world.installs.boot(key, plain), { kind: 'local' }, 'a repeated request')
  world.clock.advance(6000)
  t.match(await world.installs.boot(key, plain), { kind: 'install' })
})

t.test('a new node has the declared state before its record is written', (t) => {
  const { world, installs } = installsWorld()
  const known = world.plan
  world.plan = new Map([
    ...known,
    ['ocp45/w9', { ...known.get(key)!, key: 'ocp45/w9', mac: '00:00:5e:00:53:97', declared: 'local' }],
  ])
  t.match(installs.list().at(-1), {
    node: 'ocp45/w9',
    mode: 'local',
    reason: 'the site file sets boot: local',
  })
  t.end()
})

t.test('a node that the site does not declare is unknown', async (t) => {
  const { installs } = installsWorld()
  const gone = { kind: 'refused', code: 'install.not-declared', reason: 'the site has no node ocp45/m9' }
  t.match(await installs.boot('ocp45/m9', plain), {
    kind: 'failed',
    reason: 'the site no longer has node ocp45/m9',
  })
  t.match(await installs.preview('ocp45/m9', plain), { kind: 'failed' })
  t.same(await installs.mayRead('ocp45/m9', read('', 'live')), gone)
  t.same(await installs.callback('ocp45/m9', 'written', '', own), gone)
  installs.observe(acknowledged('ocp45/m9', 'system'))
  t.same(installs.history('ocp45/m9'), [])
})

t.test('a reload arms new nodes, leaves known ones unchanged, and reports other machines', async (t) => {
  const { world, installs, lines } = installsWorld()
  await installs.command(key, 'local')
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
})

t.test('subscribers get every later observation, and their errors do no harm', (t) => {
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
