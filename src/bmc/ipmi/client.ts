/** A BMC that speaks only IPMI 2.0, through ipmitool. The password is in a temporary file, because arguments are public. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../../host/command.ts'
import { bmcName, type BmcAddress } from '../../plan/bmc.ts'
import { defined } from '../../text/defined.ts'
import type { Credentials } from '../credentials.ts'
import type { Bmc, BootRequest, Inventory, MachineReport, PowerAction } from '../machine.ts'
import { BmcProblem } from '../problem.ts'
import { decodeFru, decodeGuid, decodeOverride, decodePower } from './output.ts'

/** ipmitool itself repeats each request. */
const timeoutMs = 30_000

const powerCommands: Readonly<Record<PowerAction, string>> = {
  on: 'on',
  off: 'soft',
  'force-off': 'off',
  cycle: 'reset',
}

/** @param program for tests */
export async function withIpmi<T>(
  target: BmcAddress,
  credentials: Credentials,
  use: (bmc: Bmc) => Promise<T>,
  program = 'ipmitool',
): Promise<T> {
  const name = bmcName(target)
  const directory = await mkdtemp(join(tmpdir(), 'slipway-ipmi-'))
  const file = join(directory, 'password')

  async function run(...args: string[]): Promise<string> {
    const { host, port } = target
    const login = ['-I', 'lanplus', '-H', host, '-p', `${port}`, '-U', credentials.username, '-f', file]
    // Only with -v does ipmitool tell a wrong password from a BMC that does not answer.
    const { kind, ending, output } = await runCommand(program, ['-v', ...login, ...args], timeoutMs)
    if (kind === 'done') return output
    throw kind === 'missing' ? noTool : explain(name, ending, output)
  }

  async function report(): Promise<MachineReport> {
    const power = decodePower(await run('chassis', 'power', 'status'))
    const bootOverride = decodeOverride(await run('chassis', 'bootparam', 'get', '5').catch(() => ''))
    // Some BMCs have neither a field replaceable unit nor a GUID.
    const fru = decodeFru(await run('fru', 'print', '0').catch(() => ''))
    const uuid = decodeGuid(await run('mc', 'guid').catch(() => ''))
    return { power, ...fru, ...defined({ uuid, bootOverride }) }
  }

  const ipmi: Bmc = {
    report,
    inventory: async (): Promise<Inventory> => ({ ...(await report()), macs: [] }),
    async power(action) {
      const power = decodePower(await run('chassis', 'power', 'status'))
      if (action === 'on' ? power === 'on' : action !== 'cycle' && power === 'off') return
      await run('chassis', 'power', action === 'cycle' && power === 'off' ? 'on' : powerCommands[action])
    },
    async boot({ target, networkBoot }: BootRequest) {
      if (target === 'normal') {
        await run('chassis', 'bootdev', 'none')
        return []
      }
      await run('chassis', 'bootdev', 'pxe', 'options=efiboot')
      return networkBoot === 'http' ? ['IPMI cannot select UEFI HTTP Boot, so the firmware boots by PXE'] : []
    },
  }

  try {
    await writeFile(file, credentials.password, { mode: 0o600 })
    return await use(ipmi)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const noTool = new BmcProblem(
  'bmc.no-ipmitool',
  'ipmitool is not installed: install the package ipmitool, or set protocol: redfish',
)

/** Lines that ipmitool adds with -v, whatever the BMC answers. */
const noise =
  /^(?:Loading IANA PEN Registry|Running Get |Invalid completion code received: Invalid command|Discovered |Unable to Get Channel Cipher Suites).*$/gm

function explain(name: string, ending: string, output: string): BmcProblem {
  const text = output.replaceAll(noise, '').replaceAll(/\s+/g, ' ').trim().slice(0, 300)
  if (/insufficient resources/i.test(text)) {
    return new BmcProblem(
      'bmc.no-sessions',
      `all sessions of BMC ${name} are in use (${text}): end sessions in its web page, or wait until they expire`,
    )
  }
  if (
    /RAKP \d (?:message indicates an error|HMAC is invalid)|unauthorized name|password|privilege level/i.test(
      text,
    )
  ) {
    return new BmcProblem(
      'bmc.credentials-refused',
      `BMC ${name} refused the user name or the password (${text}): correct the credentials file; it is read for each command`,
    )
  }
  if (
    /Unable to establish|session timeout|no response|lookup failed/i.test(text) ||
    /finish within/.test(ending)
  ) {
    return new BmcProblem(
      'bmc.unreachable',
      `BMC ${name} does not answer IPMI (${text === '' ? ending : text}): check its address, and that IPMI over LAN is enabled`,
    )
  }
  return new BmcProblem(
    'bmc.refused',
    `BMC ${name} refused the command (${text === '' ? ending : text}): check the privileges of the user`,
  )
}
