/**
 * Which installers overwrite a disk before slipway can find out what is on it. Each of their installations needs an
 * administrator, unless the site file has `wipe: always` (docs/decisions/0033). Pure.
 */
import { listSome } from '../text/format.ts'
import { imageFacts, missingFor } from './boot/installation.ts'
import type { PlanFinding } from './codes.ts'
import { bootSource, type Model, type NodeModel } from './model.ts'
import { checksDisk, diskCheckPlace, otherDisks } from './systems/answers.ts'

/** Why nothing looks at the disk first, and another fix than `wipe: always`, which it continues. */
export type UncheckedDisk = { readonly why: string; readonly fix: string }

/** Returns nothing for an installer that asks slipway first. */
export function uncheckedDisk(model: Model, node: NodeModel): UncheckedDisk | undefined {
  const withoutCallbacks = node.callbacks ? undefined : { why: noCallbacks, fix: 'set callbacks: true, or ' }
  switch (node.system?.os) {
    case undefined:
      return uncheckedNode(model, node, withoutCallbacks)
    case 'flatcar':
      return undefined
    case 'fcos':
      return withoutCallbacks
    case 'talos':
      return { why: 'Talos cannot ask slipway before it overwrites the disk', fix: 'or ' }
    default:
      if (checksDisk(model, node)) return uncheckedOthers(model, node)
      return withoutCheck(diskCheckPlace(node))
  }
}

/** A check in a comment, or in a command that runs later, does not count. */
function withoutCheck(place: string | undefined): UncheckedDisk {
  const where = place === undefined ? '' : ` to ${place}`
  return { why: 'no answer file runs {{slipway.diskCheck}} in time', fix: `add the check${where}, or ` }
}

/** The check looks at one disk, so it permits no installer to overwrite others. */
function uncheckedOthers(model: Model, node: NodeModel): UncheckedDisk | undefined {
  const others = otherDisks(model, node)
  if (others === undefined) return undefined
  const { line, why, fix } = others
  return { why: `${why} (line ${line}), but the disk check looks at one disk`, fix }
}

const noCallbacks = 'with callbacks: false, nothing looks at the disk first'

/** For a node of a cluster. In some live systems, no unit of slipway can run. */
function uncheckedNode(
  model: Model,
  node: NodeModel,
  withoutCallbacks: UncheckedDisk | undefined,
): UncheckedDisk | undefined {
  switch (imageFacts(model, bootSource(node)).style) {
    case 'script':
      // The other installer starts only when its own server permits it.
      return undefined
    case 'agent':
      return { why: 'files of the agent-based installer run no disk check', fix: 'or ' }
    case 'installer':
      return { why: 'images of OpenShift 4.5 run no disk check', fix: 'or ' }
    default:
      if (node.ignition !== 'single') return withoutCallbacks
      return { why: 'a single node runs no disk check', fix: 'or ' }
  }
}

/** Reports the nodes of clusters whose installers do not ask, once for each reason. */
export function uncheckedNodes(model: Model): PlanFinding[] {
  const unchecked = model.nodes.flatMap((node) => {
    const { system, boot, wipe, ignition } = node
    if (system !== undefined || boot === 'local' || wipe === 'always') return []
    const reason = uncheckedDisk(model, node)
    // A node that lacks files cannot be installed at all.
    return reason === undefined || missingFor(model, node, ignition).length > 0 ? [] : [{ ...reason, node }]
  })
  const groups = Map.groupBy(unchecked, ({ node, why }) => `${node.cluster} ${why}`)
  return [...groups.values()].map((group) => {
    const [first] = group as [(typeof unchecked)[number]]
    const names = listSome(
      group.map(({ node }) => node.name),
      8,
    )
    const message = `${first.why}, so each installation of ${names} needs slipway node install: run it, ${first.fix}set wipe: always`
    return {
      code: 'plan.disk-not-checked',
      severity: 'warning',
      about: `cluster ${first.node.cluster}`,
      message,
    }
  })
}
