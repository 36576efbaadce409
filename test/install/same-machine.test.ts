/** A machine with a new network card: its SMBIOS UUID keeps the disk, and never permits an installation. */
import fc from 'fast-check'
import t from 'tap'
import { initialState, type State } from '../../src/install/machine-state.ts'
import { canIdentify, findSameMachine } from '../../src/install/same-machine.ts'
import type { InstallPlan } from '../../src/plan/install.ts'
import { acknowledged, ignitionSent, installPlan, installsWorld, m1Mac } from '../support/installs.ts'

const key = 'ocp45/m1'
const uuid = '4c4c4544-0000-4000-8000-525400000011'
const newMac = '00:00:5e:00:53:a1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }
const plain = { isSkipping: false }

type World = ReturnType<typeof installsWorld>

const withMac = (mac: string): InstallPlan =>
  installPlan((site) => void Object.assign(site.clusters[0]!.nodes[1]!, { mac: [mac] }))

const exchange = (node: string, id = uuid) => ({ ...acknowledged(node, 'ipxe'), uuid: id })

async function install({ installs }: World, node = key): Promise<void> {
  const answer = await installs.boot(node, plain)
  if (answer.kind !== 'install') throw new Error(`expected an installation, got ${answer.kind}`)
  installs.observe(ignitionSent(node))
  await installs.callback(node, 'written', answer.token, own)
}

function replaceCard({ world, installs }: World, mac = newMac): void {
  world.plan = withMac(mac)
  installs.declare()
}

t.test('an installed machine with a new network card keeps its disk, and is reported', async (t) => {
  const world = installsWorld()
  const { installs, lines } = world
  installs.observe(exchange(key))
  await install(world)
  replaceCard(world)
  installs.observe(exchange(key))
  t.same(await installs.boot(key, plain), { kind: 'local', code: 'install.same-machine' })
  const text =
    `${key} (${newMac}) has the SMBIOS UUID of ${key} (${m1Mac}), which must not be installed again, so it boots its ` +
    `disk: run "slipway node install ${key}" to install it`
  const reported = () => installs.problems().filter(({ code }) => code === 'install.same-machine')
  t.same(reported(), [{ code: 'install.same-machine', text }])
  installs.observe(exchange(key))
  const logged = lines.filter(({ msg }) => msg === 'machine known by its UUID')
  t.match(logged, [{ node: key, mac: newMac, earlier: m1Mac, uuid, level: 'warn' }])
  t.equal(logged.length, 1)

  await installs.command(key, 'install')
  t.match(await installs.boot(key, plain), { kind: 'install' }, 'an administrator consents')
  t.same(reported(), [])
})

t.test('a machine whose UUID no other record has is installed', async (t) => {
  const world = installsWorld()
  const { installs } = world
  installs.observe(exchange(key))
  await install(world)
  replaceCard(world)
  installs.observe(exchange(key, '4c4c4544-0000-4000-8000-525400000012'))
  t.match(await installs.boot(key, plain), { kind: 'install' })
  installs.observe({ ...exchange(key), isUnprivileged: true })
  t.same(
    installs.problems().filter(({ code }) => code === 'install.same-machine'),
    [],
  )
})

t.test('the report ends when the site no longer declares the node', (t) => {
  const { installs, world } = installsWorld()
  installs.observe(exchange(key))
  installs.observe({ node: key, kind: 'cluster', word: 'ready' })
  replaceCard({ installs, world } as World)
  installs.observe(exchange(key))
  t.match(
    installs.problems().map(({ code }) => code),
    ['install.machine-replaced', 'install.same-machine'],
  )
  world.plan = new Map()
  t.notMatch(
    installs.problems().map(({ code }) => code),
    ['install.same-machine'],
  )
  t.end()
})

t.test('UUIDs that vendors leave in many boards identify no machine', (t) => {
  const useless = ['03000200-0400-0500-0006-000700080009', '11111111-1111-1111-1111-111111111111']
  t.same(useless.filter(canIdentify), [])
  t.ok(canIdentify(uuid))
  t.end()
})

const blank = initialState({
  key,
  mac: m1Mac,
  declared: 'install',
  role: 'master',
} as Parameters<typeof initialState>[0])

const macs = [
  m1Mac,
  newMac,
  '00:00:5e:00:53:a2',
  '00:00:5e:00:53:a3',
  '00:00:5e:00:53:a4',
  '00:00:5e:00:53:a5',
]
const record = fc.record({
  mac: fc.constantFrom(...macs),
  uuid: fc.constantFrom(uuid, '03000200-0400-0500-0006-000700080009', '4c4c4544-0000-4000-8000-525400000012'),
  wasInstalled: fc.boolean(),
  isDeclared: fc.boolean(),
  evidence: fc.constantFrom({}, { inClusterAt: 1 }, { foreignSystemAt: 1 }, { diskHolds: 'data' }),
})

t.test('only a record with the same UUID, another MAC address, and a reason to keep the disk counts', (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(record, { selector: ({ mac }) => mac }), record, (others, self) => {
      const states = others.map((each): State => ({ ...blank, ...each }))
      const isDeclared = ({ mac }: State) => others.find((each) => each.mac === mac)?.isDeclared === true
      const found = findSameMachine({ ...blank, ...self }, states, isDeclared)
      const same = states.filter((each) => each.uuid === self.uuid && each.mac !== self.mac)
      const isAmbiguous = same.length > 3 || same.filter(isDeclared).length > 1
      if (found === undefined) {
        const isKept = same.some(
          ({ wasInstalled, evidence = {} }) => wasInstalled || Object.keys(evidence).length > 0,
        )
        return !canIdentify(self.uuid) || isAmbiguous || !isKept
      }
      const hasReason = found.wasInstalled || Object.keys(found.evidence ?? {}).length > 0
      return hasReason && !isAmbiguous && same.includes(found) && canIdentify(self.uuid)
    }),
    { numRuns: 5000 },
  )
  t.pass('held')
  t.end()
})

t.test(
  'an installation that may have written the disk counts; a relative and a machine without a UUID do not',
  (t) => {
    const moment = { at: 1, monotonic: 1, epoch: 'x' } as unknown as NonNullable<State['armed']>
    const attempt = { delivered: moment } as NonNullable<State['attempt']>
    const writing: State = { ...blank, mac: newMac, uuid, mode: 'installing', attempt }
    const isDeclared = () => true
    t.equal(findSameMachine({ ...blank, uuid }, [writing], isDeclared), writing)
    t.equal(findSameMachine({ ...blank, uuid, others: { [newMac]: 0 } }, [writing], isDeclared), undefined)
    t.equal(findSameMachine(blank, [writing], isDeclared), undefined)
    t.end()
  },
)
