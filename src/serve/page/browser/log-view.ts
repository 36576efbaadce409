/** The log of a node: what it sent to the syslog receiver. */
import { pluralize } from '../../../text/format.ts'
import { get } from './api.ts'
import { h } from './dom.ts'
import { clockTime, empty, panel } from './parts.ts'
import type { NodeLog } from './types.ts'

/** More lines make the page slow; `slipway node log` prints them all. */
const maxLines = 300

/** Reads the lines after those that were read before. @returns why that is not possible, if it is a text */
export async function readLog(node: string, before: NodeLog | undefined): Promise<NodeLog | string> {
  const after = before?.lines.at(-1)?.sequence ?? 0
  try {
    const { lines, dropped } = (await get(
      `/v1/nodes/${node}/log?after=${after}&lines=${maxLines}`,
    )) as NodeLog
    return { lines: [...(before?.lines ?? []), ...lines].slice(-maxLines), dropped }
  } catch (error) {
    return (error as Error).message
  }
}

/** @param log absent until it is read */
export function logPanel(node: string, log: NodeLog | string | undefined, now: number): Element {
  if (log === undefined) return panel('Log', empty('Reading the log.'))
  if (typeof log === 'string') return panel('Log', empty(log))
  const { lines, dropped } = log
  if (lines.length === 0) return panel('Log', empty(noLogText))
  const isCut = lines.length === maxLines
  return panel(
    'Log',
    [
      h(
        'pre',
        { class: 'log', tabindex: 0, role: 'region', 'aria-label': `Log of ${node}, latest line first` },
        [...lines].reverse().map((line) => lineElement(line, now)),
      ),
      dropped > 0 &&
        h(
          'p',
          { class: 'dim' },
          `slipway dropped ${pluralize(dropped, 'message')}, because the node sent them too fast.`,
        ),
    ],
    h(
      'span',
      { class: 'dim' },
      isCut
        ? `The latest ${maxLines} lines, latest first. All lines: slipway node log ${node}`
        : `${pluralize(lines.length, 'line')}, latest first`,
    ),
  )
}

const noLogText =
  'The node has sent no log. The live system of an installation sends its journal; configure other systems to send theirs.'

/** Severities of RFC 5424 §6.2.1 as text and color. */
function lineElement({ sequence, at, severity, app, text }: NodeLog['lines'][number], now: number): Element {
  const [name, word] = severity <= 3 ? ['bad', 'error '] : severity === 4 ? ['warn', 'warning '] : ['', '']
  return h(
    'span',
    { key: `line-${sequence}`, class: name },
    h('span', { class: 'dim' }, clockTime(at, now)),
    ` ${word}${app === undefined ? '' : `${app}: `}${text}\n`,
  )
}
