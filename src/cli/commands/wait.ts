/** `slipway wait GOAL SITE`: until an installation has come so far, as the cluster's own API says. */
import { parseArgs } from 'node:util'
import { connectCluster } from '../../cluster/connection/client.ts'
import { kubeconfigFile } from '../../cluster/kubeconfig/file.ts'
import { goals, stagesOf, WaitExitCode, type Goal } from '../../cluster/stages.ts'
import { wait as waitFor } from '../../cluster/wait.ts'
import { systemClock } from '../../host/clock.ts'
import type { Model } from '../../plan/model.ts'
import { explain, prepare } from '../../prepare.ts'
import { didYouMean } from '../../text/nearest.ts'
import type { Cluster } from '../../site/schema.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { interruptible, parseTimeLimit } from '../time-limit.ts'
import { liveReport, plainReport } from '../text/wait.ts'

/** How often the view on a terminal is drawn. */
const tickMs = 1000

export const wait: Command = {
  name: 'wait',
  summary: 'wait until a cluster has come so far in its installation, and say what is missing',
  usage: `usage: slipway wait bootstrap-complete|nodes-ready|install-complete
                    [--cluster NAME] [--timeout TIME] SITE

Asks the cluster's API by its kubeconfig (the site's \`kubeconfig\`, else auth/kubeconfig
in the Ignition folder); needs no running slipway.

  bootstrap-complete   the bootstrap has done its work and left etcd: it may be stopped
  nodes-ready          every declared node but the bootstrap has registered and is Ready
  install-complete     the cluster's version is installed and its operators have settled

  --cluster NAME   which, where the site has several
  --timeout TIME   90s, 45m or 2h for all of it, instead of openshift-install's for
                   each stage: 20 minutes for the API, 60 for the bootstrap, 5 for its
                   etcd member, 60 for nodes, 60 for the version, 30 for operators

Exit code 0: it has come so far. 1: problems in the site or the kubeconfig. 2: usage.
Not in time, as openshift-install: 4 API, 5 bootstrap, 6 nodes or version,
7 operators. 8: interrupted.`,

  async run(args, terminal) {
    const { goal, sitePath, clusterName, timeoutMs } = readArguments(args)
    const prepared = await prepare(sitePath)
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
      const api = connectCluster({ kubeconfig, clock })
      try {
        const outcome = await waitFor({
          ...{ api, stages, clock, signal, tell: (event) => report.tell(event) },
          ...(timeoutMs === undefined ? {} : { timeoutMs }),
        })
        if (outcome.kind === 'complete') return ExitCode.fine
        return outcome.kind === 'late' ? outcome.stage.exitCode : WaitExitCode.interrupt
      } finally {
        clearInterval(ticking)
        api.close()
      }
    })
  },
}

type Arguments = {
  readonly goal: Goal
  readonly sitePath: string
  readonly clusterName: string | undefined
  readonly timeoutMs: number | undefined
}

function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { cluster: { type: 'string' }, timeout: { type: 'string' } },
  })
  const [word, sitePath, ...more] = positionals
  if (word === undefined || sitePath === undefined || more.length > 0) {
    throw new UsageError(`wait takes one of ${goals.join(', ')} and a site file`)
  }
  const goal = goals.find((each) => each === word)
  if (goal === undefined) {
    throw new UsageError(`cannot wait for ${JSON.stringify(word)}${didYouMean(word, goals)}`)
  }
  const { cluster: clusterName, timeout } = values
  return {
    goal,
    sitePath,
    clusterName,
    timeoutMs: timeout === undefined ? undefined : parseTimeLimit(timeout),
  }
}

function chooseCluster({ site }: Model, name: string | undefined): Cluster {
  const names = site.clusters.map((cluster) => cluster.name)
  const [first, ...others] = site.clusters
  if (first === undefined) throw new UsageError('the site has no cluster')
  if (name === undefined && others.length > 0) {
    throw new UsageError(`the site has several clusters: add --cluster ${names.join(' or ')}`)
  }
  const wanted = name ?? first.name
  const chosen = site.clusters.find((cluster) => cluster.name === wanted)
  if (chosen !== undefined) return chosen
  throw new UsageError(`the site has no cluster ${wanted}; it has ${names.join(', ')}`)
}
