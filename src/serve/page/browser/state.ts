/** What the page knows, and how events of the feed change it. Pure. */
import type { Node, Summary } from './types.ts'

export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** `since`: when the page noticed it, in milliseconds since 1970 by the clock of the browser. */
  | { readonly kind: 'lost'; readonly since: number }

export type State = {
  connection: Connection
  /** Keys are `<cluster>/<name>`. */
  readonly nodes: Map<string, Node>
  /** The names of all nodes, in the order of the site file. */
  order: readonly string[]
  summary: Summary | undefined
  /** The clock of the server minus that of the browser. */
  clockOffsetMs: number
  /** The id of the last event. */
  lastId: string | undefined
}

export function createState(): State {
  return {
    connection: { kind: 'connecting' },
    nodes: new Map(),
    order: [],
    summary: undefined,
    clockOffsetMs: 0,
    lastId: undefined,
  }
}

/** Returns the nodes with a new problem: they had none before, or a different one. */
export type NewProblems = readonly Node[]

export function applyRows(state: State, rows: readonly Node[]): NewProblems {
  const appeared: Node[] = []
  for (const row of rows) {
    const before = state.nodes.get(row.node)
    const isNew = row.symptom !== undefined && row.symptom.code !== before?.symptom?.code
    if (isNew && before !== undefined) appeared.push(row)
    state.nodes.set(row.node, row)
  }
  return appeared
}

/** Removes nodes that the site no longer has. */
export function applyOrder(state: State, order: readonly string[]): void {
  state.order = order
  const declared = new Set(order)
  for (const node of state.nodes.keys()) if (!declared.has(node)) state.nodes.delete(node)
}

export function applySummary(state: State, summary: Summary, browserNow: number): void {
  state.summary = summary
  state.clockOffsetMs = summary.now - browserNow
}
