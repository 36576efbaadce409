/**
 * What a change of the site means for the next network boot of each node, from the installation records of the running
 * slipway. It replaces the conditional consequence that only the comparison of two site files can give. Pure.
 */
import type { Change, Changes, Detail, Effect } from '../plan/changes/change.ts'
import { shownDisk } from '../plan/disks/target.ts'
import type { InstallPlan } from '../plan/install.ts'
import type { NodeModel } from '../plan/model.ts'
import type { Installs, NodeRecord } from './installs.ts'
import { nodeStates } from './node-states.ts'

export type NextPlan = {
  readonly install: InstallPlan
  readonly nodes: readonly Pick<NodeModel, 'key' | 'disk' | 'wipe'>[]
}

export function withNextBoots(
  changes: Changes,
  next: NextPlan,
  installs: Pick<Installs, 'list' | 'previewRecord'>,
): Changes {
  if (!changes.items.some(({ kind }) => kind === 'node')) return changes
  const records = new Map(installs.list().map((record) => [record.node, record]))
  const models = new Map(next.nodes.map((node) => [node.key, node]))
  const items = changes.items.map((item): Change => {
    const [node, model] = [next.install.get(item.name), models.get(item.name)]
    if (item.kind !== 'node' || node === undefined || model === undefined) return item
    return withNextBoot(item, records.get(item.name), installs.previewRecord(node), model)
  })
  return { ...changes, items }
}

function withNextBoot(
  item: Change,
  was: NodeRecord | undefined,
  is: NodeRecord,
  model: NextPlan['nodes'][number],
): Change {
  const isConditional = item.effects.some(isAboutNextBoot)
  const isOther = was?.mode !== is.mode
  if (!isOther && !isConditional) return item
  const detail: Detail = {
    label: 'next boot',
    ...(was !== undefined && { before: nodeStates[was.mode].networkBoot }),
    after: nodeStates[is.mode].networkBoot,
  }
  return {
    ...item,
    details: isOther ? [...item.details, detail] : item.details,
    effects: [
      ...item.effects.filter((effect) => !isAboutNextBoot(effect)),
      ...(isOther || is.mode !== 'install' ? [nextBootEffect(is, model)] : []),
    ],
  }
}

function isAboutNextBoot({ code }: Effect): boolean {
  return code === 'plan.node-installs' || code === 'plan.node-not-installed'
}

function nextBootEffect({ mode, reason, armedUntil }: NodeRecord, node: NextPlan['nodes'][number]): Effect {
  if (mode !== 'install') {
    const text = `its next network boot leads to ${nodeStates[mode].networkBoot}: ${reason}`
    return { code: 'plan.node-not-installed', text }
  }
  const isErased = node.wipe === 'always' || armedUntil !== undefined
  const name = shownDisk(node) ?? 'its disk'
  const text = isErased
    ? `its next network boot installs it and ERASES ${name}`
    : `its next network boot installs it on ${name}, unless that disk holds data`
  return { code: 'plan.node-installs', text }
}
