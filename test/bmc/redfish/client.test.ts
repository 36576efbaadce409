import t from 'tap'
import { withBmc } from '../../../src/bmc/operation.ts'
import { createPins } from '../../../src/bmc/pins.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { resolveBmc } from '../../../src/plan/bmc.ts'
import { bmcPower, credentialsFile, node, refusalOf, reportOf } from '../../support/bmc-power.ts'
import { fakeBmc, notJson } from '../../support/fake-bmc.ts'

const user = 'alice'

t.test('reset types in a separate resource, and none at all', async (t) => {
  const separate = await bmcPower(t, { usesActionInfo: true, resetTypes: ['On', 'PowerCycle'] })
  t.equal(reportOf(await separate.power.command(node, { action: 'on', user })).power, 'on')
  t.equal(
    reportOf(await separate.power.command(node, { action: 'cycle', user })).power,
    'on',
    'PowerCycle (IBM)',
  )
  const none = await bmcPower(t, { resetTypes: undefined })
  t.equal(reportOf(await none.power.command(node, { action: 'on', user })).power, 'on', 'the standard type')
})

t.test('operations that a BMC does not offer, or refuses', async (t) => {
  const { power, bmc } = await bmcPower(t, { resetTypes: ['On', 'ForceOff'] })
  bmc.setPower('On')
  const off = refusalOf(await power.command(node, { action: 'off', user }))
  t.equal(off.code, 'bmc.not-supported')
  t.match(off.reason, /only On, ForceOff: use "slipway power off --force"$/)
  t.match(refusalOf(await power.command(node, { action: 'cycle', user })).reason, /: switch it by hand$/)
  const refusing = await bmcPower(t, { system: { Actions: {} }, resetTypes: [] })
  const refusal = refusalOf(await refusing.power.command(node, { action: 'on', user }))
  t.equal(refusal.code, 'bmc.refused')
  t.match(refusal.reason, /refused On \(HTTP 400: bad value On/)
})

t.test('the progress of the firmware, and values that deviate', async (t) => {
  const cases = [
    [{ BootProgress: { LastState: 'OSRunning' } }, { progress: 'OSRunning' }],
    [{ Oem: { Hpe: { PostState: 'InPost' } } }, { progress: 'InPost' }],
    [{ Oem: { Lenovo: { SystemStatus: 'BootingOS' } } }, { progress: 'BootingOS' }],
    [
      { PowerState: 'PoweringOn', Status: 7, SKU: 'S1' },
      { power: 'turning-on', sku: 'S1' },
    ],
    [{ PowerState: 'Paused' }, { power: 'unknown' }],
    [{ MemorySummary: { TotalSystemMemoryGiB: 1.5 } }, { memoryGiB: 1.5 }],
    [{ MemorySummary: { TotalSystemMemoryGiB: 0 } }, { memoryGiB: undefined }],
  ] as const
  for (const [system, expected] of cases) {
    const { power } = await bmcPower(t, { system })
    t.match(await power.report(node), expected)
  }
})

t.test('a BMC with several systems, with none, and without the declared one', async (t) => {
  const several = { systems: ['1', '2'] }
  const { power, bmc } = await bmcPower(t, several)
  t.match(refusalOf(await power.report(node)), {
    code: 'bmc.no-system',
    reason: /has several systems: set bmc\.system to one of 1, 2$/,
  })
  t.equal(bmc.sessions.size, 0, 'the session is ended after a failure')
  for (const system of ['1', '/redfish/v1/Systems/1/']) {
    const chosen = await bmcPower(t, several, { plan: { system } })
    t.equal(reportOf(await chosen.power.report(node)).power, 'off')
  }
  const missing = await bmcPower(t, {}, { plan: { system: '9' } })
  t.match(refusalOf(await missing.power.report(node)).reason, /has no system 9: set bmc\.system to one of 1$/)
  const none = await bmcPower(t, { systems: [] })
  t.match(refusalOf(await none.power.report(node)).reason, /has no system: it lists none$/)
})

t.test('a server that is not Redfish', async (t) => {
  const { power, bmc } = await bmcPower(t)
  bmc.faults.push(notJson)
  t.match(refusalOf(await power.report(node)), {
    code: 'bmc.not-redfish',
    reason: /\(HTTP 200\): check the address/,
  })
  bmc.faults.push((_request, response) => void response.writeHead(401).end())
  t.equal(refusalOf(await power.report(node)).code, 'bmc.credentials-refused')
})

t.test('a resource that disappears', async (t) => {
  const { power, bmc } = await bmcPower(t, { systems: ['2'] })
  t.match(refusalOf(await power.report(node)), {
    code: 'bmc.refused',
    reason: /does not return \/redfish\/v1\/Systems\/2 \(HTTP 404: no such resource/,
  })
  t.equal(bmc.sessions.size, 0)
})

t.test('the inventory has each MAC address once', async (t) => {
  const macs = ['52-54-00-00-00-01', '52:54:00:00:00:02', '52:54:00:00:00:01', '', '00:00:00:00:00:00']
  const { port } = await fakeBmc(t, { macs, system: { HostName: 'w1' } })
  const target = resolveBmc({ address: `http://127.0.0.1:${port}`, credentials: credentialsFile(t) })
  const options = { clock: systemClock, pins: createPins(undefined) }
  t.match(await withBmc(target, options, (bmc) => bmc.inventory()), {
    macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'],
    hostName: 'w1',
    serial: 'ABC123',
    system: '/redfish/v1/Systems/1',
  })
  const bare = await fakeBmc(t, { system: { EthernetInterfaces: undefined } })
  const other = { ...target, port: bare.port }
  t.same((await withBmc(other, options, (bmc) => bmc.inventory())).macs, [])
})

t.test('a response that is too large', async (t) => {
  const { power, bmc } = await bmcPower(t)
  const large = (_request: unknown, response: { end(text: string): unknown }): void =>
    void response.end('x'.repeat(5 * 1024 * 1024))
  bmc.faults.push(large, large, large)
  t.match(refusalOf(await power.report(node)).reason, /its response is larger than 4 MiB/)
})
