/** The view Network: undeclared machines, other DHCP servers, and addresses that are in use by other machines. */
import { formatBytes, pluralize } from '../../../text/format.ts'
import { h, type Child } from './dom.ts'
import { canOperate } from './api.ts'
import type { Owners } from './rack-model.ts'
import { ago, button, copyable, copyButton, empty, icon, panel, table } from './parts.ts'
import type { ServerPage, UndeclaredMachine } from './types.ts'

export function networkView(page: ServerPage | undefined, owners: Owners, now: number): Element {
  return h(
    'div',
    { class: 'view', key: 'network' },
    h('h1', {}, 'Network'),
    page === undefined ? empty('Loading the state of the network.') : contentOf(page, owners, now),
  )
}

function contentOf(
  { strangers, otherDhcpServers, declined }: ServerPage,
  owners: Owners,
  now: number,
): Child {
  return [
    panel('Other DHCP servers', otherServers(otherDhcpServers, now)),
    panel('Undeclared machines', undeclared(strangers, owners, now)),
    panel('Addresses in use by other machines', declinedAddresses(declined, now)),
  ]
}

function otherServers(servers: ServerPage['otherDhcpServers'], now: number): Child {
  if (servers.length === 0) return empty('No other DHCP server was seen in the last hour.')
  return [
    h(
      'p',
      { class: 'problem' },
      icon('problem'),
      h(
        'span',
        {},
        'Nodes can get their address and boot file from these servers. Turn off their DHCP for this network.',
      ),
    ),
    table(
      'Other DHCP servers',
      [
        { title: 'Server', cell: ({ server }) => h('code', {}, server) },
        { title: 'Used by', cell: ({ node }) => h('a', { href: `#/node/${node}` }, node) },
        { title: 'First seen', cell: ({ firstSeen }) => ago(firstSeen, now) },
        { title: 'Last seen', cell: ({ lastSeen }) => ago(lastSeen, now) },
        { title: 'Messages', class: 'number', cell: ({ count }) => count },
      ],
      servers,
      ({ server }) => server,
    ),
  ]
}

function undeclared(machines: readonly UndeclaredMachine[], owners: Owners, now: number): Child {
  if (machines.length === 0)
    return empty('Every machine that sent a DHCP request is declared in the site file.')
  return [
    h(
      'p',
      {},
      `${pluralize(machines.length, 'machine')} sent DHCP requests without an entry in the site file. To add one, ${canOperate() ? 'press Adopt' : 'paste its entry below nodes in the site file, and replace name, role, and address'}.`,
    ),
    table<UndeclaredMachine>(
      'Undeclared machines',
      [
        {
          title: 'Machine',
          cell: ({ mac, vendorClass, inventory, similar = [] }) => [
            h('code', {}, mac),
            h('small', {}, vendorClass),
            inventory && h('small', {}, hardwareText(inventory)),
            similar.map((other) =>
              h('small', { class: 'bad' }, `Similar to ${other.mac} of ${other.node}: check the site file`),
            ),
          ],
        },
        { title: 'Last seen', cell: ({ lastSeen }) => ago(lastSeen, now) },
        { title: 'Requests', class: 'number', cell: ({ count }) => count },
        {
          title: 'Entry for the site file',
          cell: ({ mac }) => copyable(siteEntry(mac), `the entry for ${mac}`),
        },
        {
          title: 'Action',
          cell: ({ mac }) =>
            canOperate()
              ? button('Adopt', 'adopt', {
                  'data-mac': mac,
                  'data-clusters': owners.clusters.join(' '),
                  'data-groups': owners.groups.join(' '),
                  'aria-label': `Adopt ${mac}`,
                })
              : copyButton(
                  `slipway node adopt --name NAME --role worker --address ADDRESS ${mac}`,
                  `the command that adds ${mac}`,
                ),
        },
      ],
      machines,
      ({ mac }) => mac,
    ),
  ]
}

function hardwareText({
  vendor,
  product,
  serial,
  disks,
}: NonNullable<UndeclaredMachine['inventory']>): string {
  const known = (text: string | undefined, label = ''): string[] => (text === undefined ? [] : [label + text])
  return [
    ...known(vendor),
    ...known(product),
    ...known(serial, 'serial number '),
    ...disks.map(({ name, bytes }) => `${name} ${formatBytes(bytes)}`),
  ].join(', ')
}

/** The entry of a node with placeholders that `slipway check` refuses until they are replaced. */
export function siteEntry(mac: string): string {
  return `- { name: NAME, role: worker, mac: "${mac}", address: ADDRESS }`
}

function declinedAddresses(declined: ServerPage['declined'], now: number): Child {
  if (declined.length === 0) return empty('No node declined its address.')
  return table(
    'Declined addresses',
    [
      { title: 'Address', cell: ({ address }) => h('code', {}, address) },
      { title: 'Node', cell: ({ node }) => h('a', { href: `#/node/${node}` }, node) },
      { title: 'Last seen', cell: ({ lastSeen }) => ago(lastSeen, now) },
      { title: 'Times', class: 'number', cell: ({ count }) => count },
    ],
    declined,
    ({ address }) => address,
  )
}
