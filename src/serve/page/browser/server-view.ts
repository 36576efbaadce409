/** The view Server: faults of slipway itself, the site file against the active site, throughput, and the process. */
import { formatBytes, formatDuration, pluralize } from '../../../text/format.ts'
import { canOperate } from './api.ts'
import { h, svg, type Child } from './dom.ts'
import { ago, badge, button, clockTime, empty, facts, half, panel, table, userName } from './parts.ts'
import type { HistoryEntry, ServerPage } from './types.ts'

export function serverView(
  page: ServerPage | undefined,
  history: readonly HistoryEntry[],
  now: number,
): Element {
  return h(
    'div',
    { class: 'view', key: 'server' },
    h('h1', {}, 'Server'),
    page === undefined ? empty('Loading the state of the server.') : contentOf(page, history, now),
  )
}

function contentOf(page: ServerPage, history: readonly HistoryEntry[], now: number): Child {
  return [
    panel('Problems', problems(page)),
    panel('Site file', siteFacts(page, history, now), canOperate() && button('Compare and reload', 'reload')),
    panel('Throughput of the last 10 minutes', plots(page)),
    panel('Images', images(page, now)),
    half(panel('Ignition files', ignition(page, now))),
    half(panel('Refused requests', refusals(page))),
    panel('Process', processFacts(page)),
  ]
}

function problems({ problems: list, warnings }: ServerPage): Child {
  if (list.length + warnings.length === 0) return h('p', {}, badge('installed', 'good', 'no problems'))
  return h(
    'ul',
    { class: 'problems' },
    list.map(({ code, text }) =>
      h('li', {}, badge('problem', 'bad', 'problem'), h('span', {}, text), h('code', { class: 'dim' }, code)),
    ),
    warnings.map((text) => h('li', {}, badge('problem', 'warn', 'warning'), h('span', {}, text))),
  )
}

function siteFacts(page: ServerPage, history: readonly HistoryEntry[], now: number): Child {
  const { site, siteFile, siteFileDiffers } = page
  return [
    facts([
      ['Site', site],
      ['File', h('code', {}, siteFile)],
      [
        'State',
        siteFileDiffers
          ? badge('problem', 'warn', 'differs from the active site')
          : badge('installed', 'good', 'active'),
      ],
    ]),
    history.length > 0 &&
      table<HistoryEntry>(
        'Sites that slipway served',
        [
          { title: 'Number', cell: ({ number }) => number },
          { title: 'Since', cell: ({ at }) => clockTime(at, now) },
          { title: 'User', cell: ({ by = '' }) => userName(by) },
          {
            title: 'Change',
            cell: ({ summary, confirmBy }) => [
              summary,
              confirmBy !== undefined &&
                h('small', {}, `awaits confirmation until ${clockTime(confirmBy, now)}`),
            ],
          },
        ],
        history,
        ({ number }) => String(number),
      ),
  ]
}

const series = [
  { name: 'images', title: 'Images', format: (value: number) => `${formatBytes(Math.round(value))}/s` },
  { name: 'tftp', title: 'TFTP', format: (value: number) => `${formatBytes(Math.round(value))}/s` },
  { name: 'dns', title: 'DNS', format: (value: number) => `${value.toFixed(1)} queries/s` },
  { name: 'http', title: 'HTTP', format: (value: number) => `${value.toFixed(1)} requests/s` },
] as const

function plots({ throughput }: ServerPage): Child {
  if (throughput.length < 2)
    return empty('slipway takes a sample every 5 s. The plots start with the second one.')
  return h(
    'div',
    { class: 'plots' },
    series.map(({ name, title, format }) => {
      const values = throughput.map((sample) => sample[name])
      const max = Math.max(...values)
      const text = `${title}: now ${format(values.at(-1) ?? 0)}, maximum ${format(max)}`
      return h(
        'figure',
        { key: `plot-${name}` },
        h(
          'figcaption',
          {},
          h('b', {}, title),
          ` ${format(values.at(-1) ?? 0)}`,
          h('small', {}, `max ${format(max)}`),
        ),
        svg(
          'svg',
          {
            viewBox: '0 0 120 32',
            preserveAspectRatio: 'none',
            class: 'plot',
            role: 'img',
            'aria-label': text,
          },
          svg('path', { class: 'area', d: `${linePath(values, max)} L120,32 L${start(values)},32 Z` }),
          svg('path', { class: 'line', d: linePath(values, max) }),
        ),
      )
    }),
  )
}

/** The latest sample is at the right edge. */
function start(values: readonly number[]): number {
  return 120 - (values.length - 1)
}

export function linePath(values: readonly number[], max: number): string {
  return values
    .map((value, index) => {
      const y = max === 0 ? 31 : 31 - (value / max) * 29
      return `${index === 0 ? 'M' : 'L'}${start(values) + index},${y.toFixed(1)}`
    })
    .join(' ')
}

function images({ images: list }: ServerPage, now: number): Child {
  if (list.length === 0) return empty('The site has no images.')
  return table<ServerPage['images'][number]>(
    'Boot images',
    [
      { title: 'Image', cell: ({ name }) => name },
      {
        title: 'Directory',
        cell: ({ directory, files }) => [h('code', {}, directory), h('small', {}, files.join(', '))],
      },
      { title: 'Size', class: 'number', cell: ({ bytes }) => formatBytes(bytes) },
      {
        title: 'Written',
        cell: ({ changedAt }) => (changedAt === undefined ? 'not readable' : ago(changedAt, now)),
      },
      { title: 'Nodes', class: 'number', cell: ({ nodes }) => nodes },
    ],
    list,
    ({ name }) => name,
  )
}

function ignition({ ignition: files }: ServerPage, now: number): Child {
  if (files.length === 0) return empty('The site has no Ignition files with certificates that expire.')
  return table<ServerPage['ignition'][number]>(
    'Ignition files',
    [
      { title: 'Cluster', cell: ({ cluster }) => cluster },
      { title: 'File', cell: ({ kind }) => h('code', {}, `${kind}.ign`) },
      { title: 'First certificate expires', cell: ({ expiresAt }) => expiry(expiresAt, now) },
    ],
    files,
    ({ cluster, kind }) => `${cluster} ${kind}`,
  )
}

function expiry(at: number, now: number): Element {
  if (at <= now) return badge('failed', 'bad', `expired ${formatDuration(now - at)} ago`)
  const isSoon = at - now < 4 * 3_600_000
  return badge(isSoon ? 'problem' : 'installed', isSoon ? 'warn' : 'good', `in ${formatDuration(at - now)}`)
}

function processFacts({ uptimeSeconds, process, listening }: ServerPage): Child {
  const { eventLoopDelayMs, residentMemoryBytes, openFiles, datagramsDropped, logLinesLost } = process
  return facts([
    ['Uptime', formatDuration(uptimeSeconds * 1000)],
    ['Event loop delay', `${eventLoopDelayMs.p99} ms (99 %), ${eventLoopDelayMs.max} ms (maximum)`],
    ['Memory', formatBytes(residentMemoryBytes)],
    ['Open files', openFiles],
    ['Datagrams dropped', datagramsDropped],
    ['Log lines lost', logLinesLost],
    [
      'Listening',
      h(
        'ul',
        { class: 'plain' },
        listening.map((where) => h('li', {}, h('code', {}, where))),
      ),
      'wide',
    ],
  ])
}

function refusals({ refusals: counts }: ServerPage): Child {
  const list = Object.entries(counts).sort(([, a], [, b]) => b - a)
  if (list.length === 0) return empty('slipway refused no requests.')
  return [
    h('p', { class: 'dim' }, `${pluralize(list.length, 'reason')} since the start.`),
    table(
      'Refused requests by code',
      [
        { title: 'Code', cell: ([code]) => h('code', {}, code) },
        { title: 'Count', class: 'number', cell: ([, count]) => count },
      ],
      list,
      ([code]) => code,
    ),
  ]
}
