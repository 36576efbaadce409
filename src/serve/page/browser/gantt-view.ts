/** The steps of a boot as a table with bars: the step of the node above thinner bars of its siblings. */
import { formatBytes, formatDuration } from '../../../text/format.ts'
import type { Boot } from '../../../install/timeline.ts'
import { h, svg } from './dom.ts'
import { ganttOf, type Bar, type GanttRow, type Mark } from './gantt-model.ts'
import { icon, table, type Shape } from './parts.ts'

const markTexts: Readonly<Record<Mark, { shape: Shape; text: string }>> = {
  done: { shape: 'installed', text: 'done' },
  active: { shape: 'waiting', text: 'in progress' },
  unsure: { shape: 'unknown', text: 'not confirmed' },
  failed: { shape: 'failed', text: 'failed' },
}

/** A step counts as slow if it takes twice as long as usual, and some seconds more. */
const slowFactor = 2
const slowMs = 3000

export function ganttTable(
  node: string,
  boot: Boot,
  siblings: readonly { readonly node: string; readonly boot: Boot }[],
  now: number,
): Element {
  const { rows, spanMs } = ganttOf(node, boot, siblings, now)
  const isSlow = ({ durationMs, usualMs }: GanttRow) =>
    usualMs !== undefined && durationMs > slowFactor * usualMs && durationMs - usualMs > slowMs
  return h(
    'div',
    { class: 'gantt' },
    table<GanttRow>(
      `Steps of the boot of ${node}`,
      [
        {
          title: 'Step',
          class: 'step',
          cell: ({ mark, title, count }) => [
            h(
              'span',
              { class: `mark ${mark}`, title: markTexts[mark].text },
              icon(markTexts[mark].shape),
              h('span', { class: 'hidden' }, `${markTexts[mark].text}: `),
            ),
            title,
            count > 1 && h('small', {}, ` ×${count}`),
          ],
        },
        { title: `Time, 0 to ${formatDuration(spanMs)}`, class: 'track', cell: (row) => track(row) },
        {
          title: 'Duration',
          class: 'number',
          cell: (row) => [
            row.durationMs === 0 ? '' : formatDuration(row.durationMs),
            isSlow(row) && h('small', { class: 'slow' }, ` slow`),
          ],
        },
        {
          title: 'Usual',
          class: 'number dim usual',
          cell: ({ usualMs }) => (usualMs === undefined || usualMs === 0 ? '' : formatDuration(usualMs)),
        },
        {
          title: 'Detail',
          class: 'detail',
          cell: ({ detail, octetsPerSecond }) =>
            `${detail}${octetsPerSecond === undefined ? '' : `, ${formatBytes(octetsPerSecond)}/s`}`,
        },
      ],
      rows,
      undefined,
      'wide',
    ),
    siblings.length > 0 &&
      h(
        'p',
        { class: 'legend' },
        `Thin bars show ${siblings.map((each) => each.node).join(', ')}, which have the same role.`,
        h('span', { class: 'usual' }, ' The column Usual shows their median.'),
      ),
  )
}

const height = 14

/** Decoration: the columns beside it have the numbers. */
function track({ bar, siblings, mark }: GanttRow): Element {
  const thin = siblings.slice(0, 5)
  return svg(
    'svg',
    { viewBox: `0 0 1000 ${height}`, preserveAspectRatio: 'none', class: 'track', 'aria-hidden': 'true' },
    rect(bar, `own ${mark}`, 1, thin.length === 0 ? 10 : 7),
    thin.map((each, index) => rect(each, 'sibling', 9 + index, 0.9)),
  )
}

function rect({ from, to }: Bar, name: string, y: number, tall: number): Element {
  const width = Math.max(4, (to - from) * 1000)
  return svg('rect', {
    class: name,
    x: Math.min(996, from * 1000).toFixed(1),
    y,
    width: width.toFixed(1),
    height: tall,
  })
}
