/** What a reload of the site file changes, as the question before it shows it. */
import { h, type Child } from './dom.ts'
import { icon } from './parts.ts'
import type { Changes } from './types.ts'

const signs = { add: '+', change: '~', remove: '-' } as const
const actionTexts = { add: 'added', change: 'changed', remove: 'removed' } as const

export function changesText({ items, restart }: Changes, troubles: readonly string[]): Child {
  return [
    restart.map(({ text }) => warning(text)),
    troubles.map(warning),
    items.length === 0
      ? h('p', {}, 'The file does not change what slipway serves.')
      : h(
          'ul',
          { class: 'changes', tabindex: 0, 'aria-label': 'Changes' },
          items.map(({ action, kind, name, details, effects }) =>
            h(
              'li',
              { class: action },
              h('b', {}, `${signs[action]} ${kind} ${name}`),
              ` ${actionTexts[action]}`,
              h(
                'ul',
                { class: 'plain' },
                details.map(({ label, before, after, isHidden }) =>
                  h(
                    'li',
                    {},
                    isHidden === true
                      ? `${label}: changed, not shown`
                      : `${label}: ${before ?? 'none'} → ${after ?? 'none'}`,
                  ),
                ),
                effects.map(({ text }) => h('li', {}, h('strong', {}, text))),
              ),
            ),
          ),
        ),
  ]
}

function warning(text: string): Element {
  return h('p', { class: 'problem' }, icon('problem'), h('span', {}, text))
}
