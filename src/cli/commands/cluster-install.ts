/** `slipway cluster install NAME`: shows what installing a whole cluster overwrites, then arms its nodes. */
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { MemberReport } from '../../cluster/report.ts'
import type { NodeDetails, NodeReport } from '../../install/reports.ts'
import { didYouMean } from '../../text/nearest.ts'
import { askControl, clusterReport, ControlProblem } from '../client.ts'
import { ExitCode, UsageError, type Terminal } from '../command.ts'
import { installLines, isInUse } from '../text/cluster-install.ts'

export type InstallRequest = {
  readonly cluster: string
  readonly control: string
  /** Arms without a question. */
  readonly isConfirmed: boolean
  /** Also overwrites nodes of a running cluster. */
  readonly isForced: boolean
}

/** Asks a question on the terminal; returns nothing where there is no terminal. */
export type Ask = (question: string) => Promise<string | undefined>

export async function installCluster(
  { cluster, control, isConfirmed, isForced }: InstallRequest,
  terminal: Terminal,
  ask: Ask = askOnTerminal,
): Promise<number> {
  const all = await askControl<NodeReport[]>(control, '/v1/nodes')
  const nodes = all.filter(({ node }) => node.startsWith(`${cluster}/`))
  if (nodes.length === 0) {
    const known = [...new Set(all.map(({ node }) => node.slice(0, node.indexOf('/'))))]
    throw new UsageError(`the site does not declare a cluster ${cluster}${didYouMean(cluster, known)}`)
  }
  const { members } = await clusterReport(control, cluster)
  const memberOf = new Map(members.map((member): [string, MemberReport] => [member.node, member]))
  const targets = nodes.map((node) => ({ node, member: memberOf.get(node.node) }))
  for (const line of installLines(cluster, targets, Date.now(), terminal)) terminal.out(line)
  terminal.out('')
  const inUse = targets.filter(isInUse).length
  if (inUse > 0 && !isForced) {
    terminal.err(
      `slipway cluster install: nothing was armed: ${inUse} nodes are part of the running cluster; --force overwrites them`,
    )
    return ExitCode.problems
  }
  const answer = isConfirmed ? cluster : await ask(`Type the name of the cluster to arm its nodes: `)
  if (answer !== cluster) {
    const how = answer === undefined ? '; repeat the command with --yes' : ''
    terminal.err(`slipway cluster install: nothing was armed${how}`)
    return ExitCode.problems
  }
  return arm(nodes, control, terminal)
}

/** Arms every node; one that slipway refuses does not keep the others from being armed. */
async function arm(nodes: readonly NodeReport[], control: string, terminal: Terminal): Promise<number> {
  let code: number = ExitCode.fine
  for (const { node } of nodes) {
    try {
      const { reason } = await askControl<NodeDetails>(control, `/v1/nodes/${node}/install`, 'POST')
      terminal.out(`${node}: armed: ${reason}`)
    } catch (error) {
      if (!(error instanceof ControlProblem) || error.refusal === undefined) throw error
      terminal.err(`${node}: not armed: ${error.message}`)
      code = ExitCode.problems
    }
  }
  if (code === ExitCode.fine)
    terminal.out('next: power on the nodes; follow them with "slipway status --watch"')
  return code
}

async function askOnTerminal(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined
  const input = createInterface({ input: process.stdin, output: process.stdout })
  try {
    // Ctrl-C and Ctrl-D close the input without an answer.
    const closed = once(input, 'close').then(() => '')
    const answer = input.question(question).catch(() => '')
    const text = (await Promise.race([answer, closed])).trim()
    if (text === '') process.stdout.write('\n')
    return text
  } finally {
    input.close()
  }
}
