import t from 'tap'
import { power } from '../../../src/cli/commands/power.ts'
import { fakeSlipway, Refused } from '../../support/fake-slipway.ts'
import { samplePowerReport } from '../../support/sample-power.ts'
import { keptTerminal } from '../../support/terminal.ts'

const w1 = '/v1/nodes/ocp45/w1/power'
const refusal = new Refused(502, 'BMC b refused the password: correct the file', {
  code: 'bmc.credentials-refused',
})

async function slipwayWith(t: Parameters<typeof fakeSlipway>[0], routes: Record<string, object> = {}) {
  const { path, commands } = await fakeSlipway(t, {
    'GET /v1/nodes': [{ node: 'ocp45/w1' }, { node: 'ocp45/m1' }],
    [`GET ${w1}`]: samplePowerReport,
    [`POST ${w1}/on`]: { ...samplePowerReport, remarks: ['the firmware gets the URL by DHCP'] },
    [`POST ${w1}/force-off`]: { ...samplePowerReport, power: 'off', progress: undefined },
    [`POST ${w1}/cycle?boot=network`]: samplePowerReport,
    'GET /v1/nodes/ocp45/m1/power': refusal,
    'POST /v1/nodes/ocp45/m1/power/on': refusal,
    [`POST ${w1}/trust?fingerprint=AA%3ABB`]: { fingerprint: 'AA:BB' },
    ...routes,
  })
  const run = async (...args: string[]) => {
    const terminal = keptTerminal()
    const code = await power.run([...args, '--control', path], terminal)
    return { code, out: terminal.outLines, err: terminal.errLines }
  }
  return { run, commands }
}

t.test('status prints the power and the identity of the machine', async (t) => {
  const { run } = await slipwayWith(t)
  t.same(await run('status', 'w1'), {
    code: 0,
    out: [
      'ocp45/w1: power on, OSRunning',
      '    BMC        172.16.0.201 (redfish)',
      '    machine    Contoso R1',
      '    serial     ABC123',
      '    UUID       4c4c4544-0031-3010-8031-b4c04f4e3132',
      '    next boot  Pxe, once',
    ],
    err: [],
  })
  t.same(JSON.parse((await run('status', '--json', 'w1')).out.join('\n')), [samplePowerReport])
})

t.test('a machine of which little is known', async (t) => {
  const { node, bmc, readAt } = samplePowerReport
  const report = { node, bmc, readAt, protocol: 'ipmi', isManaged: true, power: 'unknown' }
  const { run } = await slipwayWith(t, {
    [`GET ${w1}`]: { ...report, bootOverride: { target: 'PXE', isOnce: false } },
  })
  t.same((await run('status', 'w1')).out, [
    'ocp45/w1: power not known',
    '    BMC        172.16.0.201 (ipmi), power: managed',
    '    next boot  PXE',
  ])
})

t.test('memory that is too small for a live system is a warning', async (t) => {
  for (const [memoryGiB, line] of [
    [16, '16 GiB'],
    [1.5, '1.5 GiB; warning: a live system needs at least 2 GiB'],
  ] as const) {
    const { run } = await slipwayWith(t, { [`GET ${w1}`]: { ...samplePowerReport, memoryGiB } })
    t.ok((await run('status', 'w1')).out.includes(`    memory     ${line}`), line)
  }
})

t.test('commands print one line for each node', async (t) => {
  const { run, commands } = await slipwayWith(t)
  t.same((await run('on', 'w1')).out, ['ocp45/w1: power on, OSRunning; the firmware gets the URL by DHCP'])
  t.same((await run('off', '--force', 'w1')).out, ['ocp45/w1: power off'])
  t.equal((await run('cycle', '--boot', 'network', 'w1')).code, 0)
  t.same(commands, [`POST ${w1}/on`, `POST ${w1}/force-off`, `POST ${w1}/cycle?boot=network`])
})

t.test('a node whose BMC fails does not keep the others from being switched', async (t) => {
  const { run } = await slipwayWith(t)
  t.same(await run('on', 'm1', 'w1'), {
    code: 1,
    out: ['ocp45/w1: power on, OSRunning; the firmware gets the URL by DHCP'],
    err: ['ocp45/m1: BMC b refused the password: correct the file'],
  })
})

t.test('a certificate is accepted', async (t) => {
  const { run } = await slipwayWith(t)
  t.same((await run('trust', 'w1', '--fingerprint', 'AA:BB')).out, [
    'ocp45/w1: slipway accepts the certificate AA:BB of its BMC',
  ])
})

t.test('an error without a next step ends with the remedy of its code', async (t) => {
  const { run } = await slipwayWith(t, {
    [`GET ${w1}`]: new Refused(502, 'it failed', { code: 'bmc.no-sessions' }),
  })
  t.same((await run('status', 'w1')).err, [
    'ocp45/w1: it failed; end sessions in the web page of the BMC, wait until they expire, or restart the BMC',
  ])
})

t.test('invalid command lines', async (t) => {
  const { run } = await slipwayWith(t)
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[], 'expected one of status, on, off, cycle, trust'],
    [
      ['cicle', 'w1'],
      'unknown command "cicle" (did you mean cycle?); expected one of status, on, off, cycle, trust',
    ],
    [['on'], 'expected the name of a node'],
    [['on', '--boot', 'disk', 'w1'], '--boot: expected network or normal, not disk'],
    [['trust', 'w1'], 'expected one node, and --fingerprint with the fingerprint that its BMC shows'],
  ]
  for (const [args, message] of cases) await t.rejects(run(...args), { name: 'UsageError', message })
})

t.test('slipway does not run', async (t) => {
  const terminal = keptTerminal()
  t.equal(await power.run(['status', 'w1', '--control', '/none'], terminal), 1)
  t.match(terminal.errLines[0], /^slipway: cannot reach slipway/)
})
