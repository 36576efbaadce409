/** Undeclared machines as a table: the facts by which an administrator recognizes one. Pure. */
import { architectureText } from '../../plan/dhcp/boot-table.ts'
import type { RelayFacts, UnknownClient } from '../../serve/dhcp/unknown-clients.ts'
import { formatCount, formatDuration } from '../../text/format.ts'
import { alignColumns } from '../../text/lines.ts'

const headings = ['MAC', 'VENDOR CLASS', 'ARCHITECTURE', 'LAST SEEN', 'REQUESTS']

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
  return [mac, shownClass, shownArchitecture, `${formatDuration(now - lastSeen)} ago`, formatCount(count)]
}

function more({ uuid, hostName, relay }: UnknownClient): string[] {
  const parts = [
    ...(hostName === undefined ? [] : [`host name ${hostName}`]),
    ...(uuid === undefined ? [] : [`UUID ${uuid}`]),
    ...(relay === undefined ? [] : [relayText(relay)]),
  ]
  return parts.length === 0 ? [] : [`  ${parts.join(', ')}`]
}

function relayText({ address, circuitId, remoteId }: RelayFacts): string {
  const port = circuitId === undefined ? '' : `, circuit ${circuitId}`
  const remote = remoteId === undefined ? '' : `, remote ${remoteId}`
  return `through relay agent ${address}${port}${remote}`
}
