/** The power, the boot device, and the inventory of BMCs whose resources real ones returned (test/fixtures/bmc). */
import t from 'tap'
import { withBmc } from '../../../src/bmc/operation.ts'
import { createPins } from '../../../src/bmc/pins.ts'
import type { Inventory } from '../../../src/bmc/machine.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { resolveBmc } from '../../../src/plan/bmc.ts'
import { bmcPower, credentialsFile, node, refusalOf, reportOf } from '../../support/bmc-power.ts'
import { fakeBmc } from '../../support/fake-bmc.ts'
import { readRecording, recordedNames, recordedTraits } from '../../support/recorded-bmc.ts'

const user = 'local:alice'

type Expected = {
  /** Id of the system, where the BMC has several. */
  readonly system?: string
  readonly macs: readonly string[]
  readonly serial?: string
  readonly uuid?: string
  readonly progress?: string
  /** Target of the reset action. */
  readonly reset: string
  /** Whether UEFI HTTP Boot is offered. */
  readonly hasHttp: boolean
}

const machines: Readonly<Record<string, Expected>> = {
  'dell-idrac10': {
    macs: ['00:00:5e:00:53:10', '00:00:5e:00:53:d0', '00:00:5e:00:53:d1'],
    serial: 'FOOBAR123',
    uuid: '4c4c4544-0030-5210-8047-c6c04f5a4333',
    reset: '/redfish/v1/Systems/System.Embedded.1/Actions/ComputerSystem.Reset',
    hasHttp: true,
  },
  'dell-idrac8': {
    macs: [],
    serial: 'CN7475151E0590',
    uuid: '4c4c4544-0042-3010-8046-c8c04f4a3332',
    reset: '/redfish/v1/Systems/System.Embedded.1/Actions/ComputerSystem.Reset',
    hasHttp: true,
  },
  'dmtf-rackmount': {
    macs: ['12:44:6a:3b:04:11', '12:44:6a:3b:88:90'],
    serial: '437XR1138R2',
    uuid: '38947555-7742-3448-3784-823347823834',
    progress: 'OSRunning',
    reset: '/redfish/v1/Systems/437XR1138R2/Actions/ComputerSystem.Reset',
    hasHttp: false,
  },
  'hpe-ilo5': {
    macs: ['00:00:5e:00:53:30', '00:00:5e:00:53:38'],
    progress: 'FinishedPost',
    reset: '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset/',
    hasHttp: true,
  },
  'lenovo-xcc': {
    macs: ['00:00:5e:00:53:60', '00:00:5e:00:53:61'],
    serial: 'J100ABCD',
    uuid: '92384634-2938-2342-8820-489239905423',
    progress: 'SystemHardwareInitializationComplete',
    reset: '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset',
    hasHttp: false,
  },
  openbmc: {
    system: 'system',
    macs: [],
    reset: '/redfish/v1/Systems/system/Actions/ComputerSystem.Reset',
    hasHttp: false,
  },
  supermicro: {
    macs: ['00:00:5e:00:53:40'],
    serial: 'E518845X6600399',
    uuid: 'ffd3b400-00de-11f1-8000-905a088166a9',
    progress: 'SystemHardwareInitializationComplete',
    reset: '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset',
    hasHttp: false,
  },
}

t.same(Object.keys(machines).sort(), recordedNames, 'each recording is tested')

for (const [name, expected] of Object.entries(machines)) {
  const { system, macs, serial, uuid, progress, reset, hasHttp } = expected
  const plan = system === undefined ? {} : { system }

  t.test(`${name}: serial number, UUID, and MAC addresses are read, and nothing is changed`, async (t) => {
    const bmc = await fakeBmc(t, recordedTraits(name, system))
    const address = `redfish+http://127.0.0.1:${bmc.port}`
    const target = { ...resolveBmc({ address, credentials: credentialsFile(t) }), ...plan }
    const options = { clock: systemClock, pins: createPins(undefined) }
    const found: Inventory = await withBmc(target, options, (each) => each.inventory())
    t.same(found.macs, macs)
    t.equal(found.serial, serial)
    t.equal(found.uuid, uuid)
    t.equal(found.progress, progress)
    t.same(
      bmc.requests.filter((each) => !/^GET |Sessions/.test(each)),
      [],
    )
    t.equal(bmc.sessions.size, 0)
  })

  t.test(`${name}: the machine is switched off, and restarted from the network once`, async (t) => {
    const { power, bmc } = await bmcPower(t, recordedTraits(name, system), { plan })
    t.equal(reportOf(await power.command(node, { action: 'force-off', user })).power, 'off')
    const report = reportOf(await power.command(node, { action: 'cycle', boot: 'network', user }))
    t.equal(report.power, 'on')
    t.same(report.bootOverride, { target: 'Pxe', isOnce: true })
    t.equal(bmc.boot()['BootSourceOverrideTarget'], 'Pxe')
    t.ok(bmc.requests.includes(`POST ${reset}`))
    reportOf(await power.command(node, { boot: 'normal', user }))
    t.equal(bmc.boot()['BootSourceOverrideEnabled'], 'Disabled')
  })

  t.test(
    `${name}: UEFI HTTP Boot is ${hasHttp ? 'selected' : 'refused with the targets of the BMC'}`,
    async (t) => {
      const http = { plan: { ...plan, networkBoot: 'http' } } as const
      const { power, bmc } = await bmcPower(t, recordedTraits(name, system), http)
      const result = await power.command(node, { boot: 'network', user })
      if (hasHttp) {
        t.same(reportOf(result).remarks, ['the BMC takes no boot URL, so the firmware gets it by DHCP'])
        t.equal(bmc.boot()['BootSourceOverrideTarget'], 'UefiHttp')
      } else {
        t.match(refusalOf(result), { code: 'bmc.not-supported', reason: /: set networkBoot: pxe$/ })
      }
    },
  )
}

t.test('the mode Legacy of a recording is changed to UEFI, where the BMC takes it', async (t) => {
  for (const name of ['dell-idrac10', 'lenovo-xcc', 'supermicro']) {
    const { power, bmc } = await bmcPower(t, recordedTraits(name))
    const { remarks } = reportOf(await power.command(node, { boot: 'network', user }))
    t.equal(bmc.boot()['BootSourceOverrideMode'], 'UEFI', name)
    t.equal(remarks, undefined)
  }
})

t.test('a BMC with several systems is not used before the site file chooses one', async (t) => {
  const { power, bmc } = await bmcPower(t, recordedTraits('openbmc', 'system'))
  t.match(refusalOf(await power.command(node, { action: 'force-off', user })), {
    code: 'bmc.no-system',
    reason: /has several systems: set bmc\.system to one of system, hypervisor$/,
  })
  t.notOk(bmc.requests.some((each) => each.startsWith('POST /redfish/v1/Systems')))
})

t.test('each recording names its public sources', (t) => {
  for (const name of recordedNames) {
    const { sources } = readRecording(name)
    t.ok(sources.length > 0 && sources.every((each) => each.startsWith('https://github.com/')), name)
  }
  t.end()
})
