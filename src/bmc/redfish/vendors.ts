/**
 * Deviations of BMCs from Redfish as data. docs/bmc.md has the table with the public reports that they come from. slipway does not
 * look at the name of a vendor: it tries the standard first, and then these, so that new models work too. Pure.
 */

/** Where BMCs report what the firmware does. The standard property is the first one (ComputerSystem 1.13). */
export const progressPaths: readonly (readonly string[])[] = [
  ['BootProgress', 'LastState'],
  // A state that the standard does not have.
  ['BootProgress', 'OemLastState'],
  // HPE iLO 5 and later.
  ['Oem', 'Hpe', 'PostState'],
  // HPE iLO 4.
  ['Oem', 'Hp', 'PostState'],
  // Lenovo XCC.
  ['Oem', 'Lenovo', 'SystemStatus'],
]

/** Where resources of interfaces, functions, and ports have MAC addresses: texts or lists. The address of the hardware comes first. */
export const macPaths: readonly (readonly string[])[] = [
  ['PermanentMACAddress'],
  ['MACAddress'],
  // NetworkDeviceFunction.
  ['Ethernet', 'PermanentMACAddress'],
  ['Ethernet', 'MACAddress'],
  // Port, and the older NetworkPort.
  ['Ethernet', 'AssociatedMACAddresses'],
  ['AssociatedNetworkAddresses'],
  // Lenovo XCC.
  ['Oem', 'Lenovo', 'PhysicalPortMacAddress'],
  // HPE iLO 4 and 5.
  ['MacAddress'],
]

/** Collections of network adapters outside of the chassis. */
export const adapterPaths: readonly (readonly string[])[] = [
  // HPE iLO 5.
  ['Oem', 'Hpe', 'Links', 'NetworkAdapters'],
  // HPE iLO 4.
  ['Oem', 'Hp', 'Links', 'NetworkAdapters'],
]

/** Reset types for each action, the best one first. BMCs of IBM have no ForceRestart. */
export const resetTypes = {
  on: ['On', 'ForceOn'],
  off: ['GracefulShutdown'],
  'force-off': ['ForceOff'],
  cycle: ['ForceRestart', 'PowerCycle'],
} as const
