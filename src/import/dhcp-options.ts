/** DHCP options that subnets have as keys of the site file, by the names that the ISC DHCP server and Kea share. Pure. */
import type { SubnetFact } from './facts.ts'

/** What servers inherit from outer scopes. */
export type Settings = Partial<
  Pick<SubnetFact, 'gateway' | 'dns' | 'ntp' | 'domain' | 'search' | 'leaseSeconds' | 'mtu'>
>

export const optionKeys: ReadonlyMap<string, keyof Settings> = new Map([
  ['routers', 'gateway'],
  ['domain-name-servers', 'dns'],
  ['ntp-servers', 'ntp'],
  ['domain-name', 'domain'],
  ['domain-search', 'search'],
  ['interface-mtu', 'mtu'],
])

export function settingOf(key: keyof Settings, values: readonly string[]): Settings {
  const [first = ''] = values
  if (key === 'mtu') return { mtu: Number(first) }
  // Some files have several names in one text.
  if (key === 'gateway' || key === 'domain') return { [key]: first.split(/\s+/)[0] }
  return { [key]: values }
}
