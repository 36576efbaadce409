/**
 * `slipway wait GOAL`: waits until an installation reaches a stage, as the API of the cluster reports it. Prints a line for each
 * change, or on a terminal a view that is updated in place.
 */
import { parseArgs, stripVTControlCharacters, styleText } from 'node:util'
import { kubeconfigFile } from '../../cluster/kubeconfig/file.ts'
import { goals, stagesOf, WaitExitCode, type Stage } from '../../cluster/evaluate/stages.ts'
import { openSession } from '../../cluster/session.ts'
import { wait as waitFor, type WaitEvent } from '../../cluster/wait.ts'
import { systemClock } from '../../host/clock.ts'
import type { Model } from '../../plan/model.ts'
import { explain, prepare } from '../../prepare.ts'
import { didYouMean } from '../../text/nearest.ts'
import type { Cluster } from '../../site/schema.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { siteFile, siteOptions, siteRows } from '../target.ts'
import { interruptible, parseTimeLimit } from '../poll.ts'
import { formatStopwatch } from '../../text/format.ts'

/** How often the view on a terminal is drawn. */
const tickMs = 1000

/** Outages are part of the report. */
const silent = { warn() {}, info() {} }

export const wait: Command = {
  name: 'wait',
  help: {
    usage: ['wait [--cluster NAME] [--timeout TIME] GOAL [--site FILE | FILE]'],
    about: [
      'Waits for an installation stage and shows what is missing.',
      'Reads the site file and queries the API of the cluster with its kubeconfig (key "kubeconfig", else ' +
        'auth/kubeconfig in the Ignition directory). It does not need a running slipway.',
    ],
    lists: {
      Goals: [
        ['bootstrap-complete', 'the bootstrap finished its work and left etcd: you can stop it'],
        ['nodes-ready', 'every declared node except the bootstrap has registered and is Ready'],
        ['install-complete', 'the version of the cluster is installed and its operators are stable'],
      ],
    },
    options: [
      ['--cluster NAME', 'required if the site has several clusters'],
      [
        '--timeout TIME',
        'one limit for all stages, for example 90s, 45m, or 2h. Default: the limits of openshift-install for each ' +
          'stage, 20 minutes for the API, 60 for the bootstrap, 5 for its etcd member, 60 for nodes, 60 for the ' +
          'version, 30 for operators',
      ],
      ...siteRows,
    ],
    exit: [
      ['0', 'goal reached'],
      ['1', 'the site file or the kubeconfig has errors'],
      ['2', 'invalid command line'],
      ['4', 'time limit reached: API (4 to 7 are the codes of openshift-install)'],
      ['5', 'time limit reached: bootstrap'],
      ['6', 'time limit reached: nodes or version'],
      ['7', 'time limit reached: operators'],
      ['8', 'interrupted'],
    ],
    examples: ['wait install-complete site.yaml', 'wait --cluster ocp45 --timeout 90m bootstrap-complete'],
  },

  async run(args, terminal) {
    const { values, goal, file, clusterName, timeoutMs } = readArguments(args)
    const prepared = await prepare(await siteFile(values, file))
    if (prepared.kind !== 'ready') {
      for (const line of explain(prepared)) terminal.err(line)
      return ExitCode.problems
    }
    const { model } = prepared
    const cluster = chooseCluster(model, clusterName)
    const kubeconfig = kubeconfigFile(cluster, () => Date.now())
    try {
      kubeconfig.credentials()
    } catch (error) {
      terminal.err(`slipway wait: ${(error as Error).message}`)
      return ExitCode.problems
    }
    const wanted = model.nodes.filter((node) => node.cluster === cluster.name && node.role !== 'bootstrap')
    const stages = stagesOf(goal, wanted)
    const report = terminal.usesColor ? liveReport(terminal, stages) : plainReport(terminal)
    const clock = systemClock
    return interruptible(async (signal) => {
      const startedMs = clock.monotonic()
      const ticking = setInterval(() => report.tick(clock.monotonic() - startedMs), tickMs)
      const session = openSession({ cluster: cluster.name, kubeconfig, clock, log: silent })
      try {
        const outcome = await waitFor({
          session,
          stages,
          clock,
          signal,
          report: (event) => report.show(event),
          ...(timeoutMs === undefined ? {} : { timeoutMs }),
        })
        if (outcome.kind === 'complete') return ExitCode.fine
        return outcome.kind === 'late' ? outcome.stage.exitCode : WaitExitCode.interrupt
      } finally {
        clearInterval(ticking)
        session.close()
      }
    })
  },
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...siteOptions, cluster: { type: 'string' }, timeout: { type: 'string' } },
  })
  const [word, file, ...more] = positionals
  if (word === undefined || more.length > 0) throw new UsageError(`expected one of ${goals.join(', ')}`)
  const goal = goals.find((each) => each === word)
  if (goal === undefined) {
    throw new UsageError(`cannot wait for ${JSON.stringify(word)}${didYouMean(word, goals)}`)
  }
  const { cluster: clusterName, timeout } = values
  return {
    values,
    goal,
    file,
    clusterName,
    timeoutMs: timeout === undefined ? undefined : parseTimeLimit(timeout),
  }
}

function chooseCluster({ site }: Model, name: string | undefined): Cluster {
  const names = site.clusters.map((cluster) => cluster.name)
  const [first, ...others] = site.clusters
  if (first === undefined) throw new UsageError('the site does not declare a cluster')
  if (name === undefined && others.length > 0) {
    throw new UsageError(`the site has several clusters: add --cluster ${names.join(' or ')}`)
  }
  const wanted = name ?? first.name
  const chosen = site.clusters.find((cluster) => cluster.name === wanted)
  if (chosen !== undefined) return chosen
  throw new UsageError(`the site has no cluster ${wanted}; it has ${names.join(', ')}`)
}

export type WaitReport = {
  show(event: WaitEvent): void
  /** Updates the elapsed time of the view. */
  tick(elapsedMs: number): void
}

/** Prints a line for every change: for logs, and for programs that read the output. */
export function plainReport(terminal: Pick<Terminal, 'out'>): WaitReport {
  const line = (elapsedMs: number, text: string) =>
    terminal.out(`${formatStopwatch(elapsedMs).padStart(7)}  ${text}`)
  let known: readonly string[] = []
  return {
    show(event) {
      const { elapsedMs, stage } = event
      switch (event.kind) {
        case 'started':
          line(elapsedMs, `waiting up to ${formatStopwatch(event.limitMs)} for ${stage.awaited}`)
          break
        case 'missing':
          // Prints only new items: when many nodes boot together, one changes at a time.
          for (const each of event.missing) if (!known.includes(each)) line(elapsedMs, `  ${each}`)
          known = event.missing
          break
        case 'outage':
          line(elapsedMs, `  cluster API unreachable: ${event.sentence}`)
          break
        case 'done':
          line(elapsedMs, `${stage.name}: done${event.note === '' ? '' : ` (${event.note})`}`)
          break
        case 'late':
          line(elapsedMs, `${stage.name}: time limit reached`)
          for (const each of event.missing) line(elapsedMs, `  ${each}`)
          break
      }
    },
    tick: () => {},
  }
}

/** Maximum of missing items per stage: the view has to fit the screen, or it cannot be redrawn. */
const maxLines = 12

type Row = { begunMs: number; maxMs: number; end?: 'done' | 'late'; endMs?: number; note: string }

/** A line for each stage and, below the one under way, what it lacks. */
export function liveReport(
  terminal: Pick<Terminal, 'out' | 'columns'>,
  stages: readonly Stage[],
): WaitReport {
  const rows = new Map<Stage, Row>()
  const width = Math.max(...stages.map(({ name }) => name.length))
  let missing: readonly string[] = []
  let drawn = 0

  function draw(nowMs: number): void {
    const lines = [...stages.flatMap((stage) => stageLines(stage, rows.get(stage), nowMs))].map((text) =>
      fitLine(text, terminal.columns),
    )
    // Up to where it was drawn last, and clear from there on.
    const back = drawn === 0 ? '' : `\u001b[${drawn}A\u001b[J`
    terminal.out(back + lines.join('\n'))
    drawn = lines.length
  }

  function stageLines(stage: Stage, row: Row | undefined, nowMs: number): string[] {
    const name = stage.name.padEnd(width)
    if (row === undefined) return [`  ${name}`]
    const spent = formatStopwatch((row.endMs ?? nowMs) - row.begunMs)
    const note = row.note === '' ? '' : `  ${row.note}`
    if (row.end === 'done') return [`${styleText('green', '✓')} ${name}  ${spent}${note}`]
    const limit = `${spent} of ${formatStopwatch(row.maxMs)}`
    const shown = missing.slice(0, maxLines)
    const more = missing.length > maxLines ? [`and ${missing.length - maxLines} more`] : []
    const mark = row.end === 'late' ? styleText('red', '✗') : styleText('yellow', '…')
    return [`${mark} ${name}  ${limit}`, ...[...shown, ...more].map((each) => `    ${each}`)]
  }

  return {
    show(event) {
      const { stage, elapsedMs } = event
      const row = rows.get(stage) ?? { begunMs: elapsedMs, maxMs: 0, note: '' }
      rows.set(stage, row)
      if (event.kind === 'started') Object.assign(row, { maxMs: event.limitMs })
      else if (event.kind === 'missing') missing = event.missing
      else if (event.kind === 'outage') missing = [`cluster API unreachable: ${event.sentence}`]
      else Object.assign(row, { end: event.kind, endMs: elapsedMs })
      if (event.kind === 'done') row.note = event.note
      if (event.kind === 'started') missing = []
      if (event.kind === 'late') missing = event.missing
      draw(elapsedMs)
    },
    tick: draw,
  }
}

/** So that no line takes two on the screen and the view stays where it is. */
function fitLine(text: string, columns: number): string {
  const plain = stripVTControlCharacters(text)
  return plain.length < columns ? text : `${plain.slice(0, columns - 2)}…`
}
