/** The progress of `slipway wait`: one line for each change, or on a terminal a view that is updated in place. */
import { stripVTControlCharacters, styleText } from 'node:util'
import type { Stage } from '../../cluster/evaluate/stages.ts'
import type { WaitEvent } from '../../cluster/wait.ts'
import { formatStopwatch } from '../../text/format.ts'

type Output = { out(line: string): void }

export type WaitReport = {
  show(event: WaitEvent): void
  /** Updates the elapsed time of the view. */
  tick(elapsedMs: number): void
}

/** Prints a line for every change: for logs, and for programs that read the output. */
export function plainReport(terminal: Output): WaitReport {
  const line = (elapsedMs: number, text: string) =>
    terminal.out(`${formatStopwatch(elapsedMs).padStart(7)}  ${text}`)
  let known: readonly string[] = []
  return {
    show(event) {
      const { elapsedMs, stage } = event
      switch (event.kind) {
        case 'started':
          line(elapsedMs, `waiting up to ${formatStopwatch(event.limitMs)} for ${stage.awaited}`)
          break
        case 'missing':
          // Prints only new items: when many nodes boot together, one changes at a time.
          for (const each of event.missing) if (!known.includes(each)) line(elapsedMs, `  ${each}`)
          known = event.missing
          break
        case 'outage':
          line(elapsedMs, `  cluster API unreachable: ${event.sentence}`)
          break
        case 'done':
          line(elapsedMs, `${stage.name}: done${event.note === '' ? '' : ` (${event.note})`}`)
          break
        case 'late':
          line(elapsedMs, `${stage.name}: time limit reached`)
          for (const each of event.missing) line(elapsedMs, `  ${each}`)
          break
      }
    },
    tick: () => {},
  }
}

/** Prints each event as a JSON document on its own line; `stage` is the name of the stage. */
export function jsonReport(terminal: Output): WaitReport {
  return {
    show: ({ stage, ...event }) => terminal.out(JSON.stringify({ stage: stage.name, ...event })),
    tick: () => {},
  }
}

/** Maximum of missing items per stage: the view has to fit the screen, or it cannot be redrawn. */
const maxLines = 12

type Row = { begunMs: number; maxMs: number; end?: 'done' | 'late'; endMs?: number; note: string }

/** A line for each stage and, below the current one, what it lacks. */
export function liveReport(
  terminal: Output & { readonly columns: number },
  stages: readonly Stage[],
): WaitReport {
  const rows = new Map<Stage, Row>()
  const width = Math.max(...stages.map(({ name }) => name.length))
  let missing: readonly string[] = []
  let drawn = 0

  function draw(nowMs: number): void {
    const lines = [...stages.flatMap((stage) => stageLines(stage, rows.get(stage), nowMs))].map((text) =>
      fitLine(text, terminal.columns),
    )
    // Moves the cursor up to where the view was drawn last, and clears the screen from there.
    const back = drawn === 0 ? '' : `\u001b[${drawn}A\u001b[J`
    terminal.out(back + lines.join('\n'))
    drawn = lines.length
  }

  function stageLines(stage: Stage, row: Row | undefined, nowMs: number): string[] {
    const name = stage.name.padEnd(width)
    if (row === undefined) return [`  ${name}`]
    const spent = formatStopwatch((row.endMs ?? nowMs) - row.begunMs)
    const note = row.note === '' ? '' : `  ${row.note}`
    if (row.end === 'done') return [`${styleText('green', '✓')} ${name}  ${spent}${note}`]
    const limit = `${spent} of ${formatStopwatch(row.maxMs)}`
    const shown = missing.slice(0, maxLines)
    const more = missing.length > maxLines ? [`and ${missing.length - maxLines} more`] : []
    const mark = row.end === 'late' ? styleText('red', '✗') : styleText('yellow', '…')
    return [`${mark} ${name}  ${limit}`, ...[...shown, ...more].map((each) => `    ${each}`)]
  }

  return {
    show(event) {
      const { stage, elapsedMs } = event
      const row = rows.get(stage) ?? { begunMs: elapsedMs, maxMs: 0, note: '' }
      rows.set(stage, row)
      if (event.kind === 'started') Object.assign(row, { maxMs: event.limitMs })
      else if (event.kind === 'missing') missing = event.missing
      else if (event.kind === 'outage') missing = [`cluster API unreachable: ${event.sentence}`]
      else Object.assign(row, { end: event.kind, endMs: elapsedMs })
      if (event.kind === 'done') row.note = event.note
      if (event.kind === 'started') missing = []
      if (event.kind === 'late') missing = event.missing
      draw(elapsedMs)
    },
    tick: draw,
  }
}

/** So that no line wraps and the view stays at its position. */
function fitLine(text: string, columns: number): string {
  const plain = stripVTControlCharacters(text)
  return plain.length < columns ? text : `${plain.slice(0, columns - 2)}…`
}
