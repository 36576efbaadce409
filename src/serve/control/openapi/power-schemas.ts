/** The documents of the API about the power of nodes (docs/bmc.md). */
import { z } from 'zod'
import { code, component, nodeDetails, nodeKey, text, time } from './schemas.ts'

export const powerAction = z.enum(['on', 'off', 'force-off', 'cycle'])
export const bootTarget = z.enum(['network', 'normal'])

export const power = component(
  'Power',
  z.looseObject({
    node: nodeKey,
    bmc: text.meta({ description: 'name or address of the BMC' }),
    protocol: z.enum(['redfish', 'ipmi']),
    isManaged: z.boolean().meta({ description: 'whether arming the node also restarts it' }),
    readAt: time,
    power: z.enum(['on', 'off', 'turning-on', 'turning-off', 'unknown']),
    manufacturer: text.optional(),
    model: text.optional(),
    serial: text.optional(),
    sku: text.optional(),
    uuid: text.optional(),
    progress: text.optional().meta({ description: 'what the firmware does, in the words of the BMC' }),
    memoryGiB: z.number().optional().meta({ description: 'memory of the machine in GiB' }),
    bootOverride: z.looseObject({ target: text, isOnce: z.boolean() }).optional(),
    health: text.optional(),
    remarks: z.array(text).optional(),
  }),
)

export const commandedNode = component(
  'CommandedNode',
  z.looseObject({
    ...nodeDetails.shape,
    power: power.optional().meta({ description: 'state after the restart, if the node was restarted' }),
    powerProblem: z
      .looseObject({ code, reason: text })
      .optional()
      .meta({ description: 'why the armed node was not restarted' }),
  }),
)

export const acceptedCertificate = component('AcceptedCertificate', z.looseObject({ fingerprint: text }))
