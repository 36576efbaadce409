import t from 'tap'
import type { Inventory } from '../../src/bmc/machine.ts'
import { compareMachines } from '../../src/preflight/bmc-machines.ts'
import type { Mac } from '../../src/proto/address/mac.ts'

const node = (key: string, mac: string, ...otherMacs: string[]) => ({
  key,
  mac: mac as Mac,
  ...(otherMacs.length > 0 && { otherMacs: otherMacs as Mac[] }),
})

const m1 = node('ocp45/m1', '02:00:00:00:00:01')
const m2 = node('ocp45/m2', '02:00:00:00:00:02', '02:00:00:00:00:03')
const w1 = node('ocp45/w1', '02:00:00:00:00:04')
const nodes = [m1, m2, w1]

const machine = (macs: readonly string[], more: Partial<Inventory> = {}): Inventory => ({
  ...{ power: 'on', macs },
  ...more,
})
const found = (...all: readonly (readonly [string, Inventory])[]) => new Map(all)

t.test('BMCs that report one of the declared MAC addresses', (t) => {
  const results = found(
    ['ocp45/m1', machine(['02:00:00:00:00:99', '02:00:00:00:00:01'])],
    ['ocp45/m2', machine(['02:00:00:00:00:03'])],
  )
  t.same(compareMachines(nodes, results), [
    { status: 'ok', text: '2 BMCs reported the declared MAC addresses' },
  ])
  t.end()
})

t.test('BMCs that report no MAC address, or could not be read, are not compared', (t) => {
  const refused = { code: 'bmc.unreachable', reason: 'no answer' } as const
  t.same(compareMachines(nodes, new Map([['ocp45/w1', refused]])), [])
  t.same(
    compareMachines(nodes, found(['ocp45/m1', machine([])], ['ocp45/m9', machine(['02:00:00:00:00:01'])])),
    [],
  )
  t.end()
})

t.test('the BMC of another node is a failure, because its power would be switched', (t) => {
  const identity = { model: 'R1', serial: 'ABC123', uuid: '4c4c4544-0031-3010-8031-b4c04f4e3132' }
  t.match(compareMachines(nodes, found(['ocp45/m1', machine(['02:00:00:00:00:03'], identity)])), [
    {
      status: 'failure',
      code: 'preflight.bmc-other-machine',
      text: 'ocp45/m1: its BMC reports 02:00:00:00:00:03 of ocp45/m2, not 02:00:00:00:00:01 (R1, serial number ABC123, UUID 4c4c4544-0031-3010-8031-b4c04f4e3132)',
      remedy: /^Correct bmc\.address of both nodes/,
    },
  ])
  t.end()
})

t.test('MAC addresses that the site file does not have are a warning', (t) => {
  t.match(compareMachines(nodes, found(['ocp45/m2', machine(['02:00:00:00:00:98', '02:00:00:00:00:99'])])), [
    {
      status: 'warning',
      code: 'preflight.bmc-mac-differs',
      text: 'ocp45/m2: its BMC reports 02:00:00:00:00:98, 02:00:00:00:00:99, not 02:00:00:00:00:02, 02:00:00:00:00:03',
      remedy: /^Compare the serial number with the label/,
    },
  ])
  t.end()
})

t.test('BMCs of several nodes with the same machine', (t) => {
  const uuid = '4c4c4544-0031-3010-8031-b4c04f4e3132'
  const results = found(
    ['ocp45/m1', machine(['02:00:00:00:00:01'], { uuid, serial: 'ABC123' })],
    ['ocp45/w1', machine([], { uuid, serial: 'ABC123' })],
    ['ocp45/m2', machine(['02:00:00:00:00:02'])],
  )
  t.match(compareMachines(nodes, results), [
    { status: 'ok', text: '2 BMCs reported the declared MAC addresses' },
    {
      status: 'warning',
      code: 'preflight.bmc-same-machine',
      text: `ocp45/m1, ocp45/w1: their BMCs report the same machine (serial number ABC123, UUID ${uuid})`,
    },
  ])
  t.end()
})
