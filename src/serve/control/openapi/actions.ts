/** The documents of the actions of administrators: drains, approvals, and new nodes. */
import { z } from 'zod'
import { changes, code, component, nodeKey, time } from './schemas.ts'

const text = z.string()

export const approvedRequest = component(
  'ApprovedRequest',
  z.looseObject({
    cluster: text,
    request: text,
    pending: text.meta({ description: 'why slipway had not approved it' }),
  }),
)

export const balancedNode = component(
  'BalancedNode',
  z.looseObject({
    node: nodeKey,
    applied: z
      .looseObject({ outcome: text, code: code.optional(), reason: text.optional() })
      .meta({ description: 'the result of the change in HAProxy' }),
    since: time.optional().meta({ description: 'when the node was drained' }),
    by: text.optional().meta({ description: 'the user who drained it' }),
  }),
)

export const newNode = component(
  'NewNode',
  z.looseObject({
    name: text.meta({ description: 'first label of the host name' }),
    role: z.enum(['bootstrap', 'master', 'arbiter', 'single', 'worker', 'infra']),
    macs: z.array(text).min(1),
    addresses: z.array(text).min(1),
    cluster: text.optional().meta({ description: 'required if the site has several clusters' }),
    base: text.optional().meta({
      description:
        'writes the entry to the version of the site file that the plan named; needs the scope admin',
    }),
  }),
)

export const plannedNode = component(
  'PlannedNode',
  z.looseObject({
    outcome: z.enum(['planned', 'written', 'present']),
    node: nodeKey,
    file: text,
    line: z.int().min(1),
    entry: text.meta({ description: 'the lines for the site file' }),
    base: text.meta({ description: 'version of the site file that the plan was made for' }),
    changes,
    troubles: z.array(text),
  }),
)
