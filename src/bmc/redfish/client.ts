/** A BMC that speaks Redfish (DSP0266): finds the system of the node, reads it, and switches its power. */
import type { BmcPlan } from '../../plan/bmc.ts'
import { defined } from '../../text/defined.ts'
import type { Credentials } from '../credentials.ts'
import type { Bmc, Inventory, PowerAction } from '../machine.ts'
import { BmcProblem } from '../problem.ts'
import { setBoot } from './boot.ts'
import { errorText, type ExchangeOptions } from './exchange.ts'
import { readMacs } from './interfaces.ts'
import { linkAt, listAt, membersOf, textAt, textsAt } from './json.ts'
import { withSession, type Session } from './session.ts'
import { decodeSystem, type System } from './system.ts'
import { resetTypes } from './vendors.ts'

/** Opens a session, runs `use`, and ends the session. @throws {BmcProblem} */
export function withRedfish<T>(
  options: ExchangeOptions,
  credentials: Credentials,
  plan: Pick<BmcPlan, 'system'>,
  use: (bmc: Bmc) => Promise<T>,
): Promise<T> {
  return withSession(options, credentials, async (session) => {
    const path = await findSystem(session, plan.system)
    const read = async (): Promise<System> => {
      const { body, headers } = await session.get(path)
      return decodeSystem(path, body, headers.etag)
    }
    return use({
      report: async () => (await read()).report,
      inventory: async () => inventoryOf(session, await read()),
      power: async (action) => switchPower(session, await read(), action),
      boot: async (request) => setBoot(session, await read(), request),
    })
  })
}

/** Returns the paths of all systems of a BMC. @throws {BmcProblem} */
async function listSystems(session: Session): Promise<string[]> {
  return membersOf((await session.get(linkAt(session.root, 'Systems') as string)).body)
}

async function findSystem(session: Session, wanted: string | undefined): Promise<string> {
  const paths = await listSystems(session)
  const ids = paths.map(idOf)
  const id = wanted === undefined ? undefined : idOf(wanted)
  const found = id === undefined && paths.length === 1 ? paths[0] : paths.find((path) => idOf(path) === id)
  if (found !== undefined) return found
  const { name } = session.peer
  const what = id === undefined ? 'has several systems' : `has no system ${id}`
  const list = ids.length === 0 ? 'it lists none' : `set bmc.system to one of ${ids.join(', ')}`
  throw new BmcProblem('bmc.no-system', `BMC ${name} ${ids.length === 0 ? 'has no system' : what}: ${list}`)
}

function idOf(path: string): string {
  return path.replace(/\/$/, '').replace(/^.*\//, '')
}

async function inventoryOf(session: Session, system: System): Promise<Inventory> {
  const { report, hostName, path } = system
  return { ...report, macs: await readMacs(session, system), ...defined({ hostName }), system: path }
}

async function switchPower(session: Session, system: System, action: PowerAction): Promise<void> {
  const { power } = system.report
  if (action === 'on' && power === 'on') return
  if ((action === 'off' || action === 'force-off') && power === 'off') return
  // A machine that is off cannot be restarted.
  const effective = action === 'cycle' && power === 'off' ? 'on' : action
  const offered = system.reset.types ?? (await offeredTypes(session, system.reset.info))
  const usable = resetTypes[effective].find((type) => offered?.includes(type) ?? true)
  if (usable === undefined) {
    const hint = effective === 'off' ? ': use "slipway power off --force"' : ': switch it by hand'
    throw new BmcProblem(
      'bmc.not-supported',
      `BMC ${session.peer.name} does not offer this operation, only ${(offered ?? []).join(', ')}${hint}`,
    )
  }
  const answer = await session.send({
    ...{ method: 'POST', path: system.reset.path, body: { ResetType: usable }, isRepeatable: false },
  })
  if (answer.status < 300) return
  throw new BmcProblem(
    'bmc.refused',
    `BMC ${session.peer.name} refused ${usable} (${errorText(answer)}): check the privileges of the user, and the state in the BMC`,
  )
}

/** Returns the reset types of an ActionInfo resource; nothing if there is none. */
async function offeredTypes(session: Session, path: string | undefined): Promise<string[] | undefined> {
  if (path === undefined) return undefined
  const parameters = listAt((await session.get(path)).body, 'Parameters')
  return textsAt(
    parameters.find((each) => textAt(each, 'Name') === 'ResetType'),
    'AllowableValues',
  )
}
