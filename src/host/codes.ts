/** Stable codes of the process and of the machine that it runs on: sockets, log, clock, and addresses. */
import { defineCodes } from '../text/codes.ts'

export const hostCodes = defineCodes({
  'server.neighbor-unresolved': {
    meaning:
      'Replies were dropped because the kernel could not resolve their addresses on the local network (ARP)',
    remedy:
      'Find the sender of requests with unused source addresses; if there is no such flood, check that machine',
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
  'server.clock-jumped': {
    meaning: 'The clock of this machine jumped by more than a minute',
    remedy: 'Check the time and the time servers of this machine (timedatectl)',
  },
  'server.haproxy-not-applied': {
    meaning: 'The configuration that HAProxy runs differs from the plan',
    remedy: 'Fix the problem that the message names, then run slipway reload',
  },
  'server.socket-lost': {
    meaning: 'A socket failed, so slipway exited, and systemd starts it again',
    remedy: 'Read the error in the log line, and check the interface that has server.address',
  },
  'server.lane-stopped': {
    meaning: 'The thread that answers a protocol (lane) stopped; slipway starts it again',
    remedy: 'Report the log line "lane stopped", which has the reason',
  },
  'server.lane-unavailable': {
    meaning:
      'slipway cannot use separate threads (lanes) for DNS, DHCP, TFTP, and images on this machine, so its main thread answers, with less throughput',
    remedy: 'No action is needed; lanes need amd64 or arm64, glibc, and the binary of the package koffi',
  },
  'server.service-not-started': {
    meaning:
      'A service is not running because one of its sockets is not available; all other services are running',
    remedy:
      'Stop the program that uses the port, or change server.ports; slipway tries again every 10 seconds',
  },
})

export type HostCode = keyof typeof hostCodes
