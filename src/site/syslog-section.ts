/** The section `syslog` of the site file: the receiver for the logs of nodes. */
import { z } from 'zod'
import { port } from './scalars.ts'

export const syslogSection = z
  .strictObject({
    port: port.default(514).meta({
      description: 'UDP and TCP port on server.address and server.address6; the socket units listen on 514',
    }),
    live: z.boolean().default(true).meta({
      description:
        'true: the live system of an installation sends its journal; false: slipway receives only what nodes send without this',
    }),
  })
  .meta({ description: 'syslog receiver for declared nodes; without this section, slipway receives no logs' })
