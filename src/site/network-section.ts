/**
 * The section `network` of a cluster or a node: the network configuration of its nodes, with the keys of nmstate
 * (https://nmstate.io/devel/yaml_api.html). Only the part that kernel arguments and keyfiles can both express is accepted.
 */
import { z } from 'zod'
import { cidr, cidr6, domain, ip, ipv4, ipv6, mac, matching, wholeNumber } from './scalars.ts'

export const interfaceTypes = ['ethernet', 'bond', 'vlan', 'linux-bridge'] as const
const bondModes = [
  'balance-rr',
  'active-backup',
  'balance-xor',
  'broadcast',
  '802.3ad',
  'balance-tlb',
  'balance-alb',
] as const
/** Where the section is written to. */
const networkUses = ['both', 'arguments', 'keyfiles'] as const

/** Kernel arguments separate names with `:` and `,`. */
const deviceName = matching(
  'an interface name of up to 15 letters, digits, dots, hyphens, and underscores',
  /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/,
  ['eno1', 'bond0', 'bond0.100'],
)

const bondOptionName = matching('the name of a bond option, such as miimon', /^[a-z][a-z0-9_]*$/)
const bondOptionText = matching(
  'the value of a bond option without spaces and quotes',
  /^[A-Za-z0-9][\w.,:+/-]*$/,
)

const mtu = wholeNumber(576, 65_535, ' of octets')
const enabled = z.boolean().optional()

function addressList<Address, Input>(address: z.ZodType<Address, Input>, maxPrefix: number) {
  return z
    .array(
      z
        .strictObject({
          ip: address.meta({ description: 'address' }),
          'prefix-length': wholeNumber(1, maxPrefix, ' of bits').meta({
            description: 'length of the network prefix in bits',
          }),
        })
        .meta({ description: 'static address' }),
    )
    .default([])
    .meta({ description: 'static addresses' })
}

type FamilySettings = { readonly enabled?: boolean | undefined; readonly address: readonly unknown[] }

/** nmstate ignores the addresses in these cases, so a reader could take them for configured. */
function checkFamily(value: FamilySettings, isDynamic: boolean, issues: z.core.$ZodRawIssue[]): void {
  const { enabled, address } = value
  const message =
    enabled === false && (isDynamic || address.length > 0)
      ? 'expected no other settings with enabled: false'
      : isDynamic && address.length > 0
        ? 'expected either static addresses, or dhcp or autoconf'
        : undefined
  if (message !== undefined) issues.push({ code: 'custom', input: value, path: [], message })
}

const ipv4Settings = z
  .strictObject({
    enabled: enabled.meta({ description: 'false: the interface has no IPv4; by default true' }),
    dhcp: z.boolean().default(false).meta({ description: 'true: the address comes from DHCP' }),
    address: addressList(ipv4, 32),
  })
  .check(({ value, issues }) => {
    checkFamily(value, value.dhcp, issues)
  })
  .meta({ description: 'IPv4 of the interface; without this key, it has none' })

const ipv6Settings = z
  .strictObject({
    enabled: enabled.meta({ description: 'false: the interface has no IPv6; by default true' }),
    dhcp: z.boolean().default(false).meta({ description: 'true: the address comes from DHCPv6' }),
    autoconf: z
      .boolean()
      .default(false)
      .meta({ description: 'true: addresses and routes come from router advertisements (SLAAC)' }),
    address: addressList(ipv6, 128),
  })
  .check(({ value, issues }) => {
    checkFamily(value, value.dhcp || value.autoconf, issues)
  })
  .meta({ description: 'IPv6 of the interface; without this key, it has none' })

const linkAggregation = z
  .strictObject({
    mode: z.enum(bondModes).meta({ description: 'mode of the bond', examples: ['active-backup', '802.3ad'] }),
    options: z
      .record(bondOptionName, z.union([bondOptionText, z.number(), z.boolean()]))
      .default({})
      .meta({ description: 'options of the bonding driver, for example miimon: 100' }),
    port: z.array(deviceName).min(1).meta({ description: 'names of the interfaces that the bond joins' }),
  })
  .meta({ description: 'bond' })

const vlan = z
  .strictObject({
    'base-iface': deviceName.meta({ description: 'interface that carries the VLAN' }),
    id: wholeNumber(1, 4094, '').meta({ description: 'VLAN ID' }),
  })
  .meta({ description: 'VLAN' })

const bridge = z
  .strictObject({
    options: z
      .strictObject({
        stp: z
          .strictObject({ enabled: z.boolean().meta({ description: 'true: runs STP' }) })
          .default({ enabled: false })
          .meta({ description: 'spanning tree protocol; off by default' }),
      })
      .prefault({})
      .meta({ description: 'options of the bridge' }),
    port: z
      .array(
        z
          .strictObject({ name: deviceName.meta({ description: 'name of the interface' }) })
          .meta({ description: 'port of the bridge' }),
      )
      .min(1)
      .meta({ description: 'interfaces that the bridge joins' }),
  })
  .meta({ description: 'Linux bridge' })

/** The key that an interface of each type has, besides the common ones. */
const partOfType = { bond: 'link-aggregation', vlan: 'vlan', 'linux-bridge': 'bridge' } as const

const networkInterface = z
  .strictObject({
    name: deviceName.meta({
      description: 'name of the interface; with mac-address, only a label for the other interfaces',
    }),
    type: z
      .enum(interfaceTypes, {
        error: `expected one of ${interfaceTypes.join(', ')}; for other types, set networkKeyfiles instead of network`,
      })
      .meta({ description: 'type of the interface' }),
    state: z
      .enum(['up'], { error: 'expected up; leave out interfaces that the node does not use' })
      .default('up')
      .meta({ description: 'state of the interface; only up' }),
    identifier: z.enum(['name', 'mac-address']).optional().meta({
      description:
        'what identifies an Ethernet interface: its name, or its MAC address; by default mac-address if that key is set',
    }),
    'mac-address': mac.optional().meta({ description: 'MAC address of an Ethernet interface' }),
    mtu: mtu.optional().meta({ description: 'MTU of the interface' }),
    ipv4: ipv4Settings.optional(),
    ipv6: ipv6Settings.optional(),
    'link-aggregation': linkAggregation.optional(),
    vlan: vlan.optional(),
    bridge: bridge.optional(),
  })
  .check(({ value, issues }) => {
    const report = (path: string[], message: string): void => {
      issues.push({ code: 'custom', input: value, path, message })
    }
    for (const [type, part] of Object.entries(partOfType)) {
      const isOwn = value.type === type
      if (isOwn && value[part] === undefined) report([], `expected ${part}, because the type is ${type}`)
      if (!isOwn && value[part] !== undefined) report([part], `expected this key only with type: ${type}`)
    }
    if (value.type !== 'ethernet' && value['mac-address'] !== undefined) {
      report(['mac-address'], 'expected this key only with type: ethernet')
    }
    if (value.identifier === 'mac-address' && value['mac-address'] === undefined) {
      report(['identifier'], 'expected mac-address beside it')
    }
  })
  .meta({ description: 'network interface' })

const route = z
  .strictObject({
    destination: z
      .union([cidr, cidr6], { error: 'expected a network such as 0.0.0.0/0 or 2001:db8::/32' })
      .meta({ description: 'destination network; 0.0.0.0/0 or ::/0 for the default route' }),
    'next-hop-address': ip.meta({ description: 'address of the router' }),
    'next-hop-interface': deviceName.meta({ description: 'interface of the route' }),
    metric: wholeNumber(0, 0xffff_ffff, '').optional().meta({
      description: 'metric of the route; only keyfiles have it',
    }),
  })
  .meta({ description: 'route' })

/** The key `network` of a cluster and of a node. Each key of a node replaces the same key of its cluster. */
export const networkSection = z
  .strictObject({
    use: z.enum(networkUses).optional().meta({
      description:
        'both (the default): kernel arguments for the live system and the first boot, and keyfiles for the installed system; arguments: only kernel arguments, which RHCOS also keeps; keyfiles: only keyfiles, while the live system uses DHCP',
    }),
    interfaces: z.array(networkInterface).min(1).optional().meta({ description: 'interfaces of the node' }),
    'dns-resolver': z
      .strictObject({
        config: z
          .strictObject({
            server: z.array(ip).default([]).meta({ description: 'addresses of the resolvers' }),
            search: z.array(domain).default([]).meta({ description: 'search list' }),
          })
          .meta({ description: 'resolvers and search list' }),
      })
      .optional()
      .meta({ description: 'name resolution; by default as DHCP would set it in the subnet' }),
    routes: z
      .strictObject({
        config: z.array(route).meta({ description: 'routes; an empty list: none, not even a default route' }),
      })
      .optional()
      .meta({ description: 'static routes; by default a default route to the gateway of the subnet' }),
  })
  .meta({ description: 'network configuration in the form of nmstate, instead of DHCP' })

export type NetworkSection = z.output<typeof networkSection>
export type NetworkInterface = z.output<typeof networkInterface>
export type NetworkRoute = z.output<typeof route>
