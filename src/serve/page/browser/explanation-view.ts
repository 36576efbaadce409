/** Everything that slipway sends to a node, as `slipway explain` prints it. */
import { formatBytes } from '../../../text/format.ts'
import { h, type Child } from './dom.ts'
import { kernelArguments } from './kernel-arguments.ts'
import { serverBadge } from './cluster-view.ts'
import { clockTime, copyable, empty, facts, half, panel, pre, table } from './parts.ts'
import type { Explanation, NodePage } from './types.ts'

export function explanationPanels(explained: Explanation, { servers }: NodePage, now: number): Element[] {
  const { offers, script, ignition, dns, haproxy, image, diskChooser } = explained
  const disk = explained.disk ?? (diskChooser && `chosen by its ${diskChooser}`)
  return [
    panel(
      'DHCP offers',
      table(
        'DHCP offers by client',
        [
          { title: 'Client', class: 'tight', cell: ({ client }) => h('span', {}, client) },
          { title: 'Address', class: 'tight', cell: ({ address = '' }) => h('code', {}, address) },
          {
            title: 'Boot file',
            cell: ({ bootFile, reason, loader }) => [
              h('code', {}, bootFile ?? ''),
              reason !== undefined && h('small', {}, reason),
              loader?.problem !== undefined && h('small', { class: 'bad' }, loader.problem),
            ],
          },
          {
            title: 'Options',
            class: 'tight',
            cell: ({ options }) =>
              options.length > 0 &&
              h(
                'details',
                {},
                h('summary', {}, `${options.length} options`),
                h(
                  'ul',
                  { class: 'plain' },
                  options.map(({ code, name, value }) =>
                    h('li', {}, `${code} ${name}: `, h('code', {}, value)),
                  ),
                ),
              ),
          },
        ],
        offers,
      ),
    ),
    ...(script === undefined ? [] : [scriptPanel(script, image, disk)]),
    half(
      panel('Ignition', ignition === undefined ? empty(noIgnitionText(explained)) : ignitionFacts(ignition)),
    ),
    half(
      panel(
        'Names',
        table(
          'DNS records',
          [
            { title: 'Name', cell: ({ owner }) => h('code', {}, owner) },
            { title: 'Type', cell: ({ type }) => type },
            { title: 'Data', cell: ({ data }) => h('code', {}, data) },
          ],
          [...dns.forward, ...dns.reverse],
        ),
      ),
    ),
    panel(
      'Backends',
      haproxy.length === 0
        ? empty('No backend of the load balancer contains the node.')
        : table(
            'Backends of the load balancer',
            [
              {
                title: 'Service',
                cell: ({ service, isBackup }) => `${service}${isBackup ? ' (backup)' : ''}`,
              },
              { title: 'Clients connect to', cell: ({ addresses }) => h('code', {}, addresses.join(', ')) },
              { title: 'Server', cell: ({ server }) => h('code', {}, server) },
              {
                title: 'State in HAProxy',
                cell: ({ service, isOut }) => stateIn(servers, service, isOut, now),
              },
            ],
            haproxy,
          ),
    ),
  ]
}

function noIgnitionText({ script, diskChooser }: Explanation): string {
  if (script === undefined) return 'slipway does not boot this node.'
  if (diskChooser === 'agent') return 'The initramfs of the image contains it.'
  return 'slipway sends no Ignition file to this node.'
}

/** The state of the server of a node in one backend. */
function stateIn(servers: NodePage['servers'], service: string, isOut: boolean, now: number): Child {
  const server = servers.find(({ backend }) => backend === service)
  if (server === undefined) return isOut ? 'drained by the site' : 'not known'
  const { since } = server
  return [serverBadge(server), since === undefined ? '' : ` since ${clockTime(since, now)}`]
}

function scriptPanel(
  { url, leadsTo, body }: NonNullable<Explanation['script']>,
  image: string | undefined,
  disk: string | undefined,
): Element {
  return panel('Boot script', [
    facts([
      ['URL', copyable(url, 'the URL of the script'), 'line'],
      ['Leads to', leadsTo],
      ['Image', image],
      ['Disk', disk],
    ]),
    h('h3', {}, 'Kernel arguments'),
    h(
      'ul',
      { class: 'arguments' },
      kernelArguments(body).map((argument) => h('li', {}, h('code', {}, argument))),
    ),
    h('details', {}, h('summary', {}, 'Whole script'), pre(body, 'Boot script')),
  ])
}

function ignitionFacts({
  url,
  file,
  octets,
  isAsked,
  problem,
  added,
}: NonNullable<Explanation['ignition']>): Child {
  return [
    facts([
      ['File', h('code', {}, file), 'wide'],
      ['URL', h('code', {}, url), 'wide'],
      ['Size', octets === undefined ? undefined : formatBytes(octets)],
      ['Source', isAsked === true ? 'the cluster, when the node installs' : undefined],
      ['Problem', problem, 'wide'],
    ]),
    h(
      'p',
      { class: 'dim' },
      'The contents are secret. Only the node that installs gets the file, with a token for one use.',
    ),
    added.length > 0 &&
      h(
        'ul',
        { class: 'plain' },
        added.map(({ path, mode, from }) =>
          h('li', {}, h('code', {}, path), ` ${mode}${from === undefined ? '' : ` from ${from}`}`),
        ),
      ),
  ]
}
