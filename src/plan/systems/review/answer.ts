/**
 * What slipway knows about the answer file of an installer: that the installer would reject it, or that it lets the installer
 * overwrite other disks than the one that the disk check looks at. Not a validator: each page of the documentation names one. Pure.
 */
import type { OtherSystem } from '../../../site/other-systems.ts'
import { reviewAutoinstall } from './autoinstall.ts'
import { reviewKickstart } from './kickstart.ts'
import { reviewPreseed } from './preseed.ts'
import { reviewTalos } from './talos.ts'
import type { Review } from './review.ts'

const reviews: Readonly<Partial<Record<OtherSystem, (text: string, disk: string | undefined) => Review>>> = {
  debian: reviewPreseed,
  rhel: reviewKickstart,
  ubuntu: reviewAutoinstall,
  talos: reviewTalos,
}

/** @param disk `disk` of the machine, for example `/dev/sda` */
export function reviewAnswer(os: OtherSystem, text: string, disk: string | undefined): Review {
  return reviews[os]?.(text, disk) ?? { problems: [] }
}
