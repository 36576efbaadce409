/** The table of nodes in `slipway status`: a line for each node, its problem below it, and shared problems once. Pure. */
import { nodeStates } from '../../install/node-states.ts'
import type { NodeReport, Symptom } from '../../install/reports.ts'
import { macsText } from '../../plan/model.ts'
import { formatDuration, listSome, pluralize } from '../../text/format.ts'
import { printable, wrap } from '../../text/lines.ts'
import { nowText, stateText } from '../../install/step-text.ts'
import { paint, proseColumns, symptomLines, type OutputStyle } from './output.ts'

/** The current step must be readable; less important columns are omitted for it. */
const minNowColumns = 26

/** A narrower line with all columns has too little space for the current step. */
const minFullColumns = 140

type Column = { readonly title: string; readonly text: (node: NodeReport, now: number) => string }

const columns = {
  node: { title: 'node', text: ({ node }) => node },
  role: { title: 'role', text: ({ role }) => role },
  address: { title: 'address', text: ({ address }) => address },
  mac: { title: 'MAC', text: macsText },
  firmware: { title: 'firmware', text: ({ firmware = '-' }) => firmware },
  seen: {
    title: 'last seen',
    text: ({ lastSeen }, now) =>
      lastSeen === undefined ? '-' : `${formatDuration(Math.max(0, now - lastSeen))} ago`,
  },
  state: { title: 'state', text: stateText },
} as const satisfies Readonly<Record<string, Column>>

/** Column sets, widest first. */
const choices: readonly (readonly Column[])[] = [
  [columns.node, columns.role, columns.address, columns.mac, columns.firmware, columns.seen, columns.state],
  [columns.node, columns.role, columns.address, columns.state],
  [columns.node, columns.address, columns.state],
  [columns.node, columns.state],
]

export function tableLines(nodes: readonly NodeReport[], now: number, output: OutputStyle): string[] {
  const width = ({ title, text }: Column) =>
    Math.max(title.length, ...nodes.map((node) => text(node, now).length))
  const widthOf = (choice: readonly Column[]) => choice.reduce((sum, column) => sum + width(column) + 2, 0)
  const fitting = choices.find(
    (choice, index) =>
      widthOf(choice) + minNowColumns <= output.columns && (index > 0 || output.columns >= minFullColumns),
  )
  const chosen = fitting ?? [columns.node, columns.state]
  const nowWidth = Math.max(8, output.columns - widthOf(chosen))
  const header = [...chosen.map((column) => column.title.padEnd(width(column))), 'now'].join('  ')
  const groups = sharedSymptoms(nodes)
  const grouped = new Set(groups.flatMap((group) => group.map(({ node }) => node)))
  return [
    paint(output, 'dim', header),
    ...nodes.flatMap((node) => {
      const { symptom } = node
      const cells = chosen.map((column) => {
        const cell = column.text(node, now).padEnd(width(column))
        const style = column === columns.state ? nodeStates[node.mode].color : undefined
        return style === undefined ? cell : paint(output, style, cell)
      })
      const isGrouped = grouped.has(node.node)
      const mark = isGrouped ? `${paint(output, 'red', '!')} ` : ''
      const text = printable(nowText(node.step, now))
      const [first, ...more] = splitText(text, nowWidth - (isGrouped ? 2 : 0), proseColumns(output) - 4)
      return [
        [...cells, `${mark}${first}`].join('  '),
        ...more.map((line) => `    ${line}`),
        ...(symptom === undefined || isGrouped ? [] : symptomLines(symptom, output, 2)),
      ]
    }),
    ...groups.flatMap((group) => ['', ...groupLines(group, output)]),
  ]
}

/** Text that does not fit the column continues on the next lines, because it must be readable to its end. */
function splitText(text: string, width: number, restWidth: number): readonly [first: string, ...string[]] {
  if (text.length <= width) return [text]
  const colon = text.indexOf(': ')
  if (colon !== -1 && colon <= width) return [text.slice(0, colon), ...wrap(text.slice(colon + 2), restWidth)]
  const comma = text.lastIndexOf(', ', width - 1)
  const [first = ''] = comma === -1 ? wrap(text, width) : [text.slice(0, comma + 1)]
  return [first, ...wrap(text.slice(first.length), restWidth)]
}

type StuckNode = NodeReport & { readonly symptom: Symptom }

/** Returns the nodes with the same problem, for each problem of several nodes. */
function sharedSymptoms(nodes: readonly NodeReport[]): StuckNode[][] {
  const groups = new Map<string, StuckNode[]>()
  for (const { symptom, ...node } of nodes) {
    if (symptom === undefined) continue
    const key = withoutName(`${symptom.code} ${symptom.likely} ${symptom.advice}`, node.node)
    groups.set(key, [...(groups.get(key) ?? []), { ...node, symptom }])
  }
  return [...groups.values()].filter((group) => group.length > 1)
}

function withoutName(text: string, node: string): string {
  return text.replaceAll(node, 'NODE')
}

/** `! 7 nodes (ocp45/m1, …): observation: likely reason; advice` */
function groupLines(group: readonly StuckNode[], output: OutputStyle): string[] {
  const texts = group.map(({ node, symptom: { saw, likely, advice } }) => ({
    saw: withoutName(saw, node),
    likely: withoutName(likely, node),
    advice: withoutName(advice, node),
  }))
  const [{ saw, likely, advice }] = texts as [Omit<Symptom, 'name' | 'code'>]
  const names = listSome(
    group.map(({ node }) => node),
    maxNames,
  )
  const isSame = texts.every((text) => text.saw === saw)
  const observed = `${isSame ? '' : 'for example, '}${saw}`
  const about = `${pluralize(group.length, 'node')} (${names})`
  return symptomLines({ saw: `${about}: ${observed}`, likely, advice }, output, 0)
}

const maxNames = 8
