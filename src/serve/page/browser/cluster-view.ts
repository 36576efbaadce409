/** The view Clusters: stages of the installation, members, certificate requests, bootstrap, and load balancer. */
import { formatDuration, pluralize } from '../../../text/format.ts'
import { canOperate } from './api.ts'
import { h, type Child } from './dom.ts'
import {
  ago,
  badge,
  button,
  clockTime,
  copyButton,
  empty,
  facts,
  icon,
  panel,
  table,
  type Shape,
  type Tone,
} from './parts.ts'
import { nameOf } from './rack-model.ts'
import type { BalancedServer, Cluster, LoadBalancer, Member, PendingRequests, Stage } from './types.ts'

export type ClusterPage = {
  readonly clusters: readonly Cluster[]
  readonly requests: readonly PendingRequests[]
  readonly balancer: LoadBalancer
}

export function clusterView(page: ClusterPage | undefined, now: number): Element {
  return h(
    'div',
    { class: 'view', key: 'clusters' },
    h('h1', {}, 'Clusters'),
    page === undefined ? empty('Loading the state of the clusters.') : contentOf(page, now),
  )
}

function contentOf({ clusters, requests, balancer }: ClusterPage, now: number): Child {
  return [
    clusters.length === 0 &&
      empty(
        'slipway does not connect to any cluster. Set kubeconfig or ignition for the cluster in the site file.',
      ),
    clusters.map((cluster) =>
      clusterPanels(
        cluster,
        requests.find((each) => each.cluster === cluster.cluster),
        now,
      ),
    ),
    balancerPanel(balancer, now),
  ]
}

const stageMarks: Readonly<Record<Stage['state'], readonly [Shape, Tone, string]>> = {
  reached: ['installed', 'good', 'reached'],
  'under-way': ['installing', 'busy', 'in progress'],
  ahead: ['waiting', 'plain', 'later'],
  unknown: ['unknown', 'warn', 'not known'],
}

const memberMarks: Readonly<Record<Member['state'], readonly [Shape, Tone, string]>> = {
  ready: ['installed', 'good', 'Ready'],
  'not-ready': ['problem', 'warn', 'not Ready'],
  absent: ['waiting', 'plain', 'not registered'],
  unknown: ['unknown', 'plain', 'not known'],
}

function clusterPanels(cluster: Cluster, pending: PendingRequests | undefined, now: number): Element {
  const { cluster: name, trouble, stages, members } = cluster
  return h(
    'div',
    { class: 'group', key: `cluster-${name}` },
    panel(`Installation of ${name}`, [
      trouble !== undefined && h('p', { class: 'problem' }, icon('problem'), h('span', {}, trouble)),
      stages.length === 0
        ? empty('The site has neither kubeconfig nor ignition for this cluster.')
        : h(
            'ol',
            { class: 'stages' },
            stages.map((stage) => stageItem(stage, now)),
          ),
    ]),
    bootstrapPanel(cluster, now),
    members.length > 0 &&
      panel(
        `Nodes of ${name}`,
        table<Member>(
          `Nodes that the cluster ${name} reports`,
          [
            { title: 'Node', cell: ({ node }) => h('a', { href: `#/node/${node}` }, nameOf(node)) },
            { title: 'State', cell: ({ state }) => badge(...memberMarks[state]) },
            { title: 'Since', cell: ({ since }) => (since === undefined ? '' : ago(since, now)) },
            { title: 'Reason', cell: ({ reason = '' }) => reason },
          ],
          members,
          ({ node }) => node,
        ),
      ),
    requestsPanel(cluster, pending, now),
  )
}

function stageItem({ name, state, since, reachedAt, note, missing }: Stage, now: number): Element {
  const took =
    since !== undefined && reachedAt !== undefined ? `, took ${formatDuration(reachedAt - since)}` : ''
  const time =
    reachedAt !== undefined
      ? `${clockTime(reachedAt, now)}${took}`
      : since !== undefined && state === 'under-way'
        ? `for ${formatDuration(now - since)}`
        : ''
  return h(
    'li',
    { class: state, key: `stage-${name}`, 'aria-current': state === 'under-way' ? 'step' : undefined },
    h(
      'div',
      { class: 'stage-line' },
      h('b', {}, name),
      badge(...stageMarks[state]),
      h('span', { class: 'dim' }, time),
    ),
    note !== undefined && h('small', {}, note),
    missing.length > 0 &&
      h(
        'ul',
        { class: 'plain' },
        missing.slice(0, 12).map((line) => h('li', {}, line)),
      ),
    missing.length > 12 && h('small', {}, `and ${missing.length - 12} more`),
  )
}

const bootstrapTexts = {
  waiting: 'in the load balancer',
  out: 'drained',
  kept: 'kept in the load balancer',
} as const

function bootstrapPanel({ cluster, bootstrap }: Cluster, now: number): Child {
  if (bootstrap === undefined) return false
  const { kind, since, reason, refusal } = bootstrap
  const of = { 'data-cluster': cluster }
  return panel(
    `Bootstrap of ${cluster}`,
    [
      h(
        'p',
        {},
        badge(
          kind === 'out' ? 'installed' : 'waiting',
          kind === 'out' ? 'good' : 'plain',
          bootstrapTexts[kind],
        ),
        ` ${ago(since, now)}: ${reason}`,
      ),
      refusal !== undefined && h('p', { class: 'problem' }, icon('problem'), h('span', {}, refusal.reason)),
    ],
    canOperate() && [
      kind !== 'out' && button('Drain', 'bootstrap-out', of),
      kind !== 'kept' && button('Keep', 'bootstrap-keep', of),
      kind !== 'waiting' && button('Detect completion', 'bootstrap-watch', of),
    ],
  )
}

/** slipway approves only the requests of kubelets. */
const kubeletSigner = /^kubernetes\.io\/(?:kubelet-serving|kube-apiserver-client-kubelet)$/

function approval(
  cluster: string,
  { name, signer, username, reason }: PendingRequests['requests'][number],
): Child {
  if (!kubeletSigner.test(signer))
    return copyButton(`oc adm certificate approve ${name}`, `the command that approves ${name}`)
  if (!canOperate()) return copyButton(`slipway csr approve ${name}`, `the command that approves ${name}`)
  return button('Approve', 'approve', {
    ...{ 'data-cluster': cluster, 'data-request': name, 'data-reason': reason, 'data-requestor': username },
    'aria-label': `Approve ${name}`,
  })
}

function requestsPanel(
  { cluster, requests }: Cluster,
  pending: PendingRequests | undefined,
  now: number,
): Element {
  const { approve, approved } = requests
  const list = pending?.requests ?? []
  const policy =
    approve === 'off'
      ? 'slipway approves no requests (approve: off)'
      : `slipway approves by policy ${approve}`
  return panel(`Certificate requests of ${cluster}`, [
    h(
      'p',
      { class: 'dim' },
      `${policy}; ${pluralize(approved, 'request')} approved, ${requests.pending ?? 'an unknown number'} pending.`,
    ),
    pending?.trouble !== undefined &&
      h('p', { class: 'problem' }, icon('problem'), h('span', {}, pending.trouble)),
    list.length > 0 &&
      table(
        `Pending certificate requests of ${cluster}`,
        [
          { title: 'Request', cell: ({ name }) => h('code', {}, name) },
          { title: 'Signer', cell: ({ signer }) => signer.replace('kubernetes.io/', '') },
          {
            title: 'Age',
            cell: ({ createdAt = 0 }) => (createdAt === 0 ? '' : formatDuration(now - createdAt)),
          },
          { title: 'Pending because', cell: ({ reason }) => reason },
          { title: 'Approve', cell: (request) => approval(cluster, request) },
        ],
        list,
        ({ name }) => name,
      ),
  ])
}

function balancerPanel({ servers = [], unreachable, applied }: LoadBalancer, now: number): Child {
  if (applied === undefined) return false
  const backends = [...new Set(servers.map(({ backend }) => backend))]
  return panel('Load balancer', [
    unreachable !== undefined &&
      h(
        'p',
        { class: 'problem' },
        icon('problem'),
        h('span', {}, `HAProxy does not report its servers: ${unreachable}`),
      ),
    facts([
      ['Last change', applied.outcome],
      ['Reason', applied.reason],
    ]),
    h(
      'div',
      { class: 'backends' },
      backends.map((backend) => {
        const own = servers.filter((server) => server.backend === backend)
        return h(
          'div',
          { key: `backend-${backend}` },
          h('h3', {}, backend),
          table<BalancedServer>(
            `Servers of ${backend}`,
            [
              { title: 'Server', cell: ({ server, node }) => h('a', { href: `#/node/${node}` }, server) },
              { title: 'State', cell: (server) => serverBadge(server) },
              { title: 'Since', cell: ({ since }) => (since === undefined ? '' : ago(since, now)) },
              { title: 'Connections', class: 'number', cell: ({ connections }) => connections },
            ],
            own,
            ({ server }) => server,
          ),
        )
      }),
    ),
  ])
}

/** The state of a server in HAProxy. */
export function serverBadge({
  status,
  isUp,
  isOut,
  isTested,
  isExpected,
  isBackup,
}: BalancedServer): Element {
  const text = `${isOut ? 'drained' : !isTested && status !== 'unknown' ? 'not checked yet' : status}${isBackup ? ' (backup)' : ''}`
  if (isUp && !isOut) return badge('installed', 'good', text)
  if (isOut || !isExpected || !isTested) return badge('waiting', 'plain', text)
  return badge('failed', 'bad', text)
}
