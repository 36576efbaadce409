/** All checks, in the order of their output. To add one, write it in the file of its area and add it here. */
import { addressesCheck } from './addresses.ts'
import { bmcCheck } from './bmc.ts'
import type { Check } from './check.ts'
import { endpointsCheck } from './endpoints.ts'
import { firewallCheck } from './firewall.ts'
import { mirrorsCheck } from './mirrors.ts'
import { clockCheck, diskCheck, networkCheck, selinuxCheck, stateCheck } from './machine.ts'
import { dhcpCheck, namesCheck, registryCheck, resolverCheck } from './network-services.ts'
import { portsCheck } from './ports.ts'
import { routerAdvertisementsCheck } from './router-advertisements.ts'
import { haproxyCheck, imagesCheck, siteCheck } from './site.ts'

export const checks: readonly Check[] = [
  siteCheck,
  imagesCheck,
  networkCheck,
  portsCheck,
  firewallCheck,
  selinuxCheck,
  dhcpCheck,
  routerAdvertisementsCheck,
  addressesCheck,
  resolverCheck,
  namesCheck,
  registryCheck,
  mirrorsCheck,
  endpointsCheck,
  bmcCheck,
  clockCheck,
  diskCheck,
  stateCheck,
  haproxyCheck,
]
