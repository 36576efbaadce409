/** Worker thread of the DHCP lane. */
import { systemClock } from '../../host/clock.ts'
import type { AppliedMessage } from '../../host/lane/planned.ts'
import { runLane } from '../../host/lane/thread.ts'
import { createDhcpProgram, maxUnreadOfDhcp, type DhcpLaneData, type DhcpLaneMessage } from './lane.ts'

await runLane<DhcpLaneMessage | AppliedMessage>(
  (data, outbox) => createDhcpProgram(data as DhcpLaneData, outbox, systemClock),
  maxUnreadOfDhcp,
)
