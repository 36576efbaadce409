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

/** What a change of the site file leads to. */
const effect = {
  base: text.meta({ description: 'version of the site file that the plan was made for' }),
  diff: z
    .array(text)
    .optional()
    .meta({ description: 'the change of the file in the unified format, for the scope admin' }),
  changes,
  troubles: z.array(text),
}

export const newNode = component(
  'NewNode',
  z.looseObject({
    name: text.meta({ description: 'first label of the host name' }),
    role: z
      .enum(['bootstrap', 'master', 'arbiter', 'single', 'worker', 'infra'])
      .optional()
      .meta({ description: 'required for a node of a cluster; machines of groups have none' }),
    macs: z.array(text).min(1),
    addresses: z.array(text).min(1),
    disk: z
      .union([text, z.record(z.string(), z.unknown())])
      .optional()
      .meta({
        description: 'path of the disk, or hints as in the site file; by default that of the cluster',
      }),
    cluster: text.optional().meta({
      description: 'the cluster, required if the site has several; without a role, the group',
    }),
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
    imageCommand: text.optional().meta({
      description: 'creates the boot files of the node, for an image of the agent-based installer',
    }),
    ...effect,
  }),
)

export const removedNodes = component(
  'RemovedNodes',
  z.looseObject({
    nodes: z
      .array(z.string().max(127))
      .min(1)
      .max(100)
      .meta({ description: 'names of nodes, or cluster/name' }),
    force: z.boolean().optional().meta({ description: 'removes the nodes even if this can break a cluster' }),
    base: text.optional().meta({
      description:
        'removes the nodes from the version of the site file that the plan named; needs the scope admin',
    }),
  }),
)

export const plannedRemoval = component(
  'PlannedRemoval',
  z.looseObject({
    outcome: z
      .enum(['planned', 'written', 'absent'])
      .meta({ description: 'absent: the site file has none of the nodes, but HAProxy still drains them' }),
    keys: z.array(nodeKey).meta({ description: 'all named nodes' }),
    nodes: z.array(
      z.looseObject({
        node: nodeKey,
        line: z.int().min(1),
        manualSteps: z.array(text).meta({ description: 'what is left to do by hand' }),
      }),
    ),
    blockers: z.array(text).meta({ description: 'why only force removes the nodes' }),
    file: text,
    ...effect,
  }),
)
