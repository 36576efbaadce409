/**
 * The documents of the API as schemas, from which docs/openapi.json is generated. Objects can get further properties in
 * later versions, so clients must ignore those that they do not know. The tests validate responses with them.
 */
import { z } from 'zod'

/** Schemas that the document defines once, by name. */
export const components = z.registry<{ id: string }>()

export function component<T extends z.ZodType>(id: string, schema: T): T {
  components.add(schema, { id })
  return schema
}

export const text = z.string()
const count = z.int().min(0)
export const time = z.int().min(0).meta({ description: 'milliseconds since 1970' })
const duration = z.number().min(0).meta({ description: 'milliseconds' })
export const code = z
  .string()
  .regex(/^[a-z][a-z0-9]*\.[a-z0-9-]+$/)
  .meta({ description: 'stable code, see docs/codes.md' })
export const nodeKey = z.string().meta({ description: 'CLUSTER/NODE', examples: ['ocp45/w1'] })
const mode = z.enum(['install', 'installing', 'installed', 'local', 'menu', 'failed'])
export const scope = z.enum(['read', 'operate', 'admin'])
export const nodeCommand = z.enum(['install', 'local', 'menu', 'forget'])
export const bootstrapCommand = z.enum(['keep', 'out', 'watch'])

const problem = component('Problem', z.looseObject({ code, text }))

export const errorBody = component(
  'Error',
  z.looseObject({
    code,
    error: text.meta({ description: 'a sentence for administrators' }),
    reasons: z.array(text).optional().meta({ description: 'all reasons, if there can be several' }),
  }),
)

const step = component(
  'Step',
  z.looseObject({
    kind: text,
    what: text,
    outcome: text,
    reason: text.optional(),
    startedAt: time,
    endedAt: time,
    durationMs: duration,
    octets: count.optional(),
    total: count.optional(),
    octetsPerSecond: z.number().optional(),
    progressAt: time.optional(),
    count,
  }),
)

const symptom = component(
  'Symptom',
  z.looseObject({ name: text, code, saw: text, likely: text, advice: text }),
)

const nodeFields = {
  node: nodeKey,
  mode,
  since: time,
  reason: text,
  code: code.optional(),
  armedUntil: time.optional(),
  lastSeen: time.optional(),
  role: text,
  fqdn: text,
  mac: text,
  otherMacs: z.array(text).optional(),
  address: text,
  step: step.optional(),
  symptom: symptom.optional(),
}

export const node = component('Node', z.looseObject(nodeFields))

const boot = component(
  'Boot',
  z.looseObject({ kind: z.enum(['network', 'disk']), startedAt: time, endedAt: time, steps: z.array(step) }),
)

export const nodeDetails = component(
  'NodeDetails',
  z.looseObject({
    ...nodeFields,
    boots: z.array(boot),
    commands: z.array(z.looseObject({ at: time, command: nodeCommand })),
    words: z.array(step),
  }),
)

export const observation = component(
  'Observation',
  z.looseObject({ node: nodeKey, kind: text, sequence: count, at: time, count: count.optional() }),
)

export const nodeLog = component(
  'NodeLog',
  z.looseObject({
    lines: z.array(
      z.looseObject({
        sequence: count,
        at: time,
        severity: z.int().min(0).max(7),
        app: text.optional(),
        text,
      }),
    ),
    dropped: count,
  }),
)

export const unknownMachine = component(
  'UndeclaredMachine',
  z.looseObject({
    mac: text,
    lastSeen: time,
    count,
    inventory: z
      .looseObject({
        receivedAt: time,
        serial: text.optional(),
        interfaces: z.array(z.looseObject({ mac: text })),
        disks: z.array(z.looseObject({ name: text, bytes: z.int().min(0) })),
      })
      .optional()
      .meta({ description: 'what the machine reported in an inventory boot; not verified' }),
  }),
)

export const explanation = component('Explanation', z.looseObject({ node: nodeKey }))

const stage = component(
  'Stage',
  z.looseObject({
    name: text,
    state: z.enum(['reached', 'under-way', 'ahead', 'unknown']),
    since: time.optional(),
    reachedAt: time.optional(),
    note: text.optional(),
    missing: z.array(text),
    codes: z.array(code).optional(),
  }),
)

const member = component(
  'Member',
  z.looseObject({
    node: nodeKey,
    state: z.enum(['absent', 'not-ready', 'ready', 'unknown']),
    since: time.optional(),
    code: code.optional(),
    reason: text.optional(),
  }),
)

export const bootstrapState = component(
  'Bootstrap',
  z.looseObject({ kind: text, since: time.optional(), reason: text.optional() }),
)

export const cluster = component(
  'Cluster',
  z.looseObject({
    cluster: text,
    trouble: text.optional(),
    code: code.optional(),
    stages: z.array(stage),
    members: z.array(member),
    bootstrap: bootstrapState.optional(),
    requests: z.looseObject({ approve: text, pending: count.optional(), approved: count }).optional(),
  }),
)

const certificateRequest = component(
  'CertificateRequest',
  z.looseObject({
    name: text,
    createdAt: time,
    signer: text,
    username: text,
    code: code.optional(),
    reason: text,
  }),
)

export const certificateRequests = component(
  'CertificateRequests',
  z.looseObject({
    cluster: text,
    approve: text,
    approved: count,
    trouble: text.optional(),
    code: code.optional(),
    requests: z.array(certificateRequest),
  }),
)

const drainedNode = component('DrainedNode', z.looseObject({ node: nodeKey, since: time, by: text }))

const effect = component('Effect', z.looseObject({ code, text }))

const change = component(
  'Change',
  z.looseObject({
    action: z.enum(['add', 'change', 'remove']),
    kind: text,
    name: text,
    details: z.array(z.looseObject({ label: text, before: text.optional(), after: text.optional() })),
    effects: z.array(effect),
  }),
)

export const changes = component(
  'Changes',
  z.looseObject({ items: z.array(change), restart: z.array(effect) }),
)

export const comparison = component(
  'Comparison',
  z.looseObject({ outcome: z.literal('compared'), changes, troubles: z.array(text) }),
)

export const reloaded = component(
  'Reloaded',
  z.looseObject({
    outcome: z.literal('swapped'),
    nodes: count,
    troubles: z.array(text),
    changes: changes.optional(),
    confirmBy: time.optional(),
    differsFrom: text.optional(),
  }),
)

export const confirmed = component('Confirmed', z.looseObject({ outcome: z.literal('confirmed') }))

export const historyEntry = component(
  'HistoryEntry',
  z.looseObject({
    number: count,
    at: time,
    summary: text,
    by: text.optional().meta({ description: 'the user who requested it' }),
    confirmBy: time.optional(),
  }),
)

export const siteFile = component('SiteFile', z.looseObject({ number: count, text }))

export const state = component('State', z.looseObject({ problems: z.array(problem) }))

export const backup = component('Backup', z.looseObject({ path: text }))

export const hook = component('Hook', z.looseObject({ name: text }))

export const hookTest = component('HookTest', z.looseObject({}))

export const status = component(
  'Status',
  z.looseObject({
    site: text,
    uptimeSeconds: count,
    nodes: z.array(node),
    strangers: z.array(unknownMachine),
    clusters: z.array(cluster).optional(),
    problems: z.array(problem).optional(),
    warnings: z.array(text).optional(),
    warningCodes: z.array(code).optional(),
    drained: z.array(drainedNode).optional(),
    api: z.looseObject({ url: text, fingerprint: text, expiresAt: time }).optional(),
  }),
)

const tokenFields = {
  id: text,
  name: text,
  scope,
  createdAt: time,
  createdBy: text,
  expiresAt: time.optional(),
  lastUsedAt: time.optional(),
}

export const token = component('Token', z.looseObject(tokenFields))

export const createdToken = component(
  'CreatedToken',
  z.looseObject({
    ...tokenFields,
    token: text.meta({ description: 'the secret, which is shown only here' }),
  }),
)

export const revokedToken = component('RevokedToken', z.looseObject({ id: text }))

export const session = component(
  'Session',
  z.looseObject({
    user: text,
    scope,
    csrf: text
      .optional()
      .meta({ description: 'value of the header Slipway-CSRF for requests that change something' }),
  }),
)

export const loggedOut = component('LoggedOut', z.looseObject({}))

export const newToken = component(
  'NewToken',
  z.looseObject({
    name: z.string().regex(/^[\w.@-]{1,64}$/),
    scope,
    lifetimeSeconds: z
      .int()
      .min(60)
      .max(315_360_000)
      .optional()
      .meta({ description: 'without it, the token does not expire' }),
  }),
)

export const login = component('Login', z.looseObject({ token: text }))

export const otherSite = component(
  'OtherSite',
  z.looseObject({ path: z.string().regex(/^\//).meta({ description: 'absolute path' }), text }),
)
