import t from 'tap'
import { nodeOfMac, ownerOf } from '../../src/bmc/owner.ts'
import type { Mac } from '../../src/proto/address/mac.ts'
import { bmcPower, node, refusalOf, reportOf } from '../support/bmc-power.ts'

const own = '02:00:00:00:00:01'
const second = '02:00:00:00:00:02'
const foreign = '02:00:00:00:00:03'
const unknown = '02:00:00:00:00:04'
const nodes = [
  { key: node, mac: own as Mac, otherMacs: [second as Mac] },
  { key: 'ocp45/m1', mac: foreign as Mac },
] as const
const nodeOf = (mac: string) => nodeOfMac(nodes, mac)
const user = 'local:alice'

t.test('the node with a MAC address', (t) => {
  t.same([own, second, foreign, unknown].map(nodeOf), [node, node, 'ocp45/m1', undefined])
  t.end()
})

t.test('one own address is enough, and another node needs one address', (t) => {
  t.same(ownerOf(node, [foreign, second], nodeOf), { kind: 'own' })
  t.same(ownerOf(node, [unknown, foreign], nodeOf), { kind: 'other', node: 'ocp45/m1', mac: foreign })
  t.same(ownerOf(node, [unknown], nodeOf), { kind: 'unknown' })
  t.same(ownerOf(node, [], nodeOf), { kind: 'unknown' })
  t.end()
})

t.test('the machine of another node is not restarted from the network', async (t) => {
  const { power, bmc } = await bmcPower(t, { macs: [foreign] }, { nodeOf })
  const command = { action: 'cycle', boot: 'network', user } as const
  t.match(refusalOf(await power.command(node, command)), {
    code: 'bmc.other-machine',
    reason:
      /^BMC 127\.0\.0\.1:\d+ has the machine of ocp45\/m1 \(MAC address 02:00:00:00:00:03\), not of ocp45\/w1: correct/,
  })
  t.notOk(bmc.requests.some((each) => /^PATCH|Reset$/.test(each)))
  t.equal(bmc.power(), 'Off')
  t.equal(bmc.sessions.size, 0)
})

t.test('its own machine, and one that is not declared, are restarted', async (t) => {
  for (const mac of [own, unknown]) {
    const { power } = await bmcPower(t, { macs: [mac] }, { nodeOf })
    t.equal(reportOf(await power.command(node, { action: 'cycle', boot: 'network', user })).power, 'on', mac)
  }
})

t.test('the power of a machine is switched as declared', async (t) => {
  const { power } = await bmcPower(t, { macs: [foreign] }, { nodeOf })
  t.equal(reportOf(await power.command(node, { action: 'on', user })).power, 'on')
  t.equal(reportOf(await power.command(node, { action: 'on', boot: 'normal', user })).power, 'on')
})
