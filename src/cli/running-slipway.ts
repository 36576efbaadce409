/** What commands that change a site ask of the slipway that serves it. */
import type { PendingCsrs } from '../cluster/csr/approver.ts'
import type { NodeReport, NodeStory } from '../install/reports.ts'
import type { Applied } from '../serve/haproxy/apply.ts'
import type { ServerState } from '../serve/haproxy/servers.ts'
import { askControl, ControlProblem } from './control.ts'
import type { Hearsay, Sight } from './node-sight.ts'

export type BalancedServer = Pick<
  ServerState,
  'node' | 'backend' | 'server' | 'status' | 'isUp' | 'isLeaving' | 'connections' | 'sentence'
>

export type BalancerReport = {
  /** How the last change went. */
  readonly applied: Applied
  readonly unreachable?: string
  readonly servers: readonly BalancedServer[]
}

export type RunningStatus = {
  readonly site: string
  readonly nodes: readonly NodeReport[]
  readonly haproxy?: BalancerReport
}

/**
 * The status of the slipway that serves this site: who writes a node into one file and watches another waits in vain.
 *
 * @throws {ControlProblem} when it cannot be asked, or serves another site
 */
export async function statusOfSite(path: string, site: string): Promise<RunningStatus> {
  const status = await askControl<RunningStatus>(path, '/v1/status')
  if (status.site === site) return status
  throw new ControlProblem(
    `the slipway at ${path} serves the site ${status.site}, not ${site}; nothing is changed`,
  )
}

/** @throws {ControlProblem} when slipway cannot be asked, or has no such node */
export async function sightOf(path: string, key: string): Promise<Sight> {
  const cluster = key.slice(0, key.indexOf('/'))
  const [story, report, csrs] = await Promise.all([
    askControl<NodeStory>(path, `/v1/nodes/${key}`),
    clusterReport(path, cluster),
    askControl<PendingCsrs[]>(path, '/v1/csrs'),
  ])
  return { story, cluster: report, csrs: csrs.find((each) => each.cluster === cluster) }
}

/** Why it has none to give is a trouble like others. */
export async function clusterReport(path: string, cluster: string): Promise<Hearsay> {
  try {
    return await askControl<Hearsay>(path, `/v1/clusters/${cluster}`)
  } catch (error) {
    if (!(error instanceof ControlProblem) || error.refusal === undefined) throw error
    return { trouble: error.message, members: [] }
  }
}
