/** Worker thread of the TFTP lane. */
import { systemClock } from '../../host/clock.ts'
import type { AppliedMessage } from '../../host/lane/planned.ts'
import { runEventLane } from '../../host/lane/thread.ts'
import type { UdpPort } from '../../host/udp.ts'
import { createTftpProgram, maxUnreadOfTftp } from './lane.ts'
import type { TftpLaneData, TftpLaneMessage } from './listen.ts'

await runEventLane<TftpLaneMessage | AppliedMessage>((data, outbox, ports, setup) => {
  const { locals } = data as TftpLaneData
  const sockets = setup.sockets.map((socket, index) => ({
    ...socket,
    local: locals[index] as UdpPort['local'],
  }))
  return createTftpProgram({ sockets, ports, outbox, clock: systemClock })
}, maxUnreadOfTftp)
