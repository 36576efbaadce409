/** The state of each node with its latest step and its symptom, for the local API and the metrics. */
import type { Clock } from '../host/clock.ts'
import type { NodeModel } from '../plan/model.ts'
import { formatIpv4 } from '../proto/address/ip.ts'
import type { Installs, NodeRecord } from './installs.ts'
import type { Step } from './step.ts'
import { symptomOf, type Symptom } from './symptoms.ts'
import { latestStep, timelineOf, type Timeline } from './timeline.ts'

export type NodeReport = NodeRecord &
  Pick<NodeModel, 'role' | 'mac' | 'fqdn'> & {
    readonly address: string
    /** The latest step of the latest boot; without a boot, the latest report of its cluster. */
    readonly step?: Step
    readonly symptom?: Symptom
  }

export type NodeDetails = NodeReport & Timeline

export type Reports = {
  /** Sorted as in the site file. */
  list(): readonly NodeReport[]
  /** As {@link list}, in several turns of the event loop, so that DNS and DHCP do not wait for many nodes. */
  listInTurns(): Promise<readonly NodeReport[]>
  details(node: string): NodeDetails | undefined
  close(): void
}

type Options = {
  readonly installs: Pick<Installs, 'list' | 'history' | 'subscribe'>
  /** Returns the nodes of the active plan. */
  readonly nodes: () => readonly NodeModel[]
  readonly clock: Clock
  /** The longest time in one turn of the event loop. */
  readonly turnMs?: number
}

export function createReports({ installs, nodes, clock, turnMs = 5 }: Options): Reports {
  /** Computed on demand, and again after a new observation of the node. */
  const timelines = new Map<string, Timeline>()
  const unsubscribe = installs.subscribe(({ node }) => void timelines.delete(node))

  function timeline(node: string): Timeline {
    const known = timelines.get(node)
    if (known !== undefined) return known
    const made = timelineOf(installs.history(node))
    timelines.set(node, made)
    return made
  }

  function report(model: NodeModel, record: NodeRecord): NodeReport {
    const { role, mac, fqdn, address } = model
    const history = timeline(record.node)
    const boot = history.boots.at(-1)
    const step = shownStep(boot?.steps ?? history.words, boot && latestStep(boot))
    const context = { record, timeline: history, usesDhcp: usesDhcp(model), now: clock.now() }
    const symptom = symptomOf(context)
    return {
      ...record,
      ...{ role, mac, fqdn, address: formatIpv4(address) },
      ...(step && { step }),
      ...(symptom && { symptom }),
    }
  }

  function list(): NodeReport[] {
    const models = new Map(nodes().map((model) => [model.key, model]))
    return installs.list().flatMap((record) => {
      const model = models.get(record.node)
      return model === undefined ? [] : [report(model, record)]
    })
  }

  async function listInTurns(): Promise<NodeReport[]> {
    const models = new Map(nodes().map((model) => [model.key, model]))
    const reports: NodeReport[] = []
    let startedAt = performance.now()
    for (const record of installs.list()) {
      const model = models.get(record.node)
      if (model !== undefined) reports.push(report(model, record))
      if (performance.now() - startedAt < turnMs) continue
      await new Promise((resolve) => setImmediate(resolve))
      startedAt = performance.now()
    }
    return reports
  }

  return {
    list,
    listInTurns,
    details(node) {
      const model = nodes().find(({ key }) => key === node)
      const record = installs.list().find((each) => each.node === node)
      return model && record && { ...report(model, record), ...timeline(node) }
    },
    close: unsubscribe,
  }
}

/** Returns false if `ip=` gives the system a static address. */
function usesDhcp({ kernelArguments }: Pick<NodeModel, 'kernelArguments'>): boolean {
  return !kernelArguments.some((argument) => /^ip=[\d[]/.test(argument))
}

/**
 * Returns the step that the status shows. The kubelet of a Ready node renews its certificates, and the node stays Ready.
 *
 * @param latest by default the last of `steps`
 */
function shownStep(steps: readonly Step[], latest = steps.at(-1)): Step | undefined {
  const isApproval = latest?.kind === 'approved-client' || latest?.kind === 'approved-serving'
  const readiness = steps
    .filter(({ kind }) => kind === 'ready' || kind === 'not-ready' || kind === 'removed')
    .sort((a, b) => a.sequence - b.sequence)
    .at(-1)
  return isApproval && readiness?.kind === 'ready' ? readiness : latest
}
