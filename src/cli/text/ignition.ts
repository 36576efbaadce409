/** The contents of an Ignition file in words. Pure. */
import { formatMinute, validUntil } from '../../plan/ignition/age.ts'
import type { IgnitionContents } from '../../plan/ignition/document.ts'

/** For an Ignition file that is not on this machine. */
export const askedText = 'requested from the cluster when a node installs'

/** `version 3.2.0, made at 2026-11-21 06:00 UTC, valid until 2026-11-22 06:00 UTC` */
export function ignitionText(contents: IgnitionContents): string {
  const { version, madeAt, firstToExpire } = contents
  const end = validUntil(contents)
  const age =
    madeAt !== undefined && end !== undefined
      ? [`made at ${formatMinute(madeAt)}`, `valid until ${formatMinute(end)}`]
      : firstToExpire === undefined
        ? ['no certificates']
        : [`first certificate expires at ${formatMinute(firstToExpire.notAfter)}`]
  return [`version ${version}`, ...age].join(', ')
}
