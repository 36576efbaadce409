/** The operating systems that a site can have beside OpenShift's. Without the schema, which a start does not load. */

/** Each has a file that configures its installer. */
export const otherSystems = ['fcos', 'flatcar', 'debian', 'rhel', 'ubuntu', 'talos', 'custom'] as const
export type OtherSystem = (typeof otherSystems)[number]
