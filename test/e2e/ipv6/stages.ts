/** The stages of the checks of IPv6. Half of the time of a boot is a time-out of IPv4, so the two boots run at once. */
import type { Stage } from '../runner.ts'
import { clientChecks6 } from './clients.ts'
import { networkManagerCheck6 } from './network-manager.ts'
import { networkdCheck6 } from './networkd.ts'
import { relayChecks6 } from './relay.ts'
import { foreignRouterCheck6, routersCheck6 } from './routers.ts'
import { secondaryCheck6 } from './secondary.ts'
import { simulateCheck6 } from './simulate.ts'
import { httpCheck6, pxeCheck6 } from './firmware.ts'
import type { Ipv6Rig } from './rig.ts'

export const ipv6Stages: readonly Stage<Ipv6Rig>[] = [
  [
    [
      simulateCheck6,
      routersCheck6,
      ...clientChecks6,
      networkdCheck6,
      networkManagerCheck6,
      secondaryCheck6,
      ...relayChecks6,
      pxeCheck6,
    ],
    [httpCheck6],
  ],
  // It disturbs the other machines of the network.
  [[foreignRouterCheck6]],
]
