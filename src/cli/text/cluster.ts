/**
 * The state of clusters: a line for each above the table of nodes, one cluster in full, and what arming it overwrites. Pure.
 */
import type { BootstrapState } from '../../cluster/records.ts'
import type { ClusterStatus, MemberReport, RequestCounts, StageReport } from '../../cluster/report.ts'
import { formatDuration, pluralize } from '../../text/format.ts'
import { wrap, alignColumns, printable } from '../../text/lines.ts'
import { dateTime, paint, type OutputStyle, type Style } from './output.ts'
import type { NodeReport } from '../../install/reports.ts'
import { macsText } from '../../plan/model.ts'
import { stateText } from '../../install/step-text.ts'

/** Each completes a sentence that starts with "bootstrap". */
export const bootstrapTexts: Readonly<Record<BootstrapState['kind'], string>> = {
  kept: 'stays in the load balancer',
  out: 'is out of the load balancer',
  waiting: 'will leave the load balancer when bootstrapping is complete',
}

/** Returns a line for each cluster that slipway follows, and why one is not reachable. */
export function clusterLines(clusters: readonly ClusterStatus[], now: number, output: OutputStyle): string[] {
  const asked = clusters.filter(({ stages }) => stages.length > 0)
  return [
    ...asked.flatMap((standing) => {
      const parts = [progressText(standing, now), pendingText(standing.requests)]
      const text = parts.filter((part) => part !== '').join('; ')
      return text === '' ? [] : folded([`${standing.cluster}:`, 'bold'], text, output)
    }),
    ...asked.filter(hasNotice).flatMap(({ cluster, trouble = '' }) => {
      return folded(['!', 'yellow'], `${cluster}: ${trouble}`, output)
    }),
  ]
}

/** Returns one cluster in full: stages, what is missing, bootstrap, certificate requests, nodes. */
export function statusLines(standing: ClusterStatus, now: number, output: OutputStyle): string[] {
  const { cluster, trouble, stages, members, bootstrap, requests } = standing
  return [
    ...folded([`${cluster}:`, 'bold'], progressText(standing, now) || 'no information', output),
    ...(trouble === undefined ? [] : folded(['!', 'yellow'], trouble, output)),
    ...(stages.length === 0 ? [] : ['', ...stageLines(standing, now, output)]),
    '',
    ...(bootstrap === undefined ? [] : folded(['bootstrap    '], bootstrapText(bootstrap, now), output)),
    ...folded(['certificates '], requestsText(requests), output),
    ...(members.length === 0 ? [] : ['', ...memberLines(members, now, output)]),
  ]
}

/** `3 of 5 nodes Ready, waiting for operators`; empty for a cluster that was never reachable. */
function progressText({ stages, members, trouble }: ClusterStatus, now: number): string {
  const ready = members.filter(({ state }) => state === 'ready').length
  const isKnown = members.some(({ state }) => state !== 'unknown')
  const awaited = stages.find(({ name, state }) => state === 'under-way' && name !== 'nodes')
  const reason = awaited?.name === 'API' && trouble !== undefined ? `: ${trouble}` : ''
  const isInstalled = stages.length > 0 && stages.every(({ state }) => state === 'reached')
  return [
    ...(isKnown ? [`${ready} of ${members.length} nodes Ready`] : []),
    ...(awaited === undefined ? [] : [`waiting for ${awaited.name}${reason}`]),
    ...(isInstalled ? [installedText(stages.at(-1)?.reachedAt, now)] : []),
  ].join(', ')
}

function installedText(at: number | undefined, now: number): string {
  return at === undefined ? 'installed' : `installed ${formatDuration(Math.max(0, now - at))} ago`
}

/** Returns nothing when no request is pending. */
function pendingText({ approve, pending = 0 }: RequestCounts): string {
  if (pending === 0) return ''
  return `${pluralize(pending, 'certificate request')} pending: ${listCommands[approve]}`
}

function requestsText({ approve, pending, approved }: RequestCounts): string {
  const mode = {
    declared: `${approved} approved`,
    'dry-run': 'dry run',
    off: 'slipway does not approve requests',
  }[approve]
  if (pending === undefined) return `${mode}, pending requests unknown`
  return pending === 0 ? `none pending, ${mode}` : `${pending} pending, ${mode}: ${listCommands[approve]}`
}

const listCommands: Readonly<Record<RequestCounts['approve'], string>> = {
  declared: 'slipway csr list',
  'dry-run': 'slipway csr list',
  off: 'oc get csr',
}

/** An API that was never reachable is awaited, which is not a problem. */
export function hasNotice({ trouble, stages }: ClusterStatus): boolean {
  return trouble !== undefined && stages[0]?.state !== 'under-way'
}

function bootstrapText(bootstrap: NonNullable<ClusterStatus['bootstrap']>, now: number): string {
  const { kind, since, reason, refusal } = bootstrap
  if (refusal !== undefined) return `is complete and not drained yet: ${refusal.reason}`
  const time = kind === 'waiting' ? '' : ` for ${formatDuration(Math.max(0, now - since))}`
  return `${bootstrapTexts[kind]}${time}: ${reason}`
}

const timeColumns = '2026-11-21 10:16:00'.length

function stageLines({ stages, trouble }: ClusterStatus, now: number, output: OutputStyle): string[] {
  const width = Math.max(...stages.map(({ name }) => name.length))
  return [
    paint(output, 'dim', `  ${'stage'.padEnd(width)}  ${'reached (UTC)'.padEnd(timeColumns)}  took`),
    ...stages.flatMap((stage) => {
      const { name, note = '' } = stage
      // Omits what the top of the page shows.
      const missing = stage.missing.filter((each) => each !== trouble)
      const [time, took] = timesOf(stage, now)
      const cells = [name.padEnd(width), time.padEnd(timeColumns), took.padEnd(6), note]
      return [
        `${mark(stage, output)} ${printable(cells.join('  '))}`.trimEnd(),
        ...missing.flatMap((each) =>
          wrap(printable(each), Math.max(20, output.columns - 6)).map(
            (line, index) => `${index === 0 ? '    ' : '      '}${line}`,
          ),
        ),
      ]
    }),
  ]
}

function mark({ state }: StageReport, output: OutputStyle): string {
  switch (state) {
    case 'reached':
      return paint(output, 'green', '✓')
    case 'under-way':
      return paint(output, 'yellow', '…')
    case 'unknown':
      return paint(output, 'yellow', '?')
    case 'ahead':
      return ' '
  }
}

function timesOf(
  { state, since, reachedAt }: StageReport,
  now: number,
): readonly [time: string, took: string] {
  if (state === 'reached' && reachedAt === undefined) return ['earlier, not observed', '']
  const time = reachedAt === undefined ? '' : dateTime(reachedAt).replace(' UTC', '')
  return [time, since === undefined ? '' : formatDuration(Math.max(0, (reachedAt ?? now) - since))]
}

function memberLines(members: readonly MemberReport[], now: number, output: OutputStyle): string[] {
  const width = Math.max(...members.map(({ node }) => node.length))
  return [
    paint(output, 'dim', `${'node'.padEnd(width)}  in the cluster`),
    ...members.flatMap((member) => {
      const [text, style] = memberText(member, now)
      const lines = wrap(printable(text), Math.max(20, output.columns - width - 2))
      return lines.map((line, index) => {
        const name = index === 0 ? member.node : ''
        return `${name.padEnd(width)}  ${style === undefined ? line : paint(output, style, line)}`
      })
    }),
  ]
}

function memberText(
  { state, since, reason }: MemberReport,
  now: number,
): readonly [text: string, style?: Style] {
  const time = since === undefined ? '' : ` ${formatDuration(Math.max(0, now - since))}`
  switch (state) {
    case 'ready':
      return [`Ready${time}`, 'green']
    case 'not-ready':
      return [`not Ready${time}${reason === undefined ? '' : `: ${reason}`}`, 'yellow']
    case 'absent':
      return ['not registered']
    case 'unknown':
      return ['unknown', 'dim']
  }
}

/** Wraps a text behind its lead, aligned. */
function folded(
  [lead, style]: readonly [lead: string, style?: Style],
  text: string,
  output: OutputStyle,
): string[] {
  const shown = style === undefined ? lead : paint(output, style, lead)
  const lines = wrap(printable(text), Math.max(20, output.columns - lead.length - 1))
  return lines.map((line, index) => `${index === 0 ? shown : ' '.repeat(lead.length)} ${line}`)
}

type InstallTarget = { readonly node: NodeReport; readonly member: MemberReport | undefined }

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
    macsText(target.node),
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
