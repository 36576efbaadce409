/** Codes of the process as a whole. */
import { defineCodes } from '../text/codes.ts'

export const serverCodes = defineCodes({
  'server.clock-jumped': {
    meaning: 'The clock of this machine jumped by more than a minute',
    remedy: 'Check the time and the time servers of this machine (timedatectl)',
  },
  'server.haproxy-not-applied': {
    meaning: 'The configuration that HAProxy runs differs from the plan',
    remedy: 'Read the reason in the message, correct it, and run slipway reload',
  },
  'server.service-not-started': {
    meaning: 'A service does not run because one of its sockets is not available; all others run',
    remedy:
      'Stop the program that uses the port, or change server.ports; slipway tries again every 10 seconds',
  },
})

export type ServerCode = keyof typeof serverCodes
