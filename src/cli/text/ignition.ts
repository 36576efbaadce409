/** What was read in an Ignition file, for people. Pure. */
import { formatMinute, validUntil } from '../../plan/ignition/age.ts'
import type { IgnitionContents } from '../../plan/ignition/document.ts'

/** Of what is on no disk here. */
export const askedText = 'which the cluster is asked for when a node installs'

/** `version 3.2.0, made at 2026-11-21 06:00 UTC, good until 2026-11-22 06:00 UTC` */
export function ignitionText(contents: IgnitionContents): string {
  const { version, madeAt, firstToExpire } = contents
  const end = validUntil(contents)
  const age =
    madeAt !== undefined && end !== undefined
      ? [`made at ${formatMinute(madeAt)}`, `good until ${formatMinute(end)}`]
      : firstToExpire === undefined
        ? ['without certificates']
        : [`its first certificate expires at ${formatMinute(firstToExpire.notAfter)}`]
  return [`version ${version}`, ...age].join(', ')
}
