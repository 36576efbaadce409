import t from 'tap'
import type { BmcPlan } from '../../src/plan/bmc.ts'
import { bmcPower, credentialsFile, node, powerOf, refusalOf, reportOf } from '../support/bmc-power.ts'
import { busy, errorBody, hang, lost } from '../support/fake-bmc.ts'

const user = 'local:alice'

t.test('a report has the power and the identity of the machine', async (t) => {
  const { power, bmc } = await bmcPower(t)
  const report = reportOf(await power.report(node))
  t.match(report, {
    node,
    protocol: 'redfish',
    power: 'off',
    manufacturer: 'Contoso',
    model: 'R1',
    serial: 'ABC123',
    uuid: '4c4c4544-0031-3010-8031-b4c04f4e3132',
    health: 'OK',
  })
  t.notOk('sku' in report, 'a placeholder is not a value')
  t.equal(bmc.sessions.size, 0, 'the session is ended')
  const before = bmc.requests.length
  t.same(await power.report(node), report)
  t.equal(bmc.requests.length, before, 'a new report is not read again')
  t.same(power.lastReport(node), report)
})

t.test('each command switches the machine, and the log names the user but not the password', async (t) => {
  const { power, bmc, lines } = await bmcPower(t)
  t.equal(reportOf(await power.command(node, { action: 'on', user })).power, 'on')
  t.equal(reportOf(await power.command(node, { action: 'on', user })).power, 'on', 'it is on already')
  t.equal(reportOf(await power.command(node, { action: 'cycle', user })).power, 'on')
  t.equal(reportOf(await power.command(node, { action: 'off', user })).power, 'off')
  t.equal(
    reportOf(await power.command(node, { action: 'force-off', user })).power,
    'off',
    'it is off already',
  )
  const resets = bmc.requests.filter((line) => line.endsWith('ComputerSystem.Reset'))
  t.equal(resets.length, 3, 'commands that change nothing are not sent')
  t.match(lines[0], /"action":"on","user":"local:alice".*"power":"on","msg":"power command sent"/)
  t.notMatch(lines.join(''), /pass=word/)
})

t.test('a machine that is off is switched on by cycle, and boots from the network once', async (t) => {
  const { power, bmc } = await bmcPower(t)
  const report = reportOf(await power.command(node, { action: 'cycle', boot: 'network', user }))
  t.equal(report.power, 'on')
  t.same(report.bootOverride, { target: 'Pxe', isOnce: true })
  t.notOk('remarks' in report)
  reportOf(await power.command(node, { boot: 'normal', user }))
  t.match(bmc.boot(), { BootSourceOverrideEnabled: 'Disabled' })
})

t.test('an operating system that does not shut down is reported as on', async (t) => {
  const { power, bmc } = await bmcPower(t, { system: { PowerState: 'On' } })
  t.equal(reportOf(await power.command(node, { action: 'off', user })).power, 'on')
  t.ok(bmc.requests.some((line) => line.endsWith('Reset')))
})

t.test('a node without a BMC, and a BMC without credentials', async (t) => {
  const { power } = powerOf(t, '127.0.0.1:1')
  t.match(refusalOf(await power.report('ocp45/w9')), {
    code: 'bmc.not-declared',
    reason: 'the site declares no BMC for ocp45/w9: add bmc with its address, then run "slipway reload"',
  })
  t.equal(power.isManaged('ocp45/w9'), false)
  t.equal(power.isManaged(node), false)
  const without = powerOf(t, '127.0.0.1:1', { plans: () => new Map([[node, bare]]) })
  t.equal(without.power.isManaged(node), true)
  t.match(refusalOf(await without.power.report(node)), {
    code: 'bmc.no-credentials',
    reason: /^no credentials for BMC 127\.0\.0\.1:1: set bmc\.credentials/,
  })
})

const bare: BmcPlan = {
  node,
  protocol: 'redfish',
  host: '127.0.0.1',
  port: 1,
  isPlain: true,
  networkBoot: 'pxe',
  isManaged: true,
  loaderUrl: '',
}

t.test('a BMC that does not listen', async (t) => {
  const { power, lines } = powerOf(t, 'redfish+http://127.0.0.1:1')
  const refusal = refusalOf(await power.command(node, { action: 'on', user }))
  t.equal(refusal.code, 'bmc.unreachable')
  t.match(refusal.reason, /^BMC 127\.0\.0\.1:1 does not answer \(connect ECONNREFUSED/)
  t.match(lines[0], /"user":"local:alice","code":"bmc.unreachable".*"msg":"power command failed"/)
})

t.test('a wrong password is sent only once', async (t) => {
  const { power, bmc } = await bmcPower(t)
  const credentials = credentialsFile(t, { username: 'admin', password: 'wrong' })
  const wrong = powerOf(t, `redfish+http://127.0.0.1:${bmc.port}`, { plan: { credentials } })
  const refusal = refusalOf(await wrong.power.report(node))
  t.equal(refusal.code, 'bmc.credentials-refused')
  t.match(refusal.reason, /refused the user name or the password \(HTTP 401: wrong password/)
  t.equal(bmc.requests.filter((line) => line.startsWith('POST')).length, 1)
  t.equal(reportOf(await power.report(node)).power, 'off', 'others are not affected')
})

t.test('the text of a BMC is not changed, even if it contains NODE', async (t) => {
  const refuseBoot = () => ({ status: 400, body: errorBody('NODE-2 is locked') })
  const { power } = await bmcPower(t, { refuseBoot })
  const refusal = refusalOf(await power.command(node, { boot: 'network', user }))
  t.match(refusal.reason, /refused the boot device \(HTTP 400: NODE-2 is locked /)
})

t.test('without a free session, Basic authentication is used', async (t) => {
  const { power, bmc } = await bmcPower(t, { maxSessions: 1 })
  bmc.sessions.add('of another client')
  t.equal(reportOf(await power.report(node)).power, 'off')
  t.same([...bmc.sessions], ['of another client'], 'and the session of the other client is kept')
})

t.test('a BMC that also refuses Basic authentication has no free session', async (t) => {
  const { power, bmc } = await bmcPower(t, { maxSessions: 1 })
  bmc.sessions.add('of another client')
  bmc.refuseBasic()
  const refusal = refusalOf(await power.report(node))
  t.equal(refusal.code, 'bmc.no-sessions')
  t.match(refusal.reason, /all sessions of BMC 127\.0\.0\.1:\d+ are in use/)
})

t.test('a BMC without a session service', async (t) => {
  const { power, bmc } = await bmcPower(t, { maxSessions: 0 })
  t.equal(reportOf(await power.report(node)).power, 'off')
  t.notOk(bmc.requests.some((line) => line.includes('Session')))
})

t.test('a busy BMC is asked again, and a request that it loses is repeated', async (t) => {
  const { power, bmc } = await bmcPower(t)
  bmc.faults.push(busy, lost, busy)
  const refusal = refusalOf(await power.report(node))
  t.equal(refusal.code, 'bmc.busy')
  bmc.faults.push(busy, lost)
  t.equal(reportOf(await power.report(node)).power, 'off')
})

t.test('a BMC that does not answer in time', async (t) => {
  const limits = { connectMs: 20_000, timeoutMs: 1000, retryMs: 1 }
  const { power, bmc } = await bmcPower(t, {}, { limits })
  bmc.faults.push(hang, hang, hang)
  const refusal = refusalOf(await power.report(node))
  t.equal(refusal.code, 'bmc.unreachable')
  t.match(refusal.reason, /does not complete its responses/)
})

t.test('a reset is not repeated after a lost connection, but its result is read', async (t) => {
  const { power, bmc } = await bmcPower(t)
  bmc.failReset('after')
  t.equal(reportOf(await power.command(node, { action: 'on', user })).power, 'on', 'it was carried out')
  bmc.failReset('before')
  const refusal = refusalOf(await power.command(node, { action: 'force-off', user }))
  t.equal(refusal.code, 'bmc.connection-lost', 'it was not')
  t.match(refusal.reason, /it may have been carried out; check with "slipway power status"/)
  bmc.failReset('after')
  const cycled = refusalOf(await power.command(node, { action: 'cycle', user }))
  t.equal(cycled.code, 'bmc.connection-lost', 'whether it was restarted is not known')
  t.equal(bmc.requests.filter((line) => line.endsWith('Reset')).length, 3)
  t.equal(bmc.sessions.size, 0, 'sessions are ended after failures too')
})

t.test('operations of one BMC run one after the other', async (t) => {
  const { power, bmc } = await bmcPower(t, { maxSessions: 1 })
  const all = await Promise.all([
    power.command(node, { action: 'on', user }),
    power.command(node, { action: 'cycle', user }),
    power.report(node),
  ])
  t.same(
    all.map((each) => reportOf(each).power),
    ['on', 'on', 'on'],
  )
  t.ok(bmc.requests.every((line) => !line.includes('Basic')))
})
