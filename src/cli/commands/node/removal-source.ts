/** Where `slipway node remove` removes nodes from the site file: on this machine, or on a server through its API. */
import { describeRemoved, keysToRemove, manualSteps, removalBlockers } from '../../../cluster/removal.ts'
import type { RemovalResult } from '../../../site-removal.ts'
import { explain, loadSiteFile } from '../../../site-file.ts'
import { removeNodes } from '../../../site/edit/remove.ts'
import type { Site } from '../../../site/schema.ts'
import {
  askControl,
  clusterReport,
  ControlProblem,
  memberOf,
  statusOfSite,
  type BalancedServer,
  type RunningStatus,
} from '../../client.ts'
import { UsageError, type Terminal } from '../../command.ts'
import { editSite } from '../../site-edit.ts'

export type RemovalPlan = {
  /** The keys of all named nodes, also of those that HAProxy still drains. */
  readonly keys: readonly string[]
  /** The nodes that the site file has. */
  readonly present: readonly string[]
  /** What is left to do by hand. */
  readonly manualSteps: readonly string[]
  /** Why only `--force` removes the nodes. */
  readonly blockers: readonly string[]
  /** All servers of the load balancer. */
  readonly servers: readonly BalancedServer[]
}

export type RemovalSource = {
  /** @throws {ControlProblem} without the running slipway, because no server could be drained */
  plan(): Promise<RemovalPlan>
  /** Removes the nodes from the site file. Returns whether it did; the reason for a refusal is printed. */
  write(plan: RemovalPlan): Promise<boolean>
  /**
   * Prints the change of the site file.
   *
   * @returns why the removal would be refused; undefined if the change is not possible, or could not be checked
   */
  preview(): Promise<Preview>
}

type Preview =
  | { readonly kind: 'checked'; readonly blockers: readonly string[] }
  | { readonly kind: 'unchecked' }
  | { readonly kind: 'refused' }

type SourceOptions = {
  readonly names: readonly string[]
  readonly control: string
  readonly terminal: Terminal
}

/** Returns nothing if the site has errors, which are printed. */
export async function localSource(
  sitePath: string,
  { names, control, terminal }: SourceOptions,
): Promise<RemovalSource | undefined> {
  const loaded = await loadSiteFile(sitePath)
  if (loaded.kind !== 'site') {
    for (const line of explain(loaded)) terminal.err(line)
    return undefined
  }
  const { site } = loaded

  async function undeclare(keys: readonly string[], isDry: boolean): Promise<boolean> {
    const edit = { command: 'node remove', sitePath, isDry, terminal }
    const removed = await editSite(edit, (text, file) => removeNodes(text, file, keys))
    for (const { key, line } of isDry ? [] : (removed?.nodes ?? [])) {
      terminal.out(removedLine(sitePath, line, key))
    }
    return removed !== undefined
  }

  return {
    async plan() {
      const { haproxy } = await statusOfSite(control, site.site)
      const servers = haproxy?.servers ?? []
      const keys = checkedKeys(names, site, drainingOf(servers))
      const nodes = await describeRemoved(site, keys, reportedBy(control))
      return {
        keys,
        present: nodes.map(({ key }) => key),
        manualSteps: nodes.flatMap(manualSteps),
        blockers: removalBlockers(nodes, servers),
        servers,
      }
    },
    write: ({ present }) => undeclare(present, false),
    async preview() {
      const keys = checkedKeys(names, site, [])
      if (!(await undeclare(keys, true))) return { kind: 'refused' }
      try {
        const { haproxy } = await statusOfSite(control, site.site)
        const nodes = await describeRemoved(site, keys, reportedBy(control))
        return { kind: 'checked', blockers: removalBlockers(nodes, haproxy?.servers ?? []) }
      } catch (error) {
        if (!(error instanceof ControlProblem)) throw error
        // The change of the file is useful without slipway, the removal is not possible.
        terminal.err(`slipway node remove: not checked against the cluster: ${error.message}`)
        return { kind: 'unchecked' }
      }
    },
  }
}

function drainingOf(servers: readonly BalancedServer[]): string[] {
  return servers.filter(({ isLeaving }) => isLeaving).map(({ node }) => node)
}

/** @throws {UsageError} for a name that no node has */
function checkedKeys(names: readonly string[], site: Site, draining: readonly string[]): readonly string[] {
  const keys = keysToRemove(names, site, draining)
  if (typeof keys === 'string') throw new UsageError(keys)
  return keys
}

function reportedBy(control: string) {
  const reports = new Map<string, ReturnType<typeof clusterReport>>()
  return async (cluster: string, key: string) => {
    const report = reports.get(cluster) ?? clusterReport(control, cluster)
    reports.set(cluster, report)
    return memberOf(await report, key)
  }
}

/** `diff` is absent for a user who cannot read the site file. */
type Planned = Omit<Exclude<RemovalResult, { outcome: 'refused' }>, 'diff'> & {
  readonly diff?: readonly string[]
}

type ServerOptions = SourceOptions & {
  /** Removes the nodes despite the blockers. */
  readonly isForced: boolean
  /** Receives the path of the site file on the server. */
  readonly onFile: (file: string) => void
}

export function serverSource({ names, control, terminal, isForced, onFile }: ServerOptions): RemovalSource {
  let base: string | undefined

  const send = async (more: object): Promise<Planned> => {
    const body = { nodes: names, ...more }
    try {
      const planned = await askControl<Planned>(control, '/v1/nodes/remove', 'POST', undefined, body)
      onFile(planned.file)
      return planned
    } catch (error) {
      const isUnknown = error instanceof ControlProblem && error.refusal?.code === 'server.unknown-node'
      throw isUnknown ? new UsageError(error.message) : error
    }
  }

  return {
    async plan() {
      const { haproxy } = await askControl<RunningStatus>(control, '/v1/status')
      const planned = await send({})
      ;({ base } = planned)
      return {
        keys: planned.keys,
        present: planned.nodes.map(({ node }) => node),
        manualSteps: planned.nodes.flatMap((each) => each.manualSteps),
        blockers: planned.blockers,
        servers: haproxy?.servers ?? [],
      }
    },
    async write() {
      const { file, nodes } = await send({ base, force: isForced })
      for (const { node, line } of nodes) terminal.out(removedLine(file, line, node))
      return true
    },
    async preview() {
      const { file, diff, nodes, blockers } = await send({})
      // Only an administrator can read lines of the site file.
      for (const line of diff ?? nodes.map((each) => `${file}:${each.line}: ${each.node}`)) terminal.out(line)
      return { kind: 'checked', blockers }
    },
  }
}

function removedLine(file: string, line: number, key: string): string {
  return `${file}:${line}: ${key} removed`
}
