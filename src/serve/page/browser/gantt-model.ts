/** The boot of a node as bars on a time axis, beside the boots of its siblings. Pure. */
import type { Boot } from '../../../install/timeline.ts'
import type { Step } from '../../../install/step.ts'
import { stepKinds } from '../../../install/step-kinds.ts'
import { stepDetail } from '../../../install/step-text.ts'

export type Bar = {
  /** Fractions of the axis. */
  readonly from: number
  readonly to: number
  readonly node: string
}

export type Mark = 'done' | 'active' | 'unsure' | 'failed'

export type GanttRow = {
  readonly kind: Step['kind']
  readonly title: string
  readonly detail: string
  readonly mark: Mark
  readonly count: number
  readonly startedAt: number
  readonly durationMs: number
  readonly octetsPerSecond: number | undefined
  readonly bar: Bar
  /** The same step of each sibling. */
  readonly siblings: readonly Bar[]
  /** The median duration of the siblings; undefined without siblings. */
  readonly usualMs: number | undefined
}

export type Gantt = { readonly spanMs: number; readonly rows: readonly GanttRow[] }

type Sibling = { readonly node: string; readonly boot: Boot }

/** @param now milliseconds since 1970; an active step lasts until then */
export function ganttOf(node: string, boot: Boot, siblings: readonly Sibling[], now: number): Gantt {
  const own = boot.steps.map((step) => ({ step, ...extent(step, boot, now) }))
  const others = siblings.map((sibling) => ({
    ...sibling,
    steps: sibling.boot.steps.map((step) => ({ step, ...extent(step, sibling.boot, now) })),
  }))
  const rows = own.map((each) => ({
    ...each,
    same: others.flatMap(({ node: name, steps }) => {
      const found = steps.find(({ step }) => step.kind === each.step.kind && isSameFile(step, each.step))
      return found === undefined ? [] : [{ name, ...found }]
    }),
  }))
  // A sibling that took much longer must not compress the bars of the node.
  const ownMs = Math.max(1000, ...own.map(({ endMs }) => endMs))
  const longestMs = Math.max(ownMs, ...rows.flatMap(({ same }) => same.map(({ endMs }) => endMs)))
  const spanMs = Math.min(2 * ownMs, longestMs)
  const bar = (name: string, { startMs, endMs }: Extent): Bar => ({
    node: name,
    from: Math.min(1, startMs / spanMs),
    to: Math.min(1, endMs / spanMs),
  })
  return { spanMs, rows: rows.map(rowOf) }

  function rowOf({ step, startMs, endMs, same }: (typeof rows)[number]): GanttRow {
    const durations = same.map((each) => each.endMs - each.startMs)
    return {
      kind: step.kind,
      title: stepKinds[step.kind].title,
      detail: stepDetail(step),
      mark: markOf(step),
      count: step.count,
      startedAt: step.startedAt,
      durationMs: endMs - startMs,
      octetsPerSecond: step.octetsPerSecond,
      bar: bar(node, { startMs, endMs }),
      siblings: same.map((each) => bar(each.name, each)),
      usualMs: median(durations),
    }
  }
}

type Extent = { readonly startMs: number; readonly endMs: number }

/** Returns when a step ran, relative to the start of its boot. A download that is repeated keeps its last duration. */
function extent(step: Step, boot: Boot, now: number): Extent {
  const startMs = Math.max(0, step.startedAt - boot.startedAt)
  const endedAt =
    step.outcome === 'under-way' ? now : Math.max(step.endedAt, step.startedAt + step.durationMs)
  return { startMs, endMs: Math.max(startMs, endedAt - boot.startedAt) }
}

/** Several loaders can follow each other in one boot. */
function isSameFile(a: Step, b: Step): boolean {
  return a.kind !== 'loader' || a.what === b.what
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)]
}

export function markOf({ kind, outcome }: Pick<Step, 'kind' | 'outcome'>): Mark {
  const { mark } = stepKinds[kind]
  if (mark === 'failed') return 'failed'
  if (mark === 'pending') return 'active'
  switch (outcome) {
    case 'done':
      return 'done'
    case 'under-way':
      return 'active'
    case 'offered':
    case 'probed':
    case 'unconfirmed':
      return 'unsure'
    default:
      return 'failed'
  }
}
