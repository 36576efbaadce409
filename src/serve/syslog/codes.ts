/** Stable codes of the syslog receiver: why it dropped a message or closed a connection. */
import { defineCodes } from '../../text/codes.ts'

export const syslogCodes = defineCodes({
  'syslog.undeclared-sender': {
    meaning: 'A syslog message or connection came from an address that is not the address of a declared node',
    remedy: 'If it is one of your nodes, correct its address in the site file; if not, stop the sender',
  },
  'syslog.rate-limit': {
    meaning: 'A node sent more syslog messages than slipway accepts from one node',
    remedy: 'Find the program that logs so much with slipway node log',
  },
  'syslog.connection-limit': {
    meaning: 'A node has the maximum number of connections to the syslog receiver',
    remedy: 'Find out why the node opens so many connections',
  },
})

export type SyslogCode = keyof typeof syslogCodes
