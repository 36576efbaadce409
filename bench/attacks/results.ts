/** What the measured node noticed of an attack, as a table. */
import { percentile } from '../statistics.ts'
import { formatTable } from '../table.ts'
import type { Protocol, Sample, Samples } from './probe.ts'
import type { Flood } from './udp-client.ts'

export type Row = {
  readonly attack: string
  readonly server: string
  readonly flood: Flood
  readonly samples: Samples
  readonly memoryMiB: number
  /** Replies dropped, and requests and connections refused; for slipway only. */
  readonly refused?: number
}

/** The goals for DNS and DHCP during an attack, and for the time after it. */
const maxP99Ms = 50
const maxRecoveryMs = 1000
const maxMemoryMiB = 300

const goalProtocols: readonly Protocol[] = ['dns', 'dhcp']

/** Returns the samples that were sent during the attack; its first 100 ms are left out. */
export function during({ startedAt, endedAt }: Flood, samples: readonly Sample[]): readonly Sample[] {
  return samples.filter(([sentAt]) => sentAt >= startedAt + 100 && sentAt <= endedAt)
}

/** For how long all requests must be answered in time until the server has recovered. */
const calmMs = 500

/** Returns the time from the end of the attack until requests were answered in time again, and stayed so. */
export function recoveryMs({ endedAt }: Flood, samples: readonly Sample[]): number {
  const after = samples.filter(([sentAt]) => sentAt > endedAt)
  const isSlow = ([, delay]: Sample) => (delay ?? Infinity) > maxP99Ms
  const calm = after.find(
    ([start]) => !after.some((each) => isSlow(each) && each[0] >= start && each[0] < start + calmMs),
  )
  return (calm?.[0] ?? Infinity) - endedAt
}

/** Counts a lost request as one without an end. */
export function delaysOf(samples: readonly Sample[]): {
  p50: number
  p99: number
  max: number
  lost: number
} {
  const all = samples.length === 0 ? [Infinity] : samples.map(([, delay]) => delay ?? Infinity)
  return {
    ...{ p50: percentile(all, 50), p99: percentile(all, 99), max: percentile(all, 100) },
    lost: all.filter((each) => each === Infinity).length,
  }
}

/** Returns the round whose 99th percentile is the median: other programs on the machine affect single rounds. */
export function medianRow(rounds: readonly Row[]): Row {
  const worst = ({ flood, samples }: Row) =>
    Math.max(...Object.values(samples).map((own) => delaysOf(during(flood, own)).p99))
  const sorted = rounds.toSorted((a, b) => Math.min(worst(a), 1e9) - Math.min(worst(b), 1e9))
  return sorted[Math.ceil(sorted.length / 2) - 1] as Row
}

/** Whether slipway met the goals of a row; rows of other servers have none. */
export function missedGoals({ flood, samples, memoryMiB }: Row): string[] {
  const missed = goalProtocols.flatMap((protocol) => {
    const own = samples[protocol] ?? []
    const { p99 } = delaysOf(during(flood, own))
    const recovery = recoveryMs(flood, own)
    return [
      ...(p99 < maxP99Ms ? [] : [`${protocol} p99 ${milliseconds(p99)} ms`]),
      ...(recovery < maxRecoveryMs ? [] : [`${protocol} recovery ${recovery} ms`]),
    ]
  })
  return memoryMiB < maxMemoryMiB ? missed : [...missed, `memory ${memoryMiB.toFixed(0)} MiB`]
}

export function formatRows(rows: readonly Row[]): string {
  const head = [
    'attack',
    'server',
    'sent/s',
    'DNS ms',
    'DHCP ms',
    'TFTP ms',
    'HTTP ms',
    'recovery ms',
    'MiB',
    'cut off',
  ]
  const cells = rows.map((row) => {
    const { attack, server, flood, samples, memoryMiB, refused } = row
    const seconds = (flood.endedAt - flood.startedAt) / 1000
    const recovery = measuredGoals(samples).map((own) => recoveryMs(flood, own))
    return [
      ...[attack, server, (flood.sent / seconds).toFixed(0)],
      ...(['dns', 'dhcp', 'tftp', 'http'] as const).map((each) => formatDelays(flood, samples[each])),
      ...[
        recovery.length === 0 ? '' : formatRecovery(Math.max(...recovery)),
        memoryMiB.toFixed(0),
        refused === undefined ? '' : String(refused),
      ],
    ]
  })
  return formatTable([head, ...cells], [2, 7, 8, 9])
}

/** `p50 / p99 / max`, and the losses. */
function formatDelays(flood: Flood, samples: readonly Sample[] | undefined): string {
  if (samples === undefined) return ''
  const own = during(flood, samples)
  const { p50, p99, max, lost } = delaysOf(own)
  const losses = lost === 0 ? '' : `, ${lost} of ${own.length} lost`
  return `${[p50, p99, max].map(milliseconds).join(' / ')}${losses}`
}

const measuredGoals = (samples: Samples) =>
  goalProtocols.flatMap((each) => (samples[each] === undefined ? [] : [samples[each]]))

const formatRecovery = (value: number) => (value === Infinity ? 'not in 4 s' : value.toFixed(0))

const milliseconds = (value: number) => (value === Infinity ? '–' : value.toFixed(1))
