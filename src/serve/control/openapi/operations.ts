/** The requests of the API: path, scope, parameters, and documents. A test compares this list with the routes. */
import { z } from 'zod'
import * as actions from './actions.ts'
import { get, post, type Operation } from './operation.ts'
import * as power from './power-schemas.ts'
import * as schemas from './schemas.ts'

const confirm = z.int().min(10).max(86_400).optional().meta({
  description: 'roll back after this number of seconds, unless the site is confirmed',
})
const number = z.int().min(0).max(999)

export const operations: readonly Operation[] = [
  get('/v1/status', 'getStatus', 'State of the service, all nodes, and all clusters', schemas.status),
  get('/v1/nodes', 'listNodes', 'All nodes that slipway boots', z.array(schemas.node)),
  get('/v1/nodes/seen', 'listUndeclaredMachines', 'Undeclared machines', z.array(schemas.unknownMachine)),
  get('/v1/nodes/{cluster}/{node}', 'getNode', 'One node, with its boots', schemas.nodeDetails, [404]),
  get(
    '/v1/nodes/{cluster}/{node}/events',
    'listNodeEvents',
    'The recorded observations of a node',
    z.array(schemas.observation),
    [404],
  ),
  get(
    '/v1/nodes/{cluster}/{node}/explain',
    'explainNode',
    'Everything that the services send to a node',
    schemas.explanation,
    [404],
  ),
  {
    ...get(
      '/v1/nodes/{cluster}/{node}/log',
      'getNodeLog',
      'What a node sent to the syslog receiver',
      schemas.nodeLog,
      [404, 409],
    ),
    query: {
      after: z.int().min(0).max(999_999_999_999_999).optional().meta({
        description: 'only lines after this sequence',
      }),
      lines: z.int().min(1).max(9999).optional().meta({ description: 'only the latest lines, this many' }),
    },
  },
  {
    ...post(
      '/v1/nodes/{cluster}/{node}/{command}',
      'commandNode',
      'Sets what the next boot of a node leads to',
    ),
    pathTypes: { command: schemas.nodeCommand },
    query: {
      power: z.enum(['true', 'false']).optional().meta({
        description:
          'install: whether to restart the node from the network through its BMC; by default as the site declares (power: managed)',
      }),
    },
    response: power.commandedNode,
    refusals: [404, 409],
  },
  {
    ...post(
      '/v1/nodes/{cluster}/{node}/drain',
      'drainNode',
      'Sends a node no new connections until it is enabled',
    ),
    response: actions.balancedNode,
    refusals: [404, 409],
  },
  {
    ...post('/v1/nodes/{cluster}/{node}/enable', 'enableNode', 'Sends a drained node connections again'),
    response: actions.balancedNode,
    refusals: [404, 409],
  },
  {
    ...post(
      '/v1/nodes',
      'adoptMachine',
      'Plans the entry of a machine for the site file; with base, writes it, which needs admin',
    ),
    body: { schema: actions.newNode },
    response: actions.plannedNode,
    refusals: [409],
  },
  {
    ...post(
      '/v1/nodes/remove',
      'removeNodes',
      'Plans the removal of nodes from the site file; with base, removes them, which needs admin',
    ),
    body: { schema: actions.removedNodes },
    response: actions.plannedRemoval,
    refusals: [404, 409],
  },
  get(
    '/v1/nodes/{cluster}/{node}/power',
    'getPower',
    'What the BMC of a node reports; reads it unless the last report is new',
    power.power,
    [404, 502],
  ),
  {
    ...post(
      '/v1/nodes/{cluster}/{node}/power/{action}',
      'switchPower',
      'Switches the power of a node through its BMC; off asks the operating system, force-off and cycle do not',
    ),
    pathTypes: { action: power.powerAction },
    query: {
      boot: power.bootTarget.optional().meta({
        description: 'what the next start boots: the network once, or the normal order',
      }),
    },
    response: power.power,
    refusals: [404, 502],
  },
  {
    ...post(
      '/v1/nodes/{cluster}/{node}/power/boot',
      'setBoot',
      'Sets what the next start of a node boots, without switching its power',
    ),
    query: {
      boot: power.bootTarget.meta({ description: 'the network once, or the normal order' }),
    },
    response: power.power,
    refusals: [404, 502],
  },
  {
    ...post(
      '/v1/nodes/{cluster}/{node}/power/trust',
      'trustBmc',
      'Accepts a new certificate of the BMC of a node',
    ),
    scope: 'admin',
    query: {
      fingerprint: z
        .string()
        .regex(/^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31}$/)
        .meta({ description: 'SHA-256 fingerprint that the BMC must show' }),
    },
    response: power.acceptedCertificate,
    refusals: [404, 502],
  },
  get('/v1/clusters', 'listClusters', 'The installation of every cluster', z.array(schemas.cluster)),
  get('/v1/clusters/{cluster}', 'getCluster', 'The installation of one cluster', schemas.cluster, [404]),
  {
    ...post(
      '/v1/clusters/{cluster}/bootstrap/{command}',
      'commandBootstrap',
      'Drains the bootstrap in the load balancer, or enables it',
    ),
    pathTypes: { command: schemas.bootstrapCommand },
    response: schemas.bootstrapState,
    refusals: [404],
  },
  {
    ...post(
      '/v1/clusters/{cluster}/csrs/{request}/approve',
      'approveCertificateRequest',
      'Approves a pending certificate request of a kubelet',
    ),
    response: actions.approvedRequest,
    refusals: [404, 409],
  },
  get(
    '/v1/csrs',
    'listCertificateRequests',
    'Pending certificate requests',
    z.array(schemas.certificateRequests),
  ),
  get('/v1/history', 'listHistory', 'The sites that slipway served', z.array(schemas.historyEntry)),
  {
    ...get('/v1/history/{number}', 'getSiteFile', 'The text of a site file', schemas.siteFile, [404]),
    scope: 'admin',
    pathTypes: { number },
  },
  {
    ...post(
      '/v1/plan',
      'compareSite',
      'What a reload would change; the text of another site file needs admin',
    ),
    body: { schema: schemas.otherSite, isOptional: true },
    response: schemas.comparison,
    refusals: [409],
  },
  {
    ...post('/v1/reload', 'reloadSite', 'Reloads the site file'),
    query: { confirm },
    response: schemas.reloaded,
    refusals: [409],
  },
  {
    ...post('/v1/confirm', 'confirmSite', 'Keeps a reloaded site'),
    response: schemas.confirmed,
    refusals: [409],
  },
  {
    ...post('/v1/rollback', 'rollBackSite', 'Serves an earlier site'),
    scope: 'admin',
    query: { number: number.optional(), confirm },
    response: schemas.reloaded,
    refusals: [409],
  },
  get('/v1/state', 'getState', 'Problems of the installation records', schemas.state),
  {
    ...post('/v1/state/backup', 'backUpState', 'Writes a copy of the state on the server'),
    scope: 'admin',
    query: {
      path: z
        .string()
        .regex(/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/)
        .meta({ description: 'name of a new file in the directory backups of the state directory' }),
    },
    response: schemas.backup,
    refusals: [409],
  },
  {
    ...post(
      '/v1/state/accept',
      'acceptStateLoss',
      'Allows automatic installations again after a loss of the state',
    ),
    scope: 'admin',
    response: schemas.state,
    refusals: [409],
  },
  get('/v1/hooks', 'listHooks', 'Hooks and their last deliveries', z.array(schemas.hook)),
  {
    ...post('/v1/hooks/{hook}/test', 'testHook', 'Sends a test event to a hook'),
    response: schemas.hookTest,
    refusals: [404],
  },
  {
    ...get(
      '/v1/events',
      'followEvents',
      'Observations as they happen (Server-Sent Events)',
      z.unknown(),
      [404, 503],
    ),
    query: {
      node: z.string().optional().meta({ description: 'only the observations of this node: CLUSTER/NODE' }),
    },
    headers: {
      'Last-Event-ID': z
        .string()
        .regex(/^\d{1,15}$/)
        .optional()
        .meta({ description: 'resume after this event' }),
    },
    response: 'events',
  },
  { ...get('/v1/tokens', 'listTokens', 'All tokens', z.array(schemas.token)), scope: 'admin' },
  {
    ...post('/v1/tokens', 'createToken', 'Creates a token'),
    scope: 'admin',
    body: { schema: schemas.newToken },
    response: schemas.createdToken,
    refusals: [409],
  },
  {
    ...{ method: 'delete', path: '/v1/tokens/{id}', scope: 'admin', id: 'revokeToken' },
    summary: 'Revokes a token and ends its sessions',
    response: schemas.revokedToken,
    refusals: [404, 409],
  },
  get('/v1/session', 'getSession', 'The user of the request', schemas.session),
  {
    ...post('/v1/session', 'logIn', 'Starts a session with a cookie'),
    scope: 'public',
    body: { schema: schemas.login },
    response: schemas.session,
    refusals: [409],
  },
  {
    ...{ method: 'delete', path: '/v1/session', scope: 'read', id: 'logOut' },
    summary: 'Ends the session of the cookie',
    response: schemas.loggedOut,
    refusals: [409],
  },
  {
    ...{ method: 'get', path: '/v1/capture', scope: 'operate', id: 'capturePackets', response: 'pcap' },
    summary:
      'Streams the DHCP, TFTP, and DNS datagrams of one machine until the time or the size is reached; one capture at a time',
    query: {
      node: z.string().optional().meta({ description: 'node, or mac for any machine' }),
      mac: z.string().optional(),
      seconds: z.int().min(1).max(3600).optional().meta({ description: 'default: 60' }),
      bytes: z.int().min(1).max(104_857_600).optional().meta({ description: 'default: 10485760' }),
    },
    refusals: [404, 409],
  },
  get(
    '/v1/openapi.json',
    'getOpenApi',
    'This description of the API',
    z.looseObject({ openapi: z.string() }),
  ),
]
