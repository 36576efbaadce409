/** Stable codes of the machine that slipway runs on: sockets, log, and addresses. */
import { defineCodes } from '../text/codes.ts'

export const hostCodes = defineCodes({
  'server.neighbor-unresolved': {
    meaning: 'Replies were dropped because no machine on the local network answers for their address',
    remedy:
      'Find the sender of requests with unused source addresses; without such a flood, check that machine',
  },
  'server.send-queue-full': {
    meaning: 'Replies were dropped because the send buffer of a socket was full',
    remedy: 'Check the network interface, and set SendBuffer= in the socket unit to a larger value',
  },
  'server.address-missing': {
    meaning: 'server.address is no longer on an interface of this machine, so clients cannot reach slipway',
    remedy: 'Add the address to the interface, or bring the interface up',
  },
  'server.log-lines-omitted': {
    meaning: 'slipway omitted log lines, because there were too many of one kind',
    remedy:
      'Find the clients that cause them in the lines that were written, and in the counters of /metrics',
  },
})

export type HostCode = keyof typeof hostCodes
