/**
 * Installs nodes with their power: restarts them from the network in the order in which they can be installed, some at once, and
 * follows them until they are Ready. What is left can be resumed, because slipway has the state of each node.
 */
import type { MemberReport } from '../cluster/report.ts'
import type { PowerReport } from '../bmc/power.ts'
import type { Clock } from '../host/clock.ts'
import type { NodeReport } from '../install/reports.ts'
import { stateText } from '../install/step-text.ts'
import { pluralize } from '../text/format.ts'
import { askControl, clusterReport, ControlProblem, withNextStep } from './client.ts'
import { ExitCode, UsageError, type HelpRow, type Terminal } from './command.ts'
import { exitCodeOf, parseTimeLimit, pollUntil, stopwatch } from './poll.ts'
import { powerText } from './text/power.ts'

/** Longer than all attempts of slipway to reach a BMC. */
export const powerTimeoutMs = 180_000

/** Options of `node install` and `cluster install`. */
export const rolloutOptions = {
  power: { type: 'boolean', default: false },
  resume: { type: 'boolean', default: false },
  'at-once': { type: 'string' },
  timeout: { type: 'string' },
} as const

export const rolloutRows: readonly HelpRow[] = [
  [
    '--power',
    'install: restart the nodes from the network through their BMCs, and follow them until they are Ready',
  ],
  ['--at-once N', 'install, with --power: install at most N nodes at the same time (default: 4)'],
  ['--timeout TIME', 'install, with --power: stop following after 90s, 45m, or 2h (default: 90m)'],
  [
    '--resume',
    'install, with --power: arm no node again; restart those that have not booted, and follow all',
  ],
]

/** Exit statuses of `install`, beside those without `--power`. */
export const rolloutExit: readonly HelpRow[] = [
  ['6', 'with --power: the time limit was reached'],
  ['8', 'with --power: interrupted; the nodes continue to install'],
]

type RolloutValues = {
  readonly power: boolean
  readonly resume: boolean
  readonly 'at-once'?: string | undefined
  readonly timeout?: string | undefined
}

/** @throws {UsageError} */
export function parseRollout(values: RolloutValues): Pick<Rollout, 'atOnce' | 'timeoutMs'> {
  const { 'at-once': atOnce = '4', timeout = '90m' } = values
  if (!values.power && (values.resume || values['at-once'] !== undefined || values.timeout !== undefined)) {
    throw new UsageError('--resume, --at-once, and --timeout need --power')
  }
  if (!/^[1-9]\d{0,2}$/.test(atOnce)) {
    throw new UsageError(`--at-once: expected a number from 1 to 999, not ${atOnce}`)
  }
  return { atOnce: Number(atOnce), timeoutMs: parseTimeLimit(timeout) }
}

export type Rollout = {
  readonly control: string
  /** Keys of the armed nodes. */
  readonly nodes: readonly string[]
  /** How many nodes are between their restart and their written disk. */
  readonly atOnce: number
  readonly timeoutMs: number
  /** Command that continues after an interruption. */
  readonly resume: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

type Phase = 'waiting' | 'started' | 'installed' | 'done' | 'failed'
type Tracked = { readonly key: string; phase: Phase; isByHand: boolean; symptom?: string }

/** As the boot gate: masters wait for the bootstrap, and workers for a master. */
const order = ['bootstrap', 'single', 'master', 'arbiter', 'infra', 'worker']

/** A ready condition that is older than this before the installation is that of the earlier system. */
const skewMs = 60_000

export async function rollOut(options: Rollout, terminal: Terminal): Promise<number> {
  const { control, nodes, atOnce, clock, signal, timeoutMs } = options
  const say = stopwatch(terminal, clock)
  const tracked = new Map(
    nodes.map((key): [string, Tracked] => [key, { key, phase: 'waiting', isByHand: false }]),
  )
  const count = (...phases: readonly Phase[]): number =>
    [...tracked.values()].filter(({ phase }) => phases.includes(phase)).length

  async function poll(): Promise<'done' | undefined> {
    const reports = (await askControl<NodeReport[]>(control, '/v1/nodes')).filter(({ node }) =>
      tracked.has(node),
    )
    reports.sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role))
    const members = await readMembers(reports)
    for (const report of reports) await follow(tracked.get(report.node) as Tracked, report, members)
    for (const { node } of reports) {
      const each = tracked.get(node) as Tracked
      const running = [...tracked.values()].filter(({ phase, isByHand }) => phase === 'started' && !isByHand)
      if (each.phase === 'waiting' && running.length < atOnce && !signal.aborted) await start(each)
    }
    return count('waiting', 'started', 'installed') === 0 ? 'done' : undefined
  }

  async function readMembers(reports: readonly NodeReport[]): Promise<ReadonlyMap<string, MemberReport>> {
    const clusters = [...new Set(reports.map(({ node }) => node.slice(0, node.indexOf('/'))))]
    const views = await Promise.all(clusters.map((cluster) => clusterReport(control, cluster)))
    return new Map(views.flatMap(({ members }) => members.map((member) => [member.node, member] as const)))
  }

  async function follow(
    each: Tracked,
    report: NodeReport,
    members: ReadonlyMap<string, MemberReport>,
  ): Promise<void> {
    const { key, phase } = each
    if (phase === 'done' || phase === 'failed') return
    const member = members.get(key)
    const { mode, symptom } = report
    if (mode === 'failed' || mode === 'local' || mode === 'menu') {
      each.phase = 'failed'
      say(`${key}: ${stateText(report, clock.now())}: ${report.reason}${await bmcText(key)}`)
      return
    }
    if (phase === 'waiting' && isBooting(report)) {
      each.phase = 'started'
      say(`${key}: its boot is in progress`)
    }
    if (mode === 'installed' && each.phase !== 'installed') {
      each.phase = 'installed'
      say(`${key}: its disk is written`)
    }
    if (mode === 'installed' && (member === undefined || isReady(member, report))) {
      each.phase = 'done'
      if (member !== undefined) say(`${key}: Ready`)
      return
    }
    if (symptom === undefined || symptom.name === each.symptom) return
    each.symptom = symptom.name
    say(`${key}: ${symptom.saw}; ${symptom.advice}${await bmcText(key)}`)
  }

  async function start(each: Tracked): Promise<void> {
    const { key } = each
    try {
      const path = `/v1/nodes/${key}/power/cycle?boot=network`
      const report = await askControl<PowerReport>(control, path, 'POST', powerTimeoutMs)
      each.phase = 'started'
      const remarks = (report.remarks ?? []).map((remark) => `; ${remark}`).join('')
      say(`${key}: restarted from the network by its BMC ${report.bmc}${remarks}`)
    } catch (error) {
      if (!(error instanceof ControlProblem) || error.refusal === undefined) throw error
      const isByHand = error.refusal.code === 'bmc.not-declared'
      each.isByHand = isByHand
      each.phase = isByHand ? 'started' : 'failed'
      say(
        isByHand
          ? `${key}: has no BMC; power it on by hand`
          : `${key}: not restarted: ${withNextStep(error)}`,
      )
    }
  }

  /** Returns what the BMC of a node reports, to print behind its problem. */
  async function bmcText(key: string): Promise<string> {
    try {
      const report = await askControl<PowerReport>(control, `/v1/nodes/${key}/power`, 'GET', powerTimeoutMs)
      return `; BMC: ${powerText(report).slice(key.length + 2)}`
    } catch (error) {
      if (!(error instanceof ControlProblem)) throw error
      return error.refusal?.code === 'bmc.not-declared' ? '' : `; BMC: ${error.message}`
    }
  }

  const onUnreachable = (sentence: string): void => say(sentence)
  const result = await pollUntil({ poll, onUnreachable, clock, signal, timeoutMs })
  if (result === 'late') {
    const late = [...tracked.values()].filter(({ phase }) => phase !== 'done' && phase !== 'failed')
    for (const { key } of late) say(`${key}: not finished in time${await bmcText(key)}`)
  }
  const failed = count('failed')
  if (result !== 'done') terminal.err(`not finished; to continue, run: ${options.resume}`)
  else if (failed === 0) say(`${pluralize(nodes.length, 'node')} installed`)
  else
    terminal.err(
      `${pluralize(failed, 'node')} not installed; correct the problems above, then run: ${options.resume}`,
    )
  return result === 'done' && failed > 0 ? ExitCode.problems : exitCodeOf(result)
}

/** Whether a node sent requests after it was armed: another restart would only delay it. */
function isBooting({ mode, since, lastSeen = 0 }: NodeReport): boolean {
  return mode === 'installing' || (mode === 'install' && lastSeen > since)
}

function isReady({ state, since = Number.MAX_VALUE }: MemberReport, report: NodeReport): boolean {
  return state === 'ready' && since > report.since - skewMs
}
