/** The state of a site as a table: a header, a line for each node, what is wrong with it below. Pure. */
import type { ClusterStanding } from '../../cluster/report.ts'
import type { NodeReport } from '../../install/reports.ts'
import { modes, nodeStates } from '../../install/node-states.ts'
import { formatDuration } from '../../text/duration.ts'
import { wrap } from '../../text/wrap.ts'
import type { Applied, HaproxyOutcome } from '../../serve/haproxy/apply.ts'
import type { ServerState } from '../../serve/haproxy/servers.ts'
import { clusterLines } from './cluster.ts'
import { paint, symptomLines, type OutputStyle } from './output.ts'
import { nowText } from './step.ts'
import { clip } from '../../text/clip.ts'
import { printable } from '../../text/printable.ts'

type BalancedServer = Pick<ServerState, 'isUp' | 'isTested' | 'isOut' | 'isLeaving' | 'sentence'>

export type Status = {
  readonly site: string
  readonly uptimeSeconds: number
  readonly nodes: readonly NodeReport[]
  readonly clusters?: readonly ClusterStanding[]
  readonly strangers: readonly object[]
  readonly otherDhcpServers: readonly { readonly server: string; readonly node: string }[]
  readonly declined: readonly { readonly node: string; readonly address: string }[]
  readonly resolvers?: readonly { readonly address: string; readonly isAnswering: boolean }[]
  /** About Ignition files: sentences. */
  readonly warnings?: readonly string[]
  readonly haproxy?: {
    readonly applied?: Applied
    readonly unreachable?: string
    readonly servers: readonly BalancedServer[]
  }
}

/** What is done now must be readable; columns that say less give way to it. */
const leastNowColumns = 26

export function statusLines(status: Status, now: number, paper: OutputStyle): string[] {
  const { site, uptimeSeconds, nodes, clusters = [] } = status
  const head = `${paint(paper, 'bold', site)}  up ${formatDuration(uptimeSeconds * 1000)}, ${countsText(nodes)}`
  const above = [...clusterLines(clusters, now, paper), ...noticeLines(status, paper)]
  return [head, ...above, '', ...tableLines(nodes, now, paper)]
}

/** `7 nodes: 2 installed, 5 installing`. */
function countsText(nodes: readonly NodeReport[]): string {
  const counts = modes.flatMap((mode) => {
    const count = nodes.filter((node) => node.mode === mode).length
    return count === 0 ? [] : [`${count} ${nodeStates[mode].title}`]
  })
  const sick = nodes.filter(({ symptom }) => symptom !== undefined).length
  const total = `${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}: ${counts.join(', ')}`
  return sick === 0 ? total : `${total}; ${sick} in trouble`
}

function noticeLines(
  { strangers, otherDhcpServers, declined, resolvers = [], warnings = [], haproxy }: Status,
  paper: OutputStyle,
): string[] {
  const notices = [
    ...warnings,
    ...(haproxy?.unreachable === undefined ? [] : [haproxy.unreachable]),
    ...changeSentences(haproxy?.applied),
    ...serverSentences(haproxy?.servers ?? []),
    ...otherDhcpServers.map(({ server, node }) => `another DHCP server, ${server}, answers ${node}`),
    ...declined.map(({ node, address }) => `another machine uses ${address}, the address of ${node}`),
    ...resolvers
      .filter(({ isAnswering }) => !isAnswering)
      .map(({ address }) => `resolver ${address} does not answer`),
    ...(strangers.length === 0
      ? []
      : [
          `${strangers.length} undeclared ${strangers.length === 1 ? 'machine' : 'machines'} asked: slipway nodes seen`,
        ]),
  ]
  return notices.flatMap((notice) =>
    wrap(printable(notice), paper.columns - 2).map((line, index) => {
      const mark = index === 0 ? paint(paper, 'yellow', '!') : ' '
      return `${mark} ${clip(line, paper.columns - 2)}`
    }),
  )
}

const failedChanges: { readonly [outcome in HaproxyOutcome]?: string } = {
  refused: 'HAProxy refuses its new configuration and keeps the old one',
  unwritable: "HAProxy's new configuration cannot be written, it keeps the old one",
  'reload failed': 'HAProxy was not reloaded, its old configuration is put back',
}

/** Until a change went well: what the site says is not what HAProxy does. */
function changeSentences({ outcome, reason = 'see the log' }: Applied = { outcome: 'none' }): string[] {
  const failure = failedChanges[outcome]
  return failure === undefined ? [] : [`${failure}: ${reason}`]
}

/** Before a cluster stands all of its servers are down: some are enough to say so. */
const mostServers = 3

function serverSentences(servers: readonly BalancedServer[]): string[] {
  const down = servers.filter(({ isUp, isTested, isOut }) => isTested && !isUp && !isOut)
  const leaving = servers.filter(({ isLeaving }) => isLeaving)
  return [
    ...someOf(down.map(({ sentence }) => sentence)),
    ...someOf(leaving.map(({ sentence }) => `leaving: ${sentence}`)),
  ]
}

function someOf(sentences: readonly string[]): string[] {
  const more = sentences.length - mostServers
  return [
    ...sentences.slice(0, mostServers),
    ...(more > 0 ? [`and ${more} more of HAProxy's servers: slipway status --json`] : []),
  ]
}

type Column = { readonly title: string; readonly text: (node: NodeReport, now: number) => string }

const columns: Readonly<Record<'node' | 'role' | 'address' | 'state', Column>> = {
  node: { title: 'node', text: ({ node }) => node },
  role: { title: 'role', text: ({ role }) => role },
  address: { title: 'address', text: ({ address }) => address },
  state: { title: 'state', text: stateText },
}

function tableLines(nodes: readonly NodeReport[], now: number, paper: OutputStyle): string[] {
  const width = ({ title, text }: Column) =>
    Math.max(title.length, ...nodes.map((node) => text(node, now).length))
  const choices = [
    [columns.node, columns.role, columns.address, columns.state],
    [columns.node, columns.address, columns.state],
    [columns.node, columns.state],
  ]
  const widthOf = (choice: readonly Column[]) => choice.reduce((sum, column) => sum + width(column) + 2, 0)
  const fitting = choices.find((choice) => widthOf(choice) + leastNowColumns <= paper.columns)
  const chosen = fitting ?? [columns.node, columns.state]
  const room = Math.max(8, paper.columns - widthOf(chosen))
  const header = [...chosen.map((column) => column.title.padEnd(width(column))), 'now'].join('  ')
  return [
    paint(paper, 'dim', header),
    ...nodes.flatMap((node) => {
      const cells = chosen.map((column) => {
        const cell = column.text(node, now).padEnd(width(column))
        const style = column === columns.state ? nodeStates[node.mode].color : undefined
        return style === undefined ? cell : paint(paper, style, cell)
      })
      const [text, reason] = splitReason(printable(nowText(node.step, now)), room)
      const line = [...cells, clip(text, room)].join('  ')
      return [
        line,
        ...wrap(reason, paper.columns - 4).map((more) => `    ${more}`),
        ...(node.symptom === undefined ? [] : symptomLines(node.symptom, paper, 2)),
      ]
    }),
  ]
}

/** What a node waits for is worth reading to its end: where it does not fit, it goes below. */
function splitReason(text: string, room: number): [text: string, reason: string] {
  const colon = text.indexOf(': ')
  return text.length <= room || colon === -1 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 2)]
}

/** `installing 3 min`; an arming by command says how long it still holds. */
export function stateText({ mode, since, armedUntil }: NodeReport, now: number): string {
  if (mode === 'install' && armedUntil !== undefined)
    return `armed, ${formatDuration(Math.max(0, armedUntil - now))} left`
  return since === 0
    ? nodeStates[mode].title
    : `${nodeStates[mode].title} ${formatDuration(Math.max(0, now - since))}`
}
