import { otherSystems, type OtherSystem } from '../../site/other-systems.ts'

/** Reports whether the role of a machine is the operating system of a group's machine. */
export function isOtherSystem(role: string): role is OtherSystem {
  return otherSystems.some((each) => each === role)
}
