/** What arming a whole cluster will overwrite: a line for each node with what slipway knows of its machine. Pure. */
import type { MemberReport } from '../../cluster/report.ts'
import type { NodeReport } from '../../install/reports.ts'
import { pluralize, formatDuration } from '../../text/format.ts'
import { printable } from '../../text/printable.ts'
import { alignColumns } from '../../text/lines.ts'
import { paint, type OutputStyle } from './output.ts'
import { stateText } from './status.ts'

export type InstallTarget = { readonly node: NodeReport; readonly member: MemberReport | undefined }

/** Returns whether the node is part of a running cluster, so that arming it destroys a working system. */
export function isInUse({ member }: InstallTarget): boolean {
  return member?.state === 'ready' || member?.state === 'not-ready'
}

export function installLines(
  cluster: string,
  targets: readonly InstallTarget[],
  now: number,
  output: OutputStyle,
): string[] {
  const rows = targets.map((target) => [
    target.node.node,
    target.node.role,
    target.node.mac,
    printable(contentText(target, now)),
  ])
  const [header = '', ...lines] = alignColumns([
    ['node', 'role', 'MAC', 'what installing overwrites'],
    ...rows,
  ])
  return [
    `${paint(output, 'bold', cluster)}: installing overwrites the disks of ${pluralize(targets.length, 'node')}`,
    '',
    paint(output, 'dim', header),
    ...lines.map((line, index) => {
      const target = targets[index]
      return target !== undefined && isInUse(target) ? paint(output, 'red', line) : line
    }),
  ]
}

function contentText(target: InstallTarget, now: number): string {
  const { node, member } = target
  if (isInUse(target)) {
    return `a node of the running cluster (${member?.state === 'ready' ? 'Ready' : 'not Ready'})`
  }
  if (node.mode === 'installed') return `the system that slipway installed (${stateText(node, now)})`
  if (node.lastSeen === undefined) return 'unknown: slipway has never seen this machine'
  const seen = formatDuration(Math.max(0, now - node.lastSeen))
  return `unknown: ${node.reason}; seen ${seen} ago`
}
