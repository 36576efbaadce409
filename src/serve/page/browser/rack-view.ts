/** The view Rack: every node with its state, its step, and its problem. It updates only the rows that changed. */
import { h, moveBefore, patch, type Child } from './dom.ts'
import { bar, icon, modeBadge, rich } from './parts.ts'
import {
  clusterOf,
  distinct,
  nameOf,
  rackRow,
  shownNodes,
  stateChoices,
  type Filters,
  type RackRow,
} from './rack-model.ts'
import type { State } from './state.ts'

/** Returns the view without its rows; {@link updateRows} adds them. */
export function rackView(state: State, filters: Filters): Element {
  const count = shownNodes(state, filters).length
  return h(
    'div',
    { class: 'rack', key: 'rack' },
    h('h1', { class: 'hidden' }, 'Rack'),
    toolbar(state, filters),
    h(
      'div',
      { role: 'table', 'aria-label': 'Nodes', 'aria-rowcount': count + 1, class: 'rows' },
      h(
        'div',
        { role: 'rowgroup', class: 'rows-head' },
        h(
          'div',
          { role: 'row', class: 'row head' },
          ['Node', 'Role', 'State', 'Now', 'Last seen'].map((title) =>
            h('span', { role: 'columnheader' }, title),
          ),
        ),
      ),
      h('div', { role: 'rowgroup', id: 'rows', 'data-managed': true }),
    ),
    count === 0 && h('p', { class: 'empty' }, noRowsText(state)),
  )
}

function noRowsText({ nodes, connection }: State): string {
  if (nodes.size > 0) return 'No node matches the filters.'
  return connection.kind === 'live' ? 'The site declares no nodes.' : 'Loading the nodes.'
}

function toolbar(state: State, filters: Filters): Element {
  const chips = stateChoices(state, filters).map(({ value, title, count }) =>
    h(
      'button',
      {
        type: 'button',
        class: value === 'problem' && count > 0 ? 'chip alert' : 'chip',
        'data-action': 'filter-state',
        'data-value': value,
        'aria-pressed': String(filters.state === value),
        key: `chip-${value}`,
      },
      value === 'problem' && icon('problem'),
      h('b', {}, count),
      ` ${title}`,
    ),
  )
  return h(
    'div',
    { class: 'toolbar', role: 'group', 'aria-label': 'Filters' },
    h('div', { class: 'chips' }, chips),
    h(
      'div',
      { class: 'selects' },
      select(
        'cluster',
        'Cluster',
        distinct(state, ({ node }) => clusterOf(node)),
        filters.cluster,
      ),
      select(
        'role',
        'Role',
        distinct(state, ({ role }) => role),
        filters.role,
      ),
      h(
        'label',
        {},
        h('span', { class: 'hidden' }, 'Search nodes'),
        h('input', { type: 'search', id: 'filter-text', placeholder: 'Name, address, MAC' }),
      ),
    ),
  )
}

/** A choice of one value only is left out. */
function select(name: string, title: string, values: readonly string[], chosen: string): Child {
  if (values.length < 2 && chosen === '') return false
  return h(
    'label',
    { key: `select-${name}` },
    h('span', { class: 'hidden' }, title),
    h(
      'select',
      { 'data-filter': name },
      h('option', { value: '' }, `${title}: all`),
      values.map((value) => h('option', { value, selected: value === chosen }, value)),
    ),
  )
}

type ShownRow = { readonly element: Element; row: RackRow; signature: string; isNear: boolean }

/** Rows of the last update; the document has them in the same order. */
const shown = new Map<string, ShownRow>()

/** A row outside the window is updated when it is about to be scrolled into view. */
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const known = shown.get(target.getAttribute('data-key') ?? '')
      if (known === undefined) continue
      known.isNear = isIntersecting
      updateRow(known)
    }
  },
  { rootMargin: '400px' },
)

function updateRow(known: ShownRow): void {
  if (!known.isNear || known.signature === known.row.signature) return
  patch(known.element, rowElement(known.row))
  known.signature = known.row.signature
}

export function updateRows(container: Element, state: State, filters: Filters, now: number): void {
  const rows = shownNodes(state, filters).map((node) => rackRow(node, now))
  const wanted = new Set(rows.map(({ node }) => node.node))
  for (const [key, { element }] of shown) {
    if (wanted.has(key) && element.parentNode === container) continue
    observer.unobserve(element)
    element.remove()
    shown.delete(key)
  }
  let at = container.firstElementChild
  for (const row of rows) {
    const key = row.node.node
    const known = shown.get(key)
    if (known === undefined) {
      const element = rowElement(row)
      shown.set(key, { element, row, signature: row.signature, isNear: false })
      container.insertBefore(element, at)
      observer.observe(element)
      continue
    }
    known.row = row
    updateRow(known)
    if (known.element === at) at = at.nextElementSibling
    else moveBefore(container, known.element, at)
  }
}

function rowElement({ node, state, now, progress, seen }: RackRow): Element {
  const { symptom, role, address, mode } = node
  const tone = symptom !== undefined || mode === 'failed' ? ' alert' : mode === 'installing' ? ' busy' : ''
  return h(
    'div',
    { role: 'row', class: `row${tone}`, key: node.node },
    h(
      'span',
      { role: 'cell', class: 'who' },
      h(
        'a',
        { href: `#/node/${node.node}` },
        h('span', { class: 'dim' }, `${clusterOf(node.node)}/`),
        nameOf(node.node),
      ),
    ),
    h('span', { role: 'cell', class: 'role' }, role, h('span', {}, address)),
    h('span', { role: 'cell', class: 'state' }, modeBadge(mode, state)),
    h(
      'span',
      { role: 'cell', class: 'now' },
      h(
        'span',
        { class: 'step' },
        h('span', { class: 'text' }, now),
        progress !== undefined && bar(progress, `Progress of ${node.node}`),
      ),
      symptom !== undefined && problemElement(symptom),
    ),
    h('span', { role: 'cell', class: 'seen' }, seen),
  )
}

/** The problem in one sentence, beside what to do. */
export function problemElement({
  saw,
  likely,
  advice,
}: Record<'saw' | 'likely' | 'advice', string>): Element {
  return h(
    'span',
    { class: 'problem' },
    icon('problem'),
    h(
      'span',
      {},
      h('strong', {}, rich(sentence(saw))),
      ' ',
      h('span', { class: 'likely' }, 'Likely: ', rich(likely), '.'),
      ' ',
      h('span', { class: 'advice' }, 'To do: ', rich(advice), '.'),
    ),
  )
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
