/** Small parts that several views use. Symbols always accompany a text: no state is shown by its color only. */
import { nodeStates, type Mode } from '../../../install/node-states.ts'
import { formatDuration } from '../../../text/format.ts'
import { h, svg, type Child } from './dom.ts'

/** Shapes on a grid of 12 by 12. */
const shapes = {
  armed: 'M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1Zm0 2v3l2 1.5',
  installing: 'M6 1v7M3 5.5 6 8.5l3-3M2 11h8',
  installed: 'M2 6.5 5 9.5 10 3',
  local: 'M2 3h8v6H2ZM2 6.5h8',
  menu: 'M2 3h8M2 6h8M2 9h5',
  failed: 'M3 3l6 6M9 3 3 9',
  problem: 'M6 1.5 11 10.5H1ZM6 5v2.5M6 9v.2',
  unknown: 'M4 4.5a2 2 0 1 1 2.6 1.9Q6 6.7 6 7.5M6 9.6v.2',
  waiting: 'M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1Z',
  copy: 'M4 4V1.5h6.5V8H8M1.5 4H8v6.5H1.5Z',
  back: 'M8 2 4 6l4 4',
} as const

export type Shape = keyof typeof shapes

export function icon(name: Shape): Element {
  return svg(
    'svg',
    { viewBox: '0 0 12 12', class: 'icon', 'aria-hidden': 'true' },
    svg('path', { d: shapes[name] }),
  )
}

const modeShapes: Readonly<Record<Mode, Shape>> = {
  install: 'armed',
  installing: 'installing',
  installed: 'installed',
  local: 'local',
  menu: 'menu',
  failed: 'failed',
}

export type Tone = 'good' | 'busy' | 'bad' | 'warn' | 'plain'

const modeTones: Readonly<Record<Mode, Tone>> = {
  install: 'plain',
  installing: 'busy',
  installed: 'good',
  local: 'plain',
  menu: 'plain',
  failed: 'bad',
}

export function badge(shape: Shape, tone: Tone, text: string): Element {
  return h('span', { class: `badge ${tone}` }, icon(shape), text)
}

/** @param text `installing 3 min` */
export function modeBadge(mode: Mode, text: string = nodeStates[mode].title): Element {
  return badge(modeShapes[mode], modeTones[mode], text)
}

/** A section with a heading. @param aside controls beside the heading */
export function panel(title: string, content: Child, aside: Child = []): Element {
  const id = slug(title)
  return h(
    'section',
    { class: 'panel', 'aria-labelledby': id, key: id },
    h('div', { class: 'panel-head' }, h('h2', { id }, title), aside),
    content,
  )
}

/** Lets a panel with little content share a line with another one. */
export function half(element: Element): Element {
  element.classList.add('half')
  return element
}

function slug(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-')
}

export function empty(text: string): Element {
  return h('p', { class: 'empty' }, text)
}

/** `wide`: two columns, and a whole line on a phone. `line`: a whole line. `phone-line`: a whole line only on a phone. */
type Fact = readonly [term: string, value: Child, width?: 'wide' | 'line' | 'phone-line']

/** Pairs of a term and its value; pairs without a value are left out. */
export function facts(pairs: readonly Fact[]): Element {
  return h(
    'dl',
    { class: 'facts' },
    pairs
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([term, value, width = '']) => h('div', { class: width }, h('dt', {}, term), h('dd', {}, value))),
  )
}

export type Column<Row> = {
  readonly title: string
  readonly cell: (row: Row) => Child
  readonly class?: string
}

/** @param caption read by screen readers @param name `stacked`: rows become cards on a phone */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  keyOf?: (row: Row) => string,
  name = 'stacked',
): Element {
  const head = columns.map(({ title, class: name }) => h('th', { scope: 'col', class: name }, title))
  const body = rows.map((row) =>
    h(
      'tr',
      keyOf === undefined ? {} : { key: keyOf(row) },
      columns.map(({ title, cell, class: name }) => h('td', { class: name, 'data-title': title }, cell(row))),
    ),
  )
  return h(
    'div',
    { class: `scroll ${name}`, tabindex: 0, role: 'group', 'aria-label': caption },
    h(
      'table',
      {},
      h('caption', { class: 'hidden' }, caption),
      h('thead', {}, h('tr', {}, head)),
      h('tbody', {}, body),
    ),
  )
}

/** A button whose click `actions.ts` handles. An update never turns it into the button of another action. */
export function button(text: string, action: string, more: Readonly<Record<string, string>> = {}): Element {
  return h('button', { type: 'button', key: action, 'data-action': action, ...more }, text)
}

export function copyButton(text: string, what: string): Element {
  const more = { 'data-text': text, 'aria-label': `Copy ${what}`, class: 'quiet' }
  return h('button', { type: 'button', 'data-action': 'copy', ...more }, icon('copy'), 'Copy')
}

/** Text in monospace, with a button that copies it. */
export function copyable(text: string, what: string): Element {
  return h('div', { class: 'copyable' }, h('code', {}, text), copyButton(text, what))
}

export function pre(text: string, label: string): Element {
  return h('pre', { tabindex: 0, role: 'region', 'aria-label': label }, text)
}

/** A shorter time changes too often to be read. */
const justNowMs = 3000

export function ago(at: number, now: number): string {
  return now - at < justNowMs ? 'now' : `${formatDuration(now - at)} ago`
}

/** Shows the commands in a sentence, which are between backticks, in monospace. */
export function rich(text: string): Child {
  return text.split('`').map((part, index) => (index % 2 === 0 ? part : h('code', {}, part)))
}

/** `18:04:09`, with the date if it is not today. */
export function clockTime(at: number, now: number): string {
  const date = new Date(at)
  const time = date.toLocaleTimeString('en-GB')
  const isToday = date.toDateString() === new Date(now).toDateString()
  return isToday ? time : `${date.toLocaleDateString('en-CA')} ${time}`
}

export function bar(fraction: number, label: string): Element {
  const percent = Math.round(fraction * 100)
  return h(
    'div',
    {
      class: 'bar',
      role: 'progressbar',
      'aria-label': label,
      'aria-valuenow': percent,
      'aria-valuemin': 0,
      'aria-valuemax': 100,
    },
    svg(
      'svg',
      { viewBox: '0 0 100 1', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      svg('rect', { width: (fraction * 100).toFixed(1), height: 1 }),
    ),
  )
}

/** Returns `alice` for `token:alice`; the kind matters only in the log. */
export function userName(user: string): string {
  return user.replaceAll(/\b(?:token|proxy|local|certificate):/g, '')
}
