/**
 * `slipway nodes seen`: undeclared machines that sent DHCP requests, with the facts by which an administrator recognizes one.
 */
import { parseArgs } from 'node:util'
import { similarText } from '../../serve/dhcp/similar-mac.ts'
import type { UnknownClient, RelayFacts } from '../../serve/dhcp/unknown-clients.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { toResult, askControl } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'
import { inventoryLines } from '../text/inventory.ts'
import { architectureText } from '../../plan/dhcp/boot-table.ts'
import { formatDuration } from '../../text/format.ts'
import { alignColumns } from '../../text/lines.ts'

export const nodes: Command = {
  name: 'nodes',
  help: {
    usage: ['nodes [seen] [--json] [--control PATH]'],
    about: [
      'Lists undeclared machines that sent DHCP requests.',
      'Queries the running slipway for the machines that are not in its site file. Prints the MAC address, vendor class, ' +
        'architecture, last request, and number of requests of each one, most recent first, and what it reported in an ' +
        'inventory boot (docs/inventory.md).',
    ],
    options: [controlRow, jsonRow],
    exit: [
      ['0', 'success'],
      ['1', 'slipway is not running, or refused the request'],
      ['2', 'invalid command line'],
    ],
    isPaged: true,
    examples: ['nodes seen', 'nodes seen --json'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    if (positionals.length > 1 || (positionals[0] ?? 'seen') !== 'seen')
      throw new UsageError('expected: seen; to list the nodes of the site, run "slipway status"')
    return toResult(terminal, async () => {
      const seen = await askControl<UnknownClient[]>(controlPath(values.control), '/v1/nodes/seen')
      if (values.json) terminal.out(JSON.stringify(seen, undefined, 2))
      else for (const line of unknownClientLines(seen, Date.now())) terminal.out(line)
      return ExitCode.fine
    })
  },
}

const headings = ['MAC', 'vendor class', 'architecture', 'last seen', 'requests']

/**
 * Returns a line for each machine, and a second one for facts that only some machines send.
 *
 * @param now milliseconds since 1970, like the times of the machines
 */
export function unknownClientLines(clients: readonly UnknownClient[], now: number): string[] {
  if (clients.length === 0) return ['no undeclared machine sent a DHCP request']
  const rows = clients.map((client) => row(client, now))
  const [header = '', ...lines] = alignColumns([headings, ...rows])
  return [
    header,
    ...clients.flatMap((client, index) => [lines[index] as string, ...more(client)]),
    '',
    'To write one into the site file: slipway node adopt --name NAME --role ROLE --address ADDRESS MAC',
  ]
}

function row({ mac, vendorClass, architecture, lastSeen, count }: UnknownClient, now: number): string[] {
  // Firmware repeats its architecture behind the class in option 60.
  const shownClass = vendorClass.replace(/:Arch:.*/, '') || '-'
  const shownArchitecture = architecture === undefined ? '-' : architectureText(architecture)
  return [mac, shownClass, shownArchitecture, `${formatDuration(now - lastSeen)} ago`, String(count)]
}

function more({ uuid, hostName, relay, similar, inventory }: UnknownClient): string[] {
  const parts = [
    ...(hostName === undefined ? [] : [`host name ${hostName}`]),
    ...(uuid === undefined ? [] : [`UUID ${uuid}`]),
    ...(relay === undefined ? [] : [relayText(relay)]),
  ]
  const hint = similar === undefined ? [] : [`  ! ${similarText(similar)}`]
  const reported = inventory === undefined ? [] : inventoryLines(inventory)
  return [...(parts.length === 0 ? [] : [`  ${parts.join(', ')}`]), ...hint, ...reported]
}

function relayText({ address, circuitId, remoteId }: RelayFacts): string {
  const port = circuitId === undefined ? '' : `, circuit ${circuitId}`
  const remote = remoteId === undefined ? '' : `, remote ${remoteId}`
  return `through relay agent ${address}${port}${remote}`
}
