/** What every subcommand of `slipway images` gets: its arguments, and the display of its progress. */
import { parseArgs } from 'node:util'
import type { Clock } from '../../../host/clock.ts'
import type { Terminal } from '../../command.ts'
import type { Notice, Watch } from '../../../images/codes.ts'
import { formatBytes, formatRemaining } from '../../../text/format.ts'

const options = {
  dir: { type: 'string' },
  site: { type: 'string' },
  name: { type: 'string' },
  arch: { type: 'string', multiple: true },
  stream: { type: 'string' },
  key: { type: 'string', multiple: true },
  iso: { type: 'boolean' },
  metal: { type: 'boolean' },
  force: { type: 'boolean' },
  json: { type: 'boolean' },
} as const
export type ImagesOption = keyof typeof options

export type ImagesCall = {
  /** The image directory. */
  readonly store: string
  readonly values: ReturnType<typeof parseImagesArguments>['values']
  readonly positionals: readonly string[]
  readonly terminal: Terminal
  readonly world: ImagesWorld
}

/** The system interfaces that these commands use. */
export type ImagesWorld = {
  readonly clock: Clock
  readonly environment: NodeJS.ProcessEnv
  readonly stdin: AsyncIterable<Uint8Array>
}

/** @throws {TypeError} for an unknown option, as node:util does */
export function parseImagesArguments(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options })
}

export type Progress = {
  readonly watch: Watch
  /** Clears the bar. */
  end(): void
}

const redrawMs = 100
const barColumns = 24
/** Without a terminal, prints a line at each quarter. */
const steps = 4

/** @param finished the word for a finished file: `verified`, `packed` */
export function showProgress(terminal: Terminal, clock: Clock, finished: string): Progress {
  const start = clock.monotonic()
  const octetsByFile = new Map<string, number>()
  let total: number | undefined
  /** Bytes that existed before the start, so they do not count for the rate. */
  let before = 0
  let drawnAt = -Infinity
  let step = 0

  const reached = () => [...octetsByFile.values()].reduce((sum, octets) => sum + octets, 0)
  const print = (line: string) => {
    terminal.status?.('')
    terminal.out(line)
    drawnAt = -Infinity
  }
  const draw = () => {
    const now = clock.monotonic()
    if (terminal.status === undefined) {
      stepLine()
      return
    }
    if (now - drawnAt < redrawMs) return
    drawnAt = now
    const seconds = (now - start) / 1000
    const line = progressLine({ octets: reached(), total, before, seconds })
    // A line that wraps cannot be replaced.
    terminal.status(line.slice(0, terminal.columns - 1))
  }
  const stepLine = () => {
    if (total === undefined || total === 0) return
    const now = Math.floor((reached() / total) * steps)
    if (now <= step || now >= steps) return
    step = now
    terminal.out(`${(step * 100) / steps} % of ${formatBytes(total)}`)
  }

  const notices: { [kind in Notice['kind']]: (notice: Extract<Notice, { kind: kind }>) => void } = {
    total: ({ octets }) => void (total = octets),
    started({ file, octets }) {
      if (octets > 0 && !octetsByFile.has(file)) {
        before += octets
        print(`${file}: resumes at ${formatBytes(octets)}`)
      }
      octetsByFile.set(file, octets)
    },
    reached: ({ file, octets }) => void octetsByFile.set(file, octets),
    retry: ({ file, reason }) => print(`${file}: ${reason}`),
    done({ file, octets }) {
      octetsByFile.set(file, octets)
      print(`${file}: ${formatBytes(octets)} ${finished}`)
    },
  }
  return {
    watch(notice) {
      const show = notices[notice.kind] as (notice: Notice) => void
      show(notice)
      draw()
    },
    end: () => terminal.status?.(''),
  }
}

type Position = {
  readonly octets: number
  readonly total: number | undefined
  readonly before: number
  readonly seconds: number
}

/** `62 % ███████████████░░░░░░░░░  812.4 MiB of 1.3 GiB  98.1 MiB/s  5 s left` */
function progressLine({ octets, total, before, seconds }: Position): string {
  const rate = seconds > 0 ? (octets - before) / seconds : 0
  const speed = rate > 0 ? [`${formatBytes(Math.round(rate))}/s`] : []
  if (total === undefined) return [formatBytes(octets), ...speed].join('  ')
  const share = total === 0 ? 1 : Math.min(1, octets / total)
  const full = Math.floor(share * barColumns)
  const bar = '█'.repeat(full) + '░'.repeat(barColumns - full)
  const left = rate > 0 ? [`${formatRemaining((1000 * (total - octets)) / rate)} left`] : []
  const amount = `${formatBytes(octets)} of ${formatBytes(total)}`
  return [`${String(Math.floor(share * 100)).padStart(3)} % ${bar}`, amount, ...speed, ...left].join('  ')
}
