/**
 * `slipway wait GOAL`: waits until an installation reaches a stage, as the running slipway or the API of the cluster reports it.
 * Prints a line for each change, or on a terminal a view that is updated in place.
 */
import { parseArgs } from 'node:util'
import { kubeconfigFile, loadDecoder } from '../../cluster/kubeconfig/file.ts'
import { goals, stagesOf, WaitExitCode, type Goal, type Stage } from '../../cluster/evaluate/stages.ts'
import { openSession } from '../../cluster/session.ts'
import type { ClusterReport } from '../../cluster/report.ts'
import { sessionStages, wait as waitFor, type WaitEvent, type WaitOptions } from '../../cluster/wait.ts'
import { isAborted, pause, systemClock } from '../../host/clock.ts'
import { explain, prepare } from '../../prepare.ts'
import { didYouMean } from '../../text/nearest.ts'
import type { Cluster } from '../../site/schema.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { askControl, ControlProblem, noCluster, noClusterReason, toResult } from '../client.ts'
import { controlPath, controlRow, siteFile, siteOptions } from '../target.ts'
import { defined } from '../../text/defined.ts'
import { interruptible, parseTimeLimit } from '../poll.ts'
import { jsonReport, liveReport, plainReport, type WaitReport } from '../text/wait.ts'

/** How often the view on a terminal is drawn. */
const tickMs = 1000

/** Outages are part of the report. */
const silent = { warn() {}, info() {} }

export const wait: Command = {
  name: 'wait',
  help: {
    usage: [
      'wait [--cluster NAME] [--timeout TIME] [--json] [--control PATH] GOAL',
      'wait [--cluster NAME] [--timeout TIME] [--json] GOAL --site FILE',
    ],
    about: [
      'Waits for an installation stage and shows what is missing.',
      'Queries the running slipway. With a site file, it does not need a running slipway and queries the API of the ' +
        'cluster itself, with its kubeconfig (key "kubeconfig", else auth/kubeconfig in the Ignition directory).',
    ],
    lists: {
      Goals: [
        ['bootstrap-complete', 'the bootstrap is complete and has left etcd: you can power it off'],
        ['nodes-ready', 'every declared node except the bootstrap has registered and is Ready'],
        ['install-complete', 'the version of the cluster is installed and its operators are stable'],
      ],
    },
    options: [
      ['--cluster NAME', 'required if the site has several clusters'],
      [
        '--timeout TIME',
        'one limit for all stages, for example 90s, 45m, or 2h. Default: the limit of openshift-install for each ' +
          'stage (20 minutes for the API, 60 for the bootstrap, 5 for its etcd member, 60 for nodes, 60 for the ' +
          'version, 30 for operators)',
      ],
      ['--site FILE', 'read this site file (also as an argument after GOAL)'],
      controlRow,
      ['--json', 'print a JSON document for each change, on its own line'],
    ],
    exit: [
      ['0', 'goal reached'],
      ['1', 'slipway is not running, or the site file or the kubeconfig has errors'],
      ['2', 'invalid command line, or no such cluster'],
      ['4', 'time limit reached: API (4 to 7 are the codes of openshift-install)'],
      ['5', 'time limit reached: bootstrap'],
      ['6', 'time limit reached: nodes or version'],
      ['7', 'time limit reached: operators'],
      ['8', 'interrupted'],
    ],
    examples: [
      'wait --cluster ocp45 --timeout 90m bootstrap-complete',
      'wait install-complete --site site.yaml',
    ],
  },

  async run(args, terminal) {
    const { values, goal, file, clusterName, timeoutMs } = readArguments(args)
    const isOffline = file !== undefined || values.site !== undefined
    return toResult(terminal, async () => {
      const followed = isOffline
        ? await followCluster(goal, await siteFile(values, file), clusterName)
        : await followSlipway(goal, controlPath(values.control), clusterName)
      if ('problems' in followed) {
        for (const line of followed.problems) terminal.err(line)
        return ExitCode.problems
      }
      const view = terminal.usesColor ? liveReport(terminal, followed.stages) : plainReport(terminal)
      return waitAndReport(followed, timeoutMs, values.json ? jsonReport(terminal) : view)
    })
  },
}

/** The stages of a goal, and what is known of them. */
type Followed = Pick<WaitOptions, 'open' | 'stages'> & { readonly close: () => void }
type NotFollowed = { readonly problems: readonly string[] }

async function waitAndReport(
  { open, stages, close }: Followed,
  timeoutMs: number | undefined,
  report: WaitReport,
): Promise<number> {
  const clock = systemClock
  return interruptible(async (signal) => {
    const startedMs = clock.monotonic()
    const ticking = setInterval(() => report.tick(clock.monotonic() - startedMs), tickMs)
    try {
      const show = (event: WaitEvent) => report.show(event)
      const outcome = await waitFor({ open, stages, clock, signal, report: show, ...defined({ timeoutMs }) })
      if (outcome.kind === 'complete') return ExitCode.fine
      return outcome.kind === 'late' ? outcome.stage.exitCode : WaitExitCode.interrupt
    } finally {
      clearInterval(ticking)
      close()
    }
  })
}

/** Follows the cluster of a site file through its own API. */
async function followCluster(
  goal: Goal,
  sitePath: string,
  clusterName: string | undefined,
): Promise<Followed | NotFollowed> {
  const prepared = await prepare(sitePath)
  if (prepared.kind !== 'ready') return { problems: explain(prepared) }
  const { model } = prepared
  const name = chooseCluster(
    model.site.clusters.map((each) => each.name),
    clusterName,
  )
  const cluster = model.site.clusters.find((each) => each.name === name) as Cluster
  const kubeconfig = kubeconfigFile(cluster, () => Date.now())
  await loadDecoder()
  try {
    kubeconfig.credentials()
  } catch (error) {
    return { problems: [`slipway wait: ${(error as Error).message}`] }
  }
  const wanted = model.members.filter((node) => node.cluster === name && node.role !== 'bootstrap')
  const stages = stagesOf(goal, wanted)
  const session = openSession({ cluster: name, kubeconfig, clock: systemClock, log: silent })
  return { stages, open: sessionStages(session, stages, systemClock), close: () => session.close() }
}

/** The running slipway evaluates the stages all the time, so a query is cheap. */
const queryMs = 2000

/**
 * Follows a cluster through the running slipway.
 *
 * @throws {ControlProblem} when slipway is not reachable
 */
async function followSlipway(
  goal: Goal,
  socketPath: string,
  clusterName: string | undefined,
): Promise<Followed | NotFollowed> {
  const clusters = await askControl<ClusterReport[]>(socketPath, '/v1/clusters')
  if (clusters.length === 0) return { problems: [`slipway wait: ${await noClusterReason(socketPath)}`] }
  const name = chooseCluster(
    clusters.map(({ cluster }) => cluster),
    clusterName,
  )
  let report = clusters.find(({ cluster }) => cluster === name) as ClusterReport
  const stages = stagesOf(
    goal,
    report.members.map(({ node }) => ({ name: node, fqdn: node })),
  )
  const stageOf = (stage: Stage) => report.stages.find((each) => each.name === stage.name)
  if (report.stages.length === 0) {
    const remedy = 'set kubeconfig or ignition of the cluster in the site file'
    return { problems: [`slipway wait: slipway has no kubeconfig of the cluster ${name}: ${remedy}`] }
  }
  const absent = stages.find((stage) => stageOf(stage) === undefined)
  if (absent !== undefined) {
    return {
      problems: [
        `slipway wait: the cluster ${name} has no stage ${absent.name}: the site declares no bootstrap`,
      ],
    }
  }

  const end = new AbortController()
  let outage: string | undefined
  const query = async (onUpdate: () => void): Promise<void> => {
    while (!isAborted(end.signal)) {
      try {
        await pause(systemClock, queryMs, end.signal)
        report = await askControl<ClusterReport>(socketPath, `/v1/clusters/${name}`)
        outage = undefined
      } catch (error) {
        if (!(error instanceof ControlProblem)) throw error
        outage = error.message
      }
      if (!isAborted(end.signal)) onUpdate()
    }
  }
  return {
    stages,
    open(onUpdate) {
      queueMicrotask(onUpdate)
      void query(onUpdate)
      return {
        view(stage) {
          const { state, note, missing = [] } = stageOf(stage) ?? {}
          const unreachable = outage ?? (state === 'unknown' ? report.trouble : undefined)
          return { isReached: state === 'reached', missing, ...defined({ note, outage: unreachable }) }
        },
        expire: () => undefined,
        close: () => end.abort(),
      }
    },
    close: () => end.abort(),
  }
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...siteOptions,
      cluster: { type: 'string' },
      timeout: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const [word, file, ...more] = positionals
  if (word === undefined || more.length > 0) throw new UsageError(`expected one of ${goals.join(', ')}`)
  const goal = goals.find((each) => each === word)
  if (goal === undefined) {
    throw new UsageError(
      `cannot wait for ${JSON.stringify(word)}${didYouMean(word, goals)}; expected one of ${goals.join(', ')}`,
    )
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

/** @throws {UsageError} */
function chooseCluster(names: readonly string[], name: string | undefined): string {
  const [first, ...others] = names
  if (first === undefined) throw new UsageError(noCluster)
  if (name === undefined && others.length > 0) {
    throw new UsageError(`the site has several clusters: add --cluster ${names.join(' or ')}`)
  }
  const wanted = name ?? first
  if (names.includes(wanted)) return wanted
  throw new UsageError(`the site has no cluster ${wanted}; it has ${names.join(', ')}`)
}
