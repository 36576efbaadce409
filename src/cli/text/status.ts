/** The state of a site as a table: a header, notices, and a line for each node with its problem below. Pure. */
import type { ClusterStatus } from '../../cluster/report.ts'
import type { NodeReport } from '../../install/reports.ts'
import { modes, nodeStates } from '../../install/node-states.ts'
import { formatDuration, pluralize, firstLines } from '../../text/format.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { wrap, clip, printable } from '../../text/lines.ts'
import type { ServerState } from '../../serve/haproxy/servers.ts'
import { clusterLines } from './cluster.ts'
import { paint, symptomLines, type OutputStyle } from './output.ts'
import { nowText, stateText } from './node.ts'

type BalancedServer = Pick<
  ServerState,
  'node' | 'isUp' | 'isTested' | 'isOut' | 'isLeaving' | 'isExpected' | 'sentence'
>

export type Status = {
  readonly site: string
  readonly uptimeSeconds: number
  readonly nodes: readonly NodeReport[]
  readonly clusters?: readonly ClusterStatus[]
  readonly strangers: readonly object[]
  readonly problems?: readonly ActiveProblem[]
  /** Parts of the site that may be unintended. */
  readonly warnings?: readonly string[]
  readonly haproxy?: {
    readonly servers: readonly BalancedServer[]
  }
}

/** The current step must be readable; less important columns are omitted for it. */
const minNowColumns = 26

export function statusLines(status: Status, now: number, output: OutputStyle): string[] {
  const { site, uptimeSeconds, nodes, clusters = [] } = status
  const head = `${paint(output, 'bold', site)}  up ${formatDuration(uptimeSeconds * 1000)}, ${countsText(nodes)}`
  const above = [...clusterLines(clusters, now, output), ...noticeLines(status, output)]
  return [head, ...above, '', ...tableLines(nodes, now, output)]
}

/** `7 nodes: 2 installed, 5 installing`. */
function countsText(nodes: readonly NodeReport[]): string {
  const counts = modes.flatMap((mode) => {
    const count = nodes.filter((node) => node.mode === mode).length
    return count === 0 ? [] : [`${count} ${nodeStates[mode].title}`]
  })
  const stuck = nodes.filter(({ symptom }) => symptom !== undefined).length
  const total = `${pluralize(nodes.length, 'node')}: ${counts.join(', ')}`
  return stuck === 0 ? total : `${total}; ${stuck} with a problem`
}

function noticeLines(
  { strangers, problems = [], warnings = [], haproxy }: Status,
  output: OutputStyle,
): string[] {
  const servers = haproxy?.servers ?? []
  const draining = servers.filter(({ isLeaving }) => isLeaving)
  const notices = [
    ...problemTexts(problems),
    ...warnings,
    ...someOf(
      draining.map(({ sentence }) => `draining: ${sentence}`),
      'draining HAProxy servers',
    ),
    ...(strangers.length === 0
      ? []
      : [`${pluralize(strangers.length, 'undeclared machine')} sent DHCP requests: see slipway nodes seen`]),
  ]
  return [
    ...notices.flatMap((notice) =>
      wrap(printable(notice), output.columns - 2).map((line, index) => {
        const mark = index === 0 ? paint(output, 'yellow', '!') : ' '
        return `${mark} ${clip(line, output.columns - 2)}`
      }),
    ),
    ...notUpYet(servers)
      .flatMap((text) => wrap(text, output.columns - 2))
      .map((line) => paint(output, 'dim', `  ${line}`)),
  ]
}

/** One cause can concern many machines: some examples are enough. */
const maxExamples = 3

/** Returns a few problems of each code. */
function problemTexts(problems: readonly ActiveProblem[]): string[] {
  const codes = [...new Set(problems.map(({ code }) => code))]
  return codes.flatMap((code) =>
    someOf(
      problems.filter((problem) => problem.code === code).map(({ text }) => text),
      `problems with the code ${code}`,
    ),
  )
}

function someOf(sentences: readonly string[], what: string): string[] {
  return firstLines(sentences, maxExamples, ` ${what}: see slipway status --json`)
}

/** Before their nodes are installed, all servers are down: this is not a problem. */
function notUpYet(servers: readonly BalancedServer[]): string[] {
  const waiting = servers.filter(
    ({ isUp, isTested, isOut, isExpected }) => isTested && !isUp && !isOut && !isExpected,
  )
  const nodes = new Set(waiting.map(({ node }) => node))
  if (waiting.length === 0) return []
  const what = pluralize(waiting.length, 'HAProxy server')
  return [`${what} of ${pluralize(nodes.size, 'node')} not up yet: they serve when their nodes are installed`]
}

type Column = { readonly title: string; readonly text: (node: NodeReport, now: number) => string }

const columns: Readonly<Record<'node' | 'role' | 'address' | 'state', Column>> = {
  node: { title: 'node', text: ({ node }) => node },
  role: { title: 'role', text: ({ role }) => role },
  address: { title: 'address', text: ({ address }) => address },
  state: { title: 'state', text: stateText },
}

function tableLines(nodes: readonly NodeReport[], now: number, output: OutputStyle): string[] {
  const width = ({ title, text }: Column) =>
    Math.max(title.length, ...nodes.map((node) => text(node, now).length))
  const choices = [
    [columns.node, columns.role, columns.address, columns.state],
    [columns.node, columns.address, columns.state],
    [columns.node, columns.state],
  ]
  const widthOf = (choice: readonly Column[]) => choice.reduce((sum, column) => sum + width(column) + 2, 0)
  const fitting = choices.find((choice) => widthOf(choice) + minNowColumns <= output.columns)
  const chosen = fitting ?? [columns.node, columns.state]
  const nowWidth = Math.max(8, output.columns - widthOf(chosen))
  const header = [...chosen.map((column) => column.title.padEnd(width(column))), 'now'].join('  ')
  return [
    paint(output, 'dim', header),
    ...nodes.flatMap((node) => {
      const cells = chosen.map((column) => {
        const cell = column.text(node, now).padEnd(width(column))
        const style = column === columns.state ? nodeStates[node.mode].color : undefined
        return style === undefined ? cell : paint(output, style, cell)
      })
      const [text, reason] = splitReason(printable(nowText(node.step, now)), nowWidth)
      const line = [...cells, clip(text, nowWidth)].join('  ')
      return [
        line,
        ...wrap(reason, output.columns - 4).map((more) => `    ${more}`),
        ...(node.symptom === undefined ? [] : symptomLines(node.symptom, output, 2)),
      ]
    }),
  ]
}

/** A reason that does not fit the column continues on the next line, because it must be readable to its end. */
function splitReason(text: string, width: number): [text: string, reason: string] {
  const colon = text.indexOf(': ')
  return text.length <= width || colon === -1 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 2)]
}
