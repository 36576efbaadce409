/** Worker thread of the DHCPv6 lane. */
import { systemClock } from '../../host/clock.ts'
import type { AppliedMessage } from '../../host/lane/planned.ts'
import { runLane } from '../../host/lane/thread.ts'
import type { Done } from './handle.ts'
import { createDhcpv6Program, maxUnreadOfDhcpv6 } from './lane.ts'

await runLane<Done | AppliedMessage>(
  (_data, outbox) => createDhcpv6Program(outbox, systemClock),
  maxUnreadOfDhcpv6,
)
