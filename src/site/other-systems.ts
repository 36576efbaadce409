/** The operating systems that a site can have beside OpenShift's. Without the schema, which a start does not load. */

/** Each has a file that configures its installer. */
export const otherSystems = ['fcos', 'flatcar', 'debian', 'rhel', 'ubuntu', 'talos', 'custom'] as const
export type OtherSystem = (typeof otherSystems)[number]

/** Reports whether the role of a machine is the operating system of a group's machine. */
export function isOtherSystem(role: string): role is OtherSystem {
  return otherSystems.some((each) => each === role)
}
