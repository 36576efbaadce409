/** The configuration of radvd for the IPv6 networks of a site (radvd.conf(5)). Pure. */
import { formatCidr6 } from '../../proto/address/network6.ts'
import type { Model } from '../../plan/model.ts'
import type { Subnet6 } from '../../site/schema.ts'
import type { Rendered } from './hosted-yaml.ts'

type Advertised = Subnet6 & { readonly routerAdvertisements: NonNullable<Subnet6['routerAdvertisements']> }

export function renderRadvd({ site }: Model): Rendered {
  const advertised = site.subnets6.filter(
    (subnet): subnet is Advertised => subnet.routerAdvertisements !== undefined,
  )
  if (advertised.length === 0) {
    return { reason: 'no network in subnets6 has the key routerAdvertisements' }
  }
  // The rules of the site file require one of the two.
  const byInterface = Map.groupBy(
    advertised,
    ({ routerAdvertisements }) => (routerAdvertisements.interface ?? site.server.interface) as string,
  )
  const blocks = [...byInterface].flatMap(([name, subnets]) =>
    interfaceBlock(name, subnets, site.server.address6),
  )
  return {
    text: [`# Written by slipway from the site file of ${site.site}.`, '', ...blocks].join('\n'),
  }
}

/** An interface has one set of flags: those of its first network that sets them. */
function interfaceBlock(
  name: string,
  subnets: readonly Advertised[],
  address6: string | undefined,
): string[] {
  const onOff = (isOn: boolean): string => (isOn ? 'on' : 'off')
  const has = (flag: 'managed' | 'other' | 'router'): boolean =>
    subnets.some(({ routerAdvertisements }) => routerAdvertisements[flag])
  const resolvers = [...new Set(subnets.flatMap(({ dns }) => dns ?? [address6 as string]))]
  const search = [...new Set(subnets.flatMap((subnet) => subnet.search))]
  return [
    `interface ${name}`,
    '{',
    '  AdvSendAdvert on;',
    `  AdvManagedFlag ${onOff(has('managed'))};`,
    `  AdvOtherConfigFlag ${onOff(has('other'))};`,
    // A lifetime of 0: not a default router.
    ...(has('router') ? [] : ['  AdvDefaultLifetime 0;']),
    ...subnets.flatMap(({ cidr, routerAdvertisements: { autonomous } }) => [
      `  prefix ${formatCidr6(cidr)}`,
      '  {',
      '    AdvOnLink on;',
      `    AdvAutonomous ${onOff(autonomous)};`,
      '  };',
    ]),
    `  RDNSS ${resolvers.join(' ')} {};`,
    ...(search.length === 0 ? [] : [`  DNSSL ${search.join(' ')} {};`]),
    '};',
    '',
  ]
}
