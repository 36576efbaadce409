/** Two appliances whose site files list the MAC addresses of one machine differently: it is installed once. */
import t from 'tap'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeEtcd } from '../../support/fake-etcd.ts'
import { installPlan, installsWorld, m1Mac } from '../../support/installs.ts'

const key = 'ocp45/m1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }
const plain = { isSkipping: false }
const second = '00:00:5e:00:53:a1'

function rig() {
  const etcd = fakeEtcd()
  const clock = fakeClock()
  const appliance = (address: string, mac: string[]) => {
    const plan = installPlan((site) => void Object.assign(site.clusters[0]!.nodes[1]!, { mac }))
    const shared = { etcd: etcd.client, prefix: '/slipway/lab', address }
    return installsWorld({ clock, epoch: `boot of ${address}`, shared, plan: () => plan }).installs
  }
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500)
      for (let count = 0; count < 200; count++) await Promise.resolve()
    }
  }
  return { appliance, pass }
}

t.test(
  'a machine that another appliance installed under its second MAC address is not installed',
  async (t) => {
    const { appliance, pass } = rig()
    const a = appliance('192.0.2.5', [second])
    await pass(1000)
    const answer = await a.boot(key, plain)
    t.match(answer, { kind: 'install' })
    await a.callback(key, 'written', answer.kind === 'install' ? answer.token : '', own)
    await pass(1000)
    const b = appliance('192.0.2.6', [m1Mac, second])
    t.match(await b.boot(key, plain), { kind: 'wait', code: 'store.unreachable' }, 'records not read yet')
    await pass(1000)
    t.match(b.list()[1], { mode: 'installed' })
    t.same(await b.boot(key, plain), { kind: 'local' })
    for (const each of [a, b]) each.close()
  },
)

t.test('a machine that had two MAC addresses is known by the one that is left', async (t) => {
  const { appliance, pass } = rig()
  const a = appliance('192.0.2.5', [m1Mac, second])
  await pass(1000)
  const answer = await a.boot(key, plain)
  await a.callback(key, 'written', answer.kind === 'install' ? answer.token : '', own)
  await pass(1000)
  const b = appliance('192.0.2.6', [second])
  await pass(1000)
  t.match(b.list()[1], { mode: 'installed' })
  t.same(await b.boot(key, plain), { kind: 'local' })
  for (const each of [a, b]) each.close()
})

t.test('of two boots through different MAC addresses at the same time, one installs', async (t) => {
  for (const lists of [
    [[second], [m1Mac, second]],
    [[m1Mac, second], [second]],
    [
      [m1Mac, second],
      [second, m1Mac],
    ],
  ]) {
    const { appliance, pass } = rig()
    const appliances = lists.map((macs, index) => appliance(`192.0.2.${5 + index}`, macs))
    await pass(1000)
    const answers = await Promise.all(appliances.map((each) => each.boot(key, plain)))
    t.same(answers.map(({ kind }) => kind).sort(), ['install', 'wait'], lists.join(' and '))
    t.match(
      answers.find(({ kind }) => kind === 'wait'),
      { code: 'store.claimed' },
    )
    for (const each of appliances) each.close()
  }
})
