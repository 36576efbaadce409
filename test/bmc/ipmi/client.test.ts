import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { withIpmi } from '../../../src/bmc/ipmi/client.ts'
import { decodeFru, decodeGuid, decodeOverride, decodePower } from '../../../src/bmc/ipmi/output.ts'
import type { Bmc } from '../../../src/bmc/machine.ts'
import { resolveBmc } from '../../../src/plan/bmc.ts'

const credentials = { username: 'admin', password: 'pass word' }
const target = resolveBmc({ address: 'ipmi://192.0.2.1' })

/** A program in place of ipmitool that prints a text for each command, and notes its arguments and the password file. */
function ipmitool(t: Test, answers: Readonly<Record<string, string>>, failure = '') {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-ipmitool-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const program = join(directory, 'ipmitool')
  const log = join(directory, 'log')
  const cases = Object.entries(answers).map(
    ([command, text]) => `*" ${command}") printf '%s\\n' '${text}' ;;`,
  )
  writeFileSync(
    program,
    `#!/bin/sh
echo "$* [$(cat "\${11}")]" >>${log}
case " $*" in
${cases.join('\n')}
*) echo '${failure}' >&2; exit 1 ;;
esac
`,
  )
  chmodSync(program, 0o755)
  const use = <T>(run: (bmc: Bmc) => Promise<T>) => withIpmi(target, credentials, run, program)
  return { use, log: () => readFileSync(log, 'utf8').trim().split('\n') }
}

const off = { 'chassis power status': 'Chassis Power is off' }

t.test('a report, with the password in a file', async (t) => {
  const { use, log } = ipmitool(t, {
    ...off,
    'fru print 0': ' Product Manufacturer  : Contoso\n Product Serial        : ABC 1 ',
    'mc guid': 'System GUID  : 4C4C4544-0031-3010-8031-b4c04f4e3132',
  })
  t.same(await use((bmc) => bmc.inventory()), {
    power: 'off',
    manufacturer: 'Contoso',
    serial: 'ABC 1',
    uuid: '4c4c4544-0031-3010-8031-b4c04f4e3132',
    macs: [],
  })
  const [first = ''] = log()
  t.match(first, /^-v -I lanplus -H 192\.0\.2\.1 -p 623 -U admin -f \S+ chassis power status \[pass word\]$/)
})

t.test('power and boot device', async (t) => {
  const { use, log } = ipmitool(t, {
    ...off,
    'chassis power on': '',
    'chassis bootdev pxe options=efiboot': '',
    'chassis bootdev none': '',
  })
  await use(async (bmc) => {
    const request = { networkBoot: 'pxe', loaderUrl: '' } as const
    t.same(await bmc.boot({ ...request, target: 'network' }), [])
    t.same(await bmc.boot({ ...request, networkBoot: 'http', target: 'network' }), [
      'IPMI cannot select UEFI HTTP Boot, so the firmware boots by PXE',
    ])
    t.same(await bmc.boot({ ...request, target: 'normal' }), [])
    await bmc.power('cycle')
    await bmc.power('off')
    await bmc.power('on')
  })
  t.equal(
    log().filter((line) => line.includes('power on')).length,
    2,
    'cycle switches on a machine that is off',
  )
})

t.test('a machine that is on', async (t) => {
  const { use, log } = ipmitool(t, {
    'chassis power status': 'Chassis Power is on',
    ...{ 'chassis power reset': '', 'chassis power soft': '', 'chassis power off': '' },
  })
  await use(async (bmc) => {
    for (const action of ['on', 'cycle', 'off', 'force-off'] as const) await bmc.power(action)
  })
  t.same(
    log().flatMap((line) => /chassis power (on|reset|soft|off)\b/.exec(line)?.[1] ?? []),
    ['reset', 'soft', 'off'],
  )
})

t.test('failures', async (t) => {
  // As ipmitool 1.8.19 prints them for the simulator of OpenIPMI.
  const session = 'Error: Unable to establish IPMI v2 / RMCP+ session'
  const silence = 'Get Auth Capabilities error\nError issuing Get Channel Authentication Capabilities request'
  const registry = 'Loading IANA PEN Registry...'
  const suites = 'Unable to Get Channel Cipher Suites'
  const full = 'RAKP 2 message indicates an error : insufficient resources to create a session'
  const cases = [
    [`${registry}\n${silence}\n${session}`, 'bmc.unreachable', /does not answer IPMI \(Get Auth/],
    [
      `${registry}\n${suites}\n> RAKP 2 HMAC is invalid\n${session}`,
      'bmc.credentials-refused',
      /refused the user name or the password \(> RAKP 2 HMAC is invalid Error/,
    ],
    [
      `${suites}\nRAKP 2 message indicates an error : unauthorized name\n${session}`,
      'bmc.credentials-refused',
      /refused the user name or the password \(RAKP 2/,
    ],
    [`${suites}\n${full}\n${session}`, 'bmc.no-sessions', /all sessions of BMC 192\.0\.2\.1 are in use/],
    ['Set Chassis Power Control failed', 'bmc.refused', /refused the command \(Set Chassis/],
    ['', 'bmc.refused', /\(exit code 1\)/],
  ] as const
  for (const [text, code, message] of cases) {
    const { use } = ipmitool(t, {}, text)
    await t.rejects(
      use((bmc) => bmc.report()),
      { code, message },
    )
  }
  await t.rejects(
    withIpmi(target, credentials, (bmc) => bmc.report(), `${t.testdir({})}/ipmitool`),
    {
      code: 'bmc.no-ipmitool',
      message: /^ipmitool is not installed/,
    },
  )
})

t.test('output of ipmitool', (t) => {
  t.equal(decodePower('other'), 'unknown')
  t.same(
    decodeFru(' Board Mfg             : Contoso\n Board Product         : B1\n Product Part Number   : P1'),
    {
      manufacturer: 'Contoso',
      model: 'B1',
      sku: 'P1',
    },
  )
  t.equal(decodeGuid('none'), undefined)
  const flags = (...lines: string[]) => decodeOverride(lines.join('\n'))
  t.equal(flags(''), undefined)
  t.equal(flags('   - Boot Flag Invalid', '   - Boot Device Selector : Force PXE'), undefined)
  t.equal(flags('   - Boot Device Selector : No override'), undefined)
  t.same(flags('   - Options apply to only next boot', '   - Boot Device Selector : Force PXE'), {
    target: 'PXE',
    isOnce: true,
  })
  t.end()
})
