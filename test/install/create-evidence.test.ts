/** Evidence across renames, DHCP exchanges, and callbacks, through the interface of the installations. */
import t from 'tap'
import type { Secret } from '../../src/install/installs.ts'
import { acknowledged, ignitionSent, installPlan, installsWorld } from '../support/installs.ts'

const key = 'ocp45/m1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }
const plain = { isSkipping: false }
const read = (token: string, what: Secret) => ({ token, address: own.address, what, isHead: false })

async function begun(world: Pick<ReturnType<typeof installsWorld>, 'installs'>): Promise<string> {
  const answer = await world.installs.boot(key, plain)
  if (answer.kind !== 'install') throw new Error(`expected an installation, got ${answer.kind}`)
  return answer.token
}

t.test(
  'evidence belongs to the machine: a rename, another cluster, and a pause in the site file keep it',
  async (t) => {
    const { world, installs } = installsWorld()
    const token = await begun({ installs })
    await installs.callback(key, 'written', token, own)
    const known = world.plan
    const machine = known.get(key)!
    const others = [...known].filter(([name]) => name !== key)
    const moved = { ...machine, key: 'other/w9', role: 'worker', addresses: ['192.0.2.77'] } as const
    world.plan = new Map([...others, ['other/w9', moved]])
    installs.declare()
    t.same(await installs.boot('other/w9', plain), { kind: 'local' }, 'renamed')
    t.match(installs.list().at(-1), { node: 'other/w9', mode: 'installed' })
    t.match(
      installs.history('other/w9')[0],
      { kind: 'state', to: 'installing', node: key },
      'with its history',
    )
    world.plan = new Map(others)
    installs.declare()
    world.plan = known
    installs.declare()
    t.same(await installs.boot(key, plain), { kind: 'local' }, 'removed and added again')
    t.same(installs.problems(), [])
    world.plan = new Map([...others, [key, { ...machine, mac: '00:00:5e:00:53:96' }]])
    installs.declare()
    t.match(installs.problems(), [
      { code: 'install.machine-replaced', text: /^ocp45\/m1 is now another machine: / },
    ])
    t.match(await installs.boot(key, plain), { kind: 'install' }, 'another machine')
  },
)

t.test('an installing script needs a DHCP exchange of iPXE, and a system ends it', async (t) => {
  const plan = installPlan((site) => Object.assign(site.clusters[0]!, { requireDhcp: true }))
  const { installs } = installsWorld({ plan: () => plan })
  t.match(await installs.boot(key, plain), { kind: 'wait', code: 'boot.no-dhcp-exchange', canSkip: false })
  t.match(installs.list()[1], { mode: 'install' }, 'a request from a running system changes nothing')
  installs.observe({ ...acknowledged(key, 'ipxe'), answer: 'refused' })
  t.match(await installs.boot(key, plain), { kind: 'wait' })
  installs.observe(acknowledged(key, 'ipxe'))
  t.match(await installs.boot(key, plain), { kind: 'install' })
  await installs.command(key, 'install')
  installs.observe(acknowledged(key, 'system'))
  t.match(await installs.boot(key, plain), { kind: 'wait', code: 'boot.no-dhcp-exchange' })
})

t.test('the chain of tokens from the script to the first boot proves an installation', async (t) => {
  const world = installsWorld()
  const { installs } = world
  const token = await begun(world)
  await installs.mayRead(key, read(token, 'live'))
  await installs.mayRead(key, read(token, 'master'))
  await installs.callback(key, 'written', token, own)
  await installs.callback(key, 'started', token, own)
  t.equal(installs.list()[1]!.provenBoot, undefined, 'the token of the script is not in the Ignition file')
  await installs.callback(key, 'started', installs.startedToken(token), own)
  const at = world.clock.now()
  t.same(installs.list()[1]!.provenBoot, { startedAt: at, writtenAt: at, bootedAt: at })
})

t.test('the first boot proves the written disk if the report of the installer was lost', async (t) => {
  const world = installsWorld()
  const { installs } = world
  const token = await begun(world)
  await installs.mayRead(key, read(token, 'live'))
  await installs.mayRead(key, read(token, 'master'))
  await installs.callback(key, 'started', token, own)
  t.equal(installs.list()[1]!.provenBoot, undefined, 'not with the token of the script')
  await installs.callback(key, 'started', installs.startedToken(token), own)
  const at = world.clock.now()
  t.same(installs.list()[1]!.provenBoot, { startedAt: at, writtenAt: at, bootedAt: at })
})

t.test('a refused client with another address leaves no trace in the history', (t) => {
  const { installs } = installsWorld()
  const refused = { ...ignitionSent(key), outcome: 'refused', reason: 'no' } as const
  installs.observe({ ...refused, client: '198.51.100.1:40000' })
  installs.observe({ ...refused, client: '[2001:db8::99]:40000' })
  t.same(installs.history(key), [])
  installs.observe({ ...refused, client: '[2001:db8::11]:40000' })
  installs.observe({ ...refused, reason: 'another', client: '192.0.2.11:40000' })
  t.equal(installs.history(key).length, 2)
  t.end()
})

t.test('a server that is not the installer installs nothing, and keeps every disk', async (t) => {
  const plan = installPlan((site) => {
    Object.assign(site.server, { peers: ['192.0.2.3'], installer: '192.0.2.3' })
  })
  const { installs } = installsWorld({ plan: () => plan })
  t.match(await installs.boot(key, plain), { kind: 'wait', code: 'install.other-appliance', canSkip: false })
  t.match(await installs.boot(key, { ...plain, role: 'worker' }), { kind: 'wait' })
  await installs.command(key, 'install')
  t.match(await installs.boot(key, { isSkipping: true }), { kind: 'wait', code: 'install.other-appliance' })
  t.match(installs.list()[1], { mode: 'install' }, 'nothing started')
  await installs.command(key, 'local')
  t.same(await installs.boot(key, plain), { kind: 'local' })
})

t.test('a new machine waits until its running cluster answers; an armed one does not', async (t) => {
  let isRead = false
  const { installs } = installsWorld({ isClusterRead: () => isRead })
  t.match(await installs.boot(key, plain), { kind: 'wait', code: 'install.cluster-not-read', canSkip: false })
  isRead = true
  t.match(await installs.boot(key, plain), { kind: 'install' })
  isRead = false
  t.match(await installs.boot('ocp45/w1', plain), { kind: 'wait' })
  await installs.command('ocp45/w1', 'install')
  t.match(await installs.boot('ocp45/w1', plain), { kind: 'install' })
})
