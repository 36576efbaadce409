/** The power of a node: what its BMC reports, and the buttons that switch it. */
import { canOperate } from './api.ts'
import { h, type Child } from './dom.ts'
import { ago, badge, button, empty, facts, icon, panel } from './parts.ts'
import type { Power } from './types.ts'

/** @param power what the BMC reports, or why it does not; absent until its response */
export function powerPanel(node: string, power: Power | string | undefined, now: number): Element {
  return panel('Power', [contentOf(power, now), canOperate() && actionsOf(node, power)])
}

function contentOf(power: Power | string | undefined, now: number): Child {
  if (power === undefined) return empty('Reading the BMC.')
  if (typeof power === 'string') return h('p', { class: 'problem' }, icon('problem'), h('span', {}, power))
  const { bmc, manufacturer = '', model = '', progress, bootOverride, health, readAt, isManaged } = power
  return facts([
    ['Power', powerBadge(power)],
    ['BMC', h('code', {}, bmc)],
    ['Model', `${manufacturer} ${model}`.trim()],
    ['Progress', progress],
    ['Next boot device', bootOverride && `${bootOverride.target}${bootOverride.isOnce ? ', once' : ''}`],
    ['Health', health],
    ['Restart when armed', isManaged && 'with slipway node install (power: managed)'],
    ['Read', ago(readAt, now)],
  ])
}

function powerBadge({ power }: Power): Element {
  if (power === 'on') return badge('installed', 'good', 'on')
  if (power === 'off') return badge('waiting', 'plain', 'off')
  return power === 'unknown' ? badge('unknown', 'warn', 'unknown') : badge('installing', 'busy', power)
}

function actionsOf(node: string, power: Power | string | undefined): Element {
  const state = typeof power === 'object' ? power.power : 'unknown'
  const of = { 'data-node': node }
  return h(
    'div',
    { class: 'actions', role: 'group', 'aria-label': `Power actions for ${node}` },
    state !== 'on' && button('Switch on', 'power-on', of),
    state !== 'off' && [
      button('Shut down', 'power-off', of),
      button('Force off', 'power-force-off', of),
      button('Power cycle', 'power-cycle', of),
    ],
    button('Install now', 'install-now', of),
  )
}
