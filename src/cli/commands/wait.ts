/** `slipway wait GOAL`: waits until an installation reaches a stage, as the API of the cluster reports it. */
import { parseArgs } from 'node:util'
import { kubeconfigFile } from '../../cluster/kubeconfig/file.ts'
import { goals, stagesOf, WaitExitCode } from '../../cluster/evaluate/stages.ts'
import { openSession } from '../../cluster/session.ts'
import { wait as waitFor } from '../../cluster/wait.ts'
import { systemClock } from '../../host/clock.ts'
import type { Model } from '../../plan/model.ts'
import { explain, prepare } from '../../prepare.ts'
import { didYouMean } from '../../text/nearest.ts'
import type { Cluster } from '../../site/schema.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { siteFile, siteOptions, siteRows } from '../target.ts'
import { interruptible, parseTimeLimit } from '../time-limit.ts'
import { liveReport, plainReport } from '../text/wait.ts'

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
          ...{ session, stages, clock, signal, report: (event) => report.show(event) },
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
