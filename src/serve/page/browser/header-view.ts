/** The header: navigation, the site, and whether the page is live. */
import { formatDuration, pluralize } from '../../../text/format.ts'
import { currentSession } from './api.ts'
import { h, type Child } from './dom.ts'
import { button, icon, userName } from './parts.ts'
import type { Route } from './route.ts'
import type { State } from './state.ts'

const tabs = [
  ['rack', 'Rack'],
  ['clusters', 'Clusters'],
  ['network', 'Network'],
  ['server', 'Server'],
] as const

export function headerView({ summary, connection }: State, route: Route): Child {
  const count = (name: string): number =>
    name === 'server' ? (summary?.problems.length ?? 0) : name === 'network' ? (summary?.strangers ?? 0) : 0
  const session = currentSession()
  return [
    h(
      'a',
      { class: 'brand', href: '#/rack' },
      h('b', {}, 'slipway'),
      summary !== undefined && h('span', {}, summary.site),
    ),
    h(
      'nav',
      { 'aria-label': 'Views' },
      tabs.map(([name, title]) =>
        h(
          'a',
          { href: `#/${name}`, 'aria-current': isCurrent(name, route) ? 'page' : undefined },
          title,
          count(name) > 0 &&
            h(
              'span',
              { class: name === 'server' ? 'count alert' : 'count' },
              count(name),
              h('span', { class: 'hidden' }, name === 'server' ? ' problems' : ' undeclared machines'),
            ),
        ),
      ),
    ),
    h(
      'div',
      { class: 'status' },
      connectionText(connection.kind),
      session !== undefined && h('span', { class: 'user' }, `${userName(session.user)} (${session.scope})`),
      session !== undefined && button('Log out', 'log-out', { class: 'quiet' }),
    ),
  ]
}

function isCurrent(name: string, { view }: Route): boolean {
  return name === view || (name === 'rack' && view === 'node')
}

function connectionText(kind: State['connection']['kind']): Element {
  const texts = { live: 'live', lost: 'offline', connecting: 'connecting' }
  const shape = kind === 'live' ? 'installed' : kind === 'lost' ? 'failed' : 'waiting'
  return h('span', { class: `connection ${kind}` }, icon(shape), texts[kind])
}

/** A bar below the header, while the page shows old data, or slipway has problems. */
export function noticeView({ connection, summary }: State, browserNow: number): Child {
  if (connection.kind === 'lost') {
    const since = new Date(connection.since).toLocaleTimeString('en-GB')
    return h(
      'p',
      { class: 'notice lost', role: 'alert' },
      icon('failed'),
      h(
        'span',
        {},
        `Connection lost since ${since} (${formatDuration(browserNow - connection.since)}). The page shows old data and reconnects automatically.`,
      ),
    )
  }
  const [first] = summary?.problems ?? []
  if (first === undefined) return false
  const more = (summary?.problems.length ?? 1) - 1
  return h(
    'p',
    { class: 'notice' },
    icon('problem'),
    h('span', {}, first.text, more > 0 && ` and ${pluralize(more, 'more problem')}`),
    h('a', { href: '#/server' }, 'Details'),
  )
}
