/** The state of a site: a header, notices, and the table of its nodes. Pure. */
import type { ClusterStatus } from '../../cluster/report.ts'
import type { NodeReport } from '../../install/reports.ts'
import { modes, nodeStates } from '../../install/node-states.ts'
import { formatDuration, pluralize, firstLines } from '../../text/format.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { wrap, printable } from '../../text/lines.ts'
import { similarText, type SimilarNode } from '../../serve/dhcp/similar-mac.ts'
import type { ServerState } from '../../serve/haproxy/servers.ts'
import { clusterLines } from './cluster.ts'
import { tableLines } from './node-table.ts'
import { paint, proseColumns, type OutputStyle } from './output.ts'

type BalancedServer = Pick<
  ServerState,
  'node' | 'isUp' | 'isTested' | 'isOut' | 'isLeaving' | 'isExpected' | 'sentence'
>

export type Status = {
  readonly site: string
  readonly uptimeSeconds: number
  readonly nodes: readonly NodeReport[]
  readonly clusters?: readonly ClusterStatus[]
  readonly strangers: readonly { readonly mac: string; readonly similar?: readonly SimilarNode[] }[]
  /** Keys of nodes that slipway does not boot. */
  readonly notBooted?: readonly string[]
  readonly problems?: readonly ActiveProblem[]
  /** Parts of the site that may be unintended. */
  readonly warnings?: readonly string[]
  readonly haproxy?: {
    readonly servers: readonly BalancedServer[]
  }
  /** The API on the network. */
  readonly api?: { readonly url: string; readonly fingerprint: string }
}

export function statusLines(status: Status, now: number, output: OutputStyle): string[] {
  const { site, uptimeSeconds, nodes, clusters = [], notBooted = [] } = status
  const head = `${paint(output, 'bold', site)}  up ${formatDuration(uptimeSeconds * 1000)}, ${countsText(nodes)}`
  const above = [
    ...apiLines(status.api),
    ...clusterLines(clusters, now, output),
    ...noticeLines(status, output),
  ]
  return [head, ...above, '', ...tableLines(nodes, now, output), ...notBootedLines(notBooted, output)]
}

function notBootedLines(keys: readonly string[], output: OutputStyle): string[] {
  if (keys.length === 0) return []
  return ['', ...wrap(`not booted by slipway: ${keys.join(', ')}`, output.columns)]
}

/** Where the API and the page are, and what verifies their certificate. */
function apiLines(api: Status['api']): string[] {
  return api === undefined ? [] : [`${api.url}  certificate SHA-256 ${api.fingerprint}`]
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
    ...unknownClientTexts(strangers),
  ]
  const width = proseColumns(output) - 2
  return [
    ...notices.flatMap((notice) =>
      wrap(printable(notice), width).map(
        (line, index) => `${index === 0 ? paint(output, 'yellow', '!') : ' '} ${line}`,
      ),
    ),
    ...notUpYet(servers)
      .flatMap((text) => wrap(text, width))
      .map((line) => paint(output, 'dim', `  ${line}`)),
  ]
}

/** Names the machines whose MAC address is probably misspelled in the site file; counts all. */
function unknownClientTexts(clients: Status['strangers']): string[] {
  if (clients.length === 0) return []
  const misspelled = clients.flatMap(({ mac, similar }) =>
    similar === undefined ? [] : [`undeclared machine ${mac}, ${similarText(similar)}`],
  )
  return [
    ...someOf(misspelled, 'undeclared machines with a similar MAC address'),
    `${pluralize(clients.length, 'undeclared machine')} sent DHCP requests: see slipway nodes seen`,
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
