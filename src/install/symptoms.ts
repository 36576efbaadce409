/** Why a node does not continue: the first row of a table that matches its timeline. Pure. */
import { formatDuration } from '../text/format.ts'
import type { InstallCode } from './codes.ts'
import type { NodeRecord } from './installs.ts'
import { stages } from './step-kinds.ts'
import { diskSymptoms, stalledSymptoms, installerSymptoms } from './symptoms/installer.ts'
import { firmwareSymptoms } from './symptoms/firmware.ts'
import { viewOf, type SymptomRow, type Diagnosis, type View } from './symptoms/boot-view.ts'
import { latestStep, stageOf, type Boot, type Timeline } from './timeline.ts'

export type Symptom = Diagnosis & { readonly name: string; readonly code: InstallCode }

type SymptomContext = Pick<View, 'record' | 'usesDhcp'> & {
  readonly timeline: Timeline
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Sorted as in a boot. If two rows match, the earlier cause comes first. */
const rows: readonly SymptomRow[] = [
  ...firmwareSymptoms,
  ...installerSymptoms,
  ...diskSymptoms,
  ...stalledSymptoms,
]

const armedLongMs = 15 * 60_000
const attemptsWithoutEnd = 2

export function symptomOf({ record, usesDhcp, timeline, now }: SymptomContext): Symptom | undefined {
  if (record.mode === 'failed') return installationFailed(record)
  const view = viewOf(bootsInQuestion(timeline.boots), now, { record, usesDhcp })
  for (const { name, code, diagnose } of view === undefined ? [] : rows) {
    const diagnosis = diagnose(view as View)
    if (diagnosis !== undefined) return { name, code, ...diagnosis }
  }
  return armedNotSeen(record, now) ?? installsAgain(record)
}

/** Skips a boot that only started if the boots before it all ended at the same later step before the disk. */
function bootsInQuestion(boots: readonly Boot[]): readonly Boot[] {
  const [last, before, first] = [boots.at(-1), boots.at(-2), boots.at(-3)].map(
    (boot) => boot && latestStep(boot),
  )
  if (last === undefined || before === undefined || first === undefined) return boots
  const isBehind = stageOf(last.kind) < stageOf(before.kind) && before.kind === first.kind
  return isBehind && stageOf(before.kind) < stages.disk ? boots.slice(0, -1) : boots
}

function installationFailed({ node, reason }: NodeRecord): Symptom {
  return {
    name: 'gave-up',
    code: 'install.failed',
    saw: `${reason}, and slipway does not try again automatically`,
    likely: 'an administrator must find the cause',
    advice: `read \`slipway node show ${node}\`; then run \`slipway node install ${node}\``,
  }
}

function armedNotSeen(
  { node, mode, since, armedUntil, lastSeen = 0 }: NodeRecord,
  now: number,
): Symptom | undefined {
  if (mode !== 'install' || armedUntil === undefined || lastSeen > since || now - since < armedLongMs)
    return undefined
  return {
    name: 'armed-not-seen',
    code: 'install.armed-not-seen',
    saw: `was armed to install ${formatDuration(now - since)} ago and has not been seen since`,
    likely:
      'it was not restarted, boots from its disk first, or its MAC address is not the one in the site file',
    advice: `power ${node} on with the network first in its boot order; \`slipway nodes seen\` lists undeclared machines`,
  }
}

function installsAgain({ mode, attempt }: NodeRecord): Symptom | undefined {
  const isActive = mode === 'install' || mode === 'installing'
  if (!isActive || attempt === undefined || attempt.earlier < attemptsWithoutEnd) return undefined
  return {
    name: 'installs-again',
    code: 'install.repeated',
    saw: `starts its installation again and again: ${attempt.earlier} attempts failed`,
    likely: 'the machine resets itself, is power-cycled, or its installer fails each time',
    advice: 'watch its console during one attempt',
  }
}
