import t, { type Test } from 'tap'
import { bmcPower, loaderUrl, node, refusalOf, reportOf } from '../../support/bmc-power.ts'
import { errorBody, type BmcTraits } from '../../support/fake-bmc.ts'

const user = 'alice'

/** Restarts the node from the network behind a BMC with these deviations. */
async function restart(t: Test, traits: BmcTraits, networkBoot: 'pxe' | 'http' = 'pxe') {
  const { power, bmc } = await bmcPower(t, traits, { plan: { networkBoot } })
  const result = await power.command(node, { action: 'cycle', boot: 'network', user })
  const patches = bmc.requests.filter((line) => line.startsWith('PATCH')).length
  return { result, bmc, power, patches }
}

t.test('a BMC that refuses the mode (HPE iLO)', async (t) => {
  const { result, patches } = await restart(t, {
    refuseBoot: (boot) => ('BootSourceOverrideMode' in boot ? { status: 400 } : undefined),
  })
  t.same(reportOf(result).bootOverride, { target: 'Pxe', isOnce: true })
  t.equal(patches, 2)
})

t.test('a BMC that demands the mode, although its system does not have it', async (t) => {
  const { result } = await restart(t, {
    boot: { BootSourceOverrideMode: undefined },
    refuseBoot: (boot) => ('BootSourceOverrideMode' in boot ? undefined : { status: 400 }),
  })
  t.equal(reportOf(result).power, 'on')
})

t.test('a BMC that takes the boot device only at its settings (AMI)', async (t) => {
  const { result, bmc } = await restart(t, {
    hasSettings: true,
    refuseBoot: (_boot, { url = '' }) =>
      url.endsWith('/SD')
        ? undefined
        : { status: 400, body: errorBody('moved', 'Ami.1.0.OperationSupportedInFutureStateURI') },
  })
  t.equal(reportOf(result).power, 'on')
  t.match(bmc.nextBoot(), { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' })
})

t.test('a BMC that demands the entity tag, and one that refuses its own', async (t) => {
  const demanding = await restart(t, {
    etag: 'W/"1"',
    refuseBoot: (_boot, { headers }) => (headers['if-match'] === undefined ? { status: 428 } : undefined),
  })
  t.equal(reportOf(demanding.result).power, 'on')
  const strong = await restart(t, {
    etag: 'W/"1"',
    refuseBoot: (_boot, { headers }) => (headers['if-match'] === '"1"' ? undefined : { status: 412 }),
  })
  t.equal(reportOf(strong.result).power, 'on')
  const none = await restart(t, {
    etag: 'W/"1"',
    refuseBoot: (_boot, { headers }) => (headers['if-match'] === undefined ? undefined : { status: 412 }),
  })
  t.equal(reportOf(none.result).power, 'on')
})

t.test('a BMC that accepts the boot device but does not set it does not restart the machine', async (t) => {
  const { result, bmc } = await restart(t, { applyBoot: () => ({}) })
  const refusal = refusalOf(result)
  t.equal(refusal.code, 'bmc.boot-not-set')
  t.match(refusal.reason, /accepted the boot from Pxe, but did not set it: update its firmware/)
  t.equal(bmc.power(), 'Off')
})

t.test('a BMC that keeps the target of an earlier override disabled (Supermicro)', async (t) => {
  const { result, bmc } = await restart(t, {
    boot: { BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'Pxe' },
    applyBoot: () => ({}),
  })
  t.equal(refusalOf(result).code, 'bmc.boot-not-set')
  t.equal(bmc.power(), 'Off')
})

t.test('a BMC that refuses every form (OpenBMC of IBM)', async (t) => {
  const { result, bmc } = await restart(t, {
    refuseBoot: () => ({ status: 400, body: errorBody('not possible') }),
  })
  const refusal = refusalOf(result)
  t.equal(refusal.code, 'bmc.refused')
  t.match(refusal.reason, /refused the boot device \(HTTP 400: not possible \(Base/)
  t.equal(bmc.power(), 'Off')
})

t.test('a BMC that keeps the boot device, and starts in the mode Legacy', async (t) => {
  const { result, power, bmc } = await restart(t, {
    applyBoot: (boot) => ({
      ...boot,
      BootSourceOverrideEnabled: 'Continuous',
      BootSourceOverrideMode: 'Legacy',
    }),
  })
  t.same(reportOf(result).remarks, [
    'the BMC keeps the network boot for later starts; slipway then boots the installed disk',
    'the BMC starts the firmware in the mode Legacy (BIOS)',
  ])
  reportOf(await power.command(node, { boot: 'normal', user }))
  t.equal(bmc.boot()['BootSourceOverrideTarget'], 'Hdd', 'it only has permanent devices')
  const before = bmc.requests.length
  reportOf(await power.command(node, { boot: 'normal', user }))
  t.notOk(
    bmc.requests.slice(before).some((line) => line.startsWith('PATCH')),
    'the order is normal already',
  )
})

t.test('a boot device that cannot be removed', async (t) => {
  const boot = { BootSourceOverrideEnabled: 'Continuous', BootSourceOverrideTarget: 'Pxe' }
  const { power } = await bmcPower(t, { boot, applyBoot: () => ({}) })
  const refusal = refusalOf(await power.command(node, { boot: 'normal', user }))
  t.equal(refusal.code, 'bmc.boot-not-set')
  t.match(refusal.reason, /accepted the boot from the normal order/)
})

t.test('UEFI HTTP Boot, with and without a URL', async (t) => {
  const without = await restart(t, {}, 'http')
  t.same(reportOf(without.result).remarks, ['the BMC takes no boot URL, so the firmware gets it by DHCP'])
  const { result, bmc } = await restart(t, { boot: { HttpBootUri: '' } }, 'http')
  t.notOk('remarks' in reportOf(result))
  t.match(bmc.boot(), { BootSourceOverrideTarget: 'UefiHttp', HttpBootUri: loaderUrl })
})

t.test('a BMC without the requested network boot', async (t) => {
  const targets = 'BootSourceOverrideTarget@Redfish.AllowableValues'
  const cases = [
    ['http', ['Pxe', 'Hdd'], /cannot boot from UefiHttp, only from Pxe, Hdd: set networkBoot: pxe$/],
    ['pxe', ['UefiHttp'], /only from UefiHttp: set networkBoot: http$/],
    ['pxe', ['Hdd'], /only from Hdd: select the network boot by hand$/],
  ] as const
  for (const [networkBoot, offered, reason] of cases) {
    const { result } = await restart(t, { boot: { [targets]: offered } }, networkBoot)
    t.equal(refusalOf(result).code, 'bmc.not-supported')
    t.match(refusalOf(result).reason, reason)
  }
})
