/** The view of one node: what it does, its boots beside those of similar nodes, and everything that slipway sends to it. */
import { formatDuration } from '../../../text/format.ts'
import { stateText, nowText } from '../../../install/step-text.ts'
import type { Boot } from '../../../install/timeline.ts'
import { canOperate } from './api.ts'
import { h, type Child } from './dom.ts'
import { explanationPanels } from './explanation-view.ts'
import { logPanel } from './log-view.ts'
import { ganttTable } from './gantt-view.ts'
import { ago, badge, button, clockTime, empty, facts, icon, modeBadge, panel } from './parts.ts'
import { problemElement } from './rack-view.ts'
import { powerPanel } from './power-view.ts'
import type { Explanation, NextBoot, NodeLog, NodePage, Power } from './types.ts'

export function nodeView(
  key: string,
  page: NodePage | undefined,
  explained: Explanation | undefined,
  power: Power | string | undefined,
  log: NodeLog | string | undefined,
  now: number,
): Element {
  const content =
    page === undefined
      ? [empty('Loading the state of the node.')]
      : [
          headOf(page, now),
          page.hasBmc && powerPanel(key, power, now),
          bootsPanel(page, now),
          page.hasSyslog && logPanel(key, log, now),
          nextBootPanel(page),
          ...(explained === undefined ? [] : explanationPanels(explained, page, now)),
        ]
  return h(
    'div',
    { class: 'view', key: `node-${key}` },
    h('p', { class: 'crumb' }, h('a', { href: '#/rack' }, icon('back'), 'Rack')),
    h('h1', {}, key),
    content,
  )
}

function headOf(page: NodePage, now: number): Element {
  const { details, drained } = page
  const { mode, role, address, mac, otherMacs = [], fqdn, reason, lastSeen, symptom, attempt } = details
  return h(
    'div',
    { class: 'panel lead' },
    h(
      'div',
      { class: 'lead-line' },
      modeBadge(mode, stateText(details, now)),
      h('span', { class: 'text' }, nowText(details.step, now)),
    ),
    symptom !== undefined && problemElement(symptom),
    facts([
      ['Role', role],
      ['Address', address],
      ['MAC', [mac, ...otherMacs].join(', ')],
      ['Name', fqdn, 'phone-line'],
      ['Reason', reason, 'wide'],
      ['Last seen', lastSeen === undefined ? 'never' : ago(lastSeen, now)],
      [
        'Load balancer',
        drained && badge('waiting', 'warn', `drained by ${drained.by}, ${ago(drained.since, now)}`),
      ],
      ['Attempt', attempt === undefined || attempt.earlier === 0 ? undefined : String(attempt.earlier + 1)],
    ]),
    canOperate() && actionsOf(page),
  )
}

function actionsOf({ details: { node, mode, role }, servers, drained }: NodePage): Element {
  const isBalanced = role !== 'bootstrap' && servers.length > 0
  const of = { 'data-node': node, 'data-mode': mode }
  return h(
    'div',
    { class: 'actions', role: 'group', 'aria-label': `Actions for ${node}` },
    button('Install at the next boot', 'install', of),
    button('Boot from disk', 'local', of),
    button('Show the boot menu', 'menu', of),
    drained !== undefined
      ? button('Enable in the load balancer', 'enable', of)
      : isBalanced && button('Drain', 'drain', of),
  )
}

function bootsPanel({ details, siblings }: NodePage, now: number): Element {
  const boots = [...details.boots].reverse()
  if (boots.length === 0) return panel('Boots', empty('slipway has not seen a boot of this node.'))
  return panel(
    'Boots',
    boots.map((boot, index) =>
      h(
        'details',
        { class: 'boot', open: index === 0, key: `boot-${boot.startedAt}` },
        h('summary', {}, bootTitle(boot, now)),
        ganttTable(details.node, boot, boot.kind === 'network' ? siblings : [], now),
      ),
    ),
  )
}

function bootTitle({ kind, startedAt, endedAt, steps }: Boot, now: number): Child {
  return [
    h('b', {}, `Boot from the ${kind}`),
    ` ${clockTime(startedAt, now)}, ${formatDuration(endedAt - startedAt)}, ${steps.length} steps`,
  ]
}

const nextBootTexts: Readonly<Record<NextBoot['kind'], string>> = {
  install: 'installs the node and erases its disk',
  wait: 'waits',
  menu: 'shows the boot menu',
  local: 'boots its disk',
  failed: 'stops with a message',
}

function nextBootPanel({ details, nextBoot }: NodePage): Element {
  const { kind, role, reason } = nextBoot
  const shape =
    kind === 'install' ? 'installing' : kind === 'failed' ? 'failed' : kind === 'wait' ? 'waiting' : 'local'
  const tone = kind === 'install' ? 'warn' : kind === 'failed' ? 'bad' : 'plain'
  const because = reason ?? details.reason
  return panel(
    'Next network boot',
    h(
      'p',
      {},
      badge(shape, tone, `${nextBootTexts[kind]}${role === undefined ? '' : ` as ${role}`}`),
      kind === 'wait' || kind === 'failed' ? ` ${because.replace(/^waits /, '')}` : ` because ${because}`,
    ),
  )
}
