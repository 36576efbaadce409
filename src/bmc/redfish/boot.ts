/**
 * Sets the device of the next start (ComputerSystem.Boot). BMCs differ in what they accept, so each form is tried in turn: with and
 * without the mode, with and without the entity tag, at the system and at its settings. The result is read back, because
 * some BMCs answer 204 and change nothing.
 */
import type { BootRequest } from '../machine.ts'
import { BmcProblem } from '../problem.ts'
import { errorText, type Answer } from './exchange.ts'
import { textAt, type Json } from './json.ts'
import type { Session } from './session.ts'
import { decodeBoot, type Boot, type System } from './system.ts'

/** @returns remarks for the administrator. @throws {BmcProblem} */
export async function setBoot(session: Session, system: System, request: BootRequest): Promise<string[]> {
  const { peer } = session
  const { target, loaderUrl } = request
  const wanted = request.networkBoot === 'http' ? 'UefiHttp' : 'Pxe'
  const { targets } = system.boot
  if (target === 'normal') return clearBoot(session, system)
  if (targets !== undefined && !targets.includes(wanted)) {
    const other = wanted === 'Pxe' ? 'UefiHttp' : 'Pxe'
    const advice = targets.includes(other)
      ? `set networkBoot: ${other === 'Pxe' ? 'pxe' : 'http'}`
      : 'select the network boot by hand'
    throw new BmcProblem(
      'bmc.not-supported',
      `BMC ${peer.name} cannot boot from ${wanted}, only from ${targets.join(', ')}: ${advice}`,
    )
  }
  const usesUri = wanted === 'UefiHttp' && system.boot.takesUri
  const boot: Json = {
    BootSourceOverrideEnabled: 'Once',
    BootSourceOverrideTarget: wanted,
    ...(usesUri ? { HttpBootUri: loaderUrl } : {}),
  }
  await change(session, system, boot)
  // A BMC can have kept the target of an earlier override that is disabled.
  const isSet = ({ enabled, target }: Boot) => target === wanted && enabled !== 'Disabled'
  const after = await readBack(session, system, isSet)
  if (after === undefined) throw notSet(session, wanted)
  return [
    ...(wanted === 'UefiHttp' && !usesUri
      ? ['the BMC takes no boot URL, so the firmware gets it by DHCP']
      : []),
    ...(after.enabled === 'Once'
      ? []
      : ['the BMC keeps the network boot for later starts; slipway then boots the installed disk']),
    ...(after.mode === 'Legacy' ? ['the BMC starts the firmware in the mode Legacy (BIOS)'] : []),
  ]
}

async function clearBoot(session: Session, system: System): Promise<string[]> {
  const isNormal = ({ enabled, target }: Boot) =>
    enabled === 'Disabled' || target === undefined || target === 'Hdd'
  if (isNormal(system.boot)) return []
  await change(session, system, { BootSourceOverrideEnabled: 'Disabled' })
  if ((await readBack(session, system, isNormal)) !== undefined) return []
  // BMCs that only know a permanent device.
  await change(session, system, { BootSourceOverrideEnabled: 'Continuous', BootSourceOverrideTarget: 'Hdd' })
  if ((await readBack(session, system, isNormal)) !== undefined) return []
  throw notSet(session, 'the normal order')
}

function notSet({ peer }: Session, wanted: string): BmcProblem {
  return new BmcProblem(
    'bmc.boot-not-set',
    `BMC ${peer.name} accepted the boot from ${wanted}, but did not set it: update its firmware, or select the boot by hand`,
  )
}

/** @throws {BmcProblem} with the first refusal, if no form is accepted */
async function change(session: Session, system: System, boot: Json): Promise<void> {
  const withMode = { ...boot, BootSourceOverrideMode: 'UEFI' }
  const bodies = system.boot.hasMode ? [withMode, boot] : [boot, withMode]
  let first: Answer | undefined
  for (const path of [system.path, ...(system.settings === undefined ? [] : [system.settings])]) {
    for (const body of bodies) {
      const answer = await patch(session, path, { Boot: body })
      if (answer.status < 300) return
      first ??= answer
    }
  }
  const { peer } = session
  throw new BmcProblem(
    'bmc.refused',
    `BMC ${peer.name} refused the boot device (${errorText(first as Answer)}): see docs/bmc.md for its vendor, or select the boot by hand`,
  )
}

/** Some BMCs demand the entity tag (428), others refuse their own one (412). */
async function patch(session: Session, path: string, body: Json): Promise<Answer> {
  const current = await session.get(path)
  const etag = current.headers.etag ?? textAt(current.body, '@odata.etag')
  const tags = etag === undefined ? [undefined] : [etag, etag.replace(/^W\//, ''), undefined]
  let answer: Answer | undefined
  for (const tag of new Set(tags)) {
    const headers = tag === undefined ? {} : { 'if-match': tag }
    answer = await session.send({ method: 'PATCH', path, headers, body })
    if (answer.status !== 412) return answer
  }
  return answer as Answer
}

async function readBack(
  session: Session,
  { path, settings }: System,
  isSet: (boot: Boot) => boolean,
): Promise<Boot | undefined> {
  for (const each of [path, ...(settings === undefined ? [] : [settings])]) {
    const boot = decodeBoot((await session.get(each)).body)
    if (isSet(boot)) return boot
  }
  return undefined
}
