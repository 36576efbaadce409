/** Worker thread of the DNS lane. */
import { systemClock } from '../../host/clock.ts'
import { runLane } from '../../host/lane/thread.ts'
import { createDnsProgram, maxUnreadOfDns, type DnsLaneData, type DnsLaneMessage } from './lane.ts'

await runLane<DnsLaneMessage>(
  (data, outbox) => createDnsProgram(data as DnsLaneData, outbox, systemClock),
  maxUnreadOfDns,
)
