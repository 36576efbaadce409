/** Where clusters stand, for a terminal: a line for each above a table of nodes, or one of them at length. Pure. */
import type { BootstrapState } from '../../cluster/bootstrap-record.ts'
import type { ClusterStanding, MemberReport, RequestCounts, StageReport } from '../../cluster/report.ts'
import { formatDuration } from '../../text/duration.ts'
import { wrap } from '../../text/wrap.ts'
import { calendarDay, clockTime, paint, type OutputStyle, type Style } from './output.ts'
import { printable } from '../../text/printable.ts'

/** Each goes on from "its bootstrap". */
export const bootstrapWords: Readonly<Record<BootstrapState['kind'], string>> = {
  kept: 'stays behind the load balancer',
  out: 'is out of the load balancer',
  waiting: 'leaves the load balancer when it has done its work',
}

/** A line for each that somebody can ask, and why one is not heard. */
export function clusterLines(
  clusters: readonly ClusterStanding[],
  now: number,
  paper: OutputStyle,
): string[] {
  const asked = clusters.filter(({ stages }) => stages.length > 0)
  return [
    ...asked.flatMap((standing) => {
      const parts = [progressText(standing, now), pendingText(standing.requests)]
      const text = parts.filter((part) => part !== '').join('; ')
      return text === '' ? [] : folded([`${standing.cluster}:`, 'bold'], text, paper)
    }),
    ...asked.filter(hasNotice).flatMap(({ cluster, trouble = '' }) => {
      return folded(['!', 'yellow'], `${cluster}: ${trouble}`, paper)
    }),
  ]
}

/** One cluster at length: its stages, what they lack, its bootstrap, its requests, its nodes. */
export function statusLines(standing: ClusterStanding, now: number, paper: OutputStyle): string[] {
  const { cluster, trouble, stages, members, bootstrap, requests } = standing
  return [
    ...folded([`${cluster}:`, 'bold'], progressText(standing, now) || 'not heard', paper),
    ...(trouble === undefined ? [] : folded(['!', 'yellow'], trouble, paper)),
    ...(stages.length === 0 ? [] : ['', ...stageLines(standing, now, paper)]),
    '',
    ...(bootstrap === undefined ? [] : folded(['bootstrap    '], bootstrapText(bootstrap, now), paper)),
    ...folded(['certificates '], requestsText(requests), paper),
    ...(members.length === 0 ? [] : ['', ...memberLines(members, now, paper)]),
  ]
}

/** `3 of 5 nodes Ready, waiting for operators`; nothing of one that was never heard. */
function progressText({ stages, members, trouble }: ClusterStanding, now: number): string {
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

/** Nothing when none is pending. */
function pendingText({ approve, pending = 0 }: RequestCounts): string {
  if (pending === 0) return ''
  return `${pending} certificate ${pending === 1 ? 'request' : 'requests'} pending: ${listCommands[approve]}`
}

function requestsText({ approve, pending, approved }: RequestCounts): string {
  const mode = { declared: `${approved} approved`, 'dry-run': 'dry run', off: 'slipway approves none' }[
    approve
  ]
  if (pending === undefined) return `${mode}, those pending are not known`
  return pending === 0 ? `none pending, ${mode}` : `${pending} pending, ${mode}: ${listCommands[approve]}`
}

const listCommands: Readonly<Record<RequestCounts['approve'], string>> = {
  declared: 'slipway csr list',
  'dry-run': 'slipway csr list',
  off: 'oc get csr',
}

/** An API that was never up is waited for; that is no trouble. */
function hasNotice({ trouble, stages }: ClusterStanding): boolean {
  return trouble !== undefined && stages[0]?.state !== 'under-way'
}

function bootstrapText({ kind, since, reason }: BootstrapState, now: number): string {
  const time = kind === 'waiting' ? '' : ` for ${formatDuration(Math.max(0, now - since))}`
  return `${bootstrapWords[kind]}${time}: ${reason}`
}

const timeColumns = '2026-11-21 10:16:00'.length

function stageLines({ stages, trouble }: ClusterStanding, now: number, paper: OutputStyle): string[] {
  const width = Math.max(...stages.map(({ name }) => name.length))
  return [
    paint(paper, 'dim', `  ${'stage'.padEnd(width)}  ${'reached'.padEnd(timeColumns)}  took`),
    ...stages.flatMap((stage) => {
      const { name, note = '' } = stage
      // What is said at the top already.
      const missing = stage.missing.filter((each) => each !== trouble)
      const [time, took] = timesOf(stage, now)
      const cells = [name.padEnd(width), time.padEnd(timeColumns), took.padEnd(6), note]
      return [
        `${mark(stage, paper)} ${printable(cells.join('  '))}`.trimEnd(),
        ...missing.flatMap((each) =>
          wrap(printable(each), Math.max(20, paper.columns - 6)).map(
            (line, index) => `${index === 0 ? '    ' : '      '}${line}`,
          ),
        ),
      ]
    }),
  ]
}

function mark({ state }: StageReport, paper: OutputStyle): string {
  switch (state) {
    case 'reached':
      return paint(paper, 'green', '✓')
    case 'under-way':
      return paint(paper, 'yellow', '…')
    case 'unknown':
      return paint(paper, 'yellow', '?')
    case 'ahead':
      return ' '
  }
}

function timesOf(
  { state, since, reachedAt }: StageReport,
  now: number,
): readonly [time: string, took: string] {
  if (state === 'reached' && reachedAt === undefined) return ['before it was asked', '']
  const time = reachedAt === undefined ? '' : `${calendarDay(reachedAt)} ${clockTime(reachedAt)}`
  return [time, since === undefined ? '' : formatDuration(Math.max(0, (reachedAt ?? now) - since))]
}

function memberLines(members: readonly MemberReport[], now: number, paper: OutputStyle): string[] {
  const width = Math.max(...members.map(({ node }) => node.length))
  return [
    paint(paper, 'dim', `${'node'.padEnd(width)}  in the cluster`),
    ...members.flatMap((member) => {
      const [text, style] = memberText(member, now)
      const lines = wrap(printable(text), Math.max(20, paper.columns - width - 2))
      return lines.map((line, index) => {
        const name = index === 0 ? member.node : ''
        return `${name.padEnd(width)}  ${style === undefined ? line : paint(paper, style, line)}`
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
      return ['has not registered']
    case 'unknown':
      return ['not known', 'dim']
  }
}

/** Whole, over as many lines as it needs, below each other. */
function folded(
  [lead, style]: readonly [lead: string, style?: Style],
  text: string,
  paper: OutputStyle,
): string[] {
  const shown = style === undefined ? lead : paint(paper, style, lead)
  const lines = wrap(printable(text), Math.max(20, paper.columns - lead.length - 1))
  return lines.map((line, index) => `${index === 0 ? shown : ' '.repeat(lead.length)} ${line}`)
}
