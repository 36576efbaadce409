/** Why a node does not go on: the first row of a table that fits what was seen of it. Pure. */
import type { NodeRecord } from './installs.ts'
import { diskSymptoms } from './symptoms/disk.ts'
import { firmwareSymptoms } from './symptoms/firmware.ts'
import { installerSymptoms } from './symptoms/installer.ts'
import { viewOf, type SymptomRow, type Diagnosis, type View } from './symptoms/boot-view.ts'
import { latestStep, stages, type Boot, type Timeline } from './timeline.ts'
import { formatDuration } from '../text/duration.ts'

export type Symptom = Diagnosis & { readonly name: string }

type SymptomContext = Pick<View, 'record' | 'usesDhcp'> & {
  readonly timeline: Timeline
  /** Milliseconds since 1970. */
  readonly now: number
}

/** From firmware to disk, so that of two that fit the one that comes first on the way is told. */
const rows: readonly SymptomRow[] = [...firmwareSymptoms, ...installerSymptoms, ...diskSymptoms]

const armedLongMs = 15 * 60_000
const attemptsWithoutEnd = 2

export function symptomOf({ record, usesDhcp, timeline, now }: SymptomContext): Symptom | undefined {
  if (record.mode === 'failed') return gaveUp(record)
  const view = viewOf(bootsInQuestion(timeline.boots), now, { record, usesDhcp })
  for (const { name, tell } of view === undefined ? [] : rows) {
    const tale = tell(view as View)
    if (tale !== undefined) return { name, ...tale }
  }
  return neverCame(record, now) ?? installsAgain(record)
}

/** Without a boot that has only begun, when those before it all ended at the same later step, short of their disk. */
function bootsInQuestion(boots: readonly Boot[]): readonly Boot[] {
  const [last, before, first] = [boots.at(-1), boots.at(-2), boots.at(-3)].map(
    (boot) => boot && latestStep(boot),
  )
  if (last === undefined || before === undefined || first === undefined) return boots
  const isBehind = stages[last.kind] < stages[before.kind] && before.kind === first.kind
  return isBehind && stages[before.kind] < stages['disk-dhcp'] ? boots.slice(0, -1) : boots
}

function gaveUp({ node, reason }: NodeRecord): Symptom {
  return {
    name: 'gave-up',
    saw: `${reason}, and it is not tried again by itself`,
    likely: 'a person has to look at it',
    advice: `\`slipway node show ${node}\` tells what happened; then run \`slipway node install ${node}\``,
  }
}

function neverCame(
  { node, mode, since, armedUntil, lastSeen = 0 }: NodeRecord,
  now: number,
): Symptom | undefined {
  if (mode !== 'install' || armedUntil === undefined || lastSeen > since || now - since < armedLongMs)
    return undefined
  return {
    name: 'armed-not-seen',
    saw: `was armed to install ${formatDuration(now - since)} ago and not seen since`,
    likely: 'it was not booted again, boots from its disk first, or its MAC address is not the declared one',
    advice: `power ${node} on with the network first in its boot order; \`slipway nodes seen\` lists undeclared machines`,
  }
}

function installsAgain({ mode, attempt }: NodeRecord): Symptom | undefined {
  const isUnderWay = mode === 'install' || mode === 'installing'
  if (!isUnderWay || attempt === undefined || attempt.earlier < attemptsWithoutEnd) return undefined
  return {
    name: 'installs-again',
    saw: `begins its installation again and again: ${attempt.earlier} attempts came to nothing`,
    likely: 'the machine resets itself, is power-cycled, or its installer fails each time',
    advice: 'watch its console through one attempt',
  }
}
