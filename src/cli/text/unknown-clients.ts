/** Machines that asked and are not declared, as a table for a terminal: what a person recognises one by. Pure. */
import { architectureText } from '../../plan/dhcp/boot-table.ts'
import type { RelayFacts, UnknownClient } from '../../serve/dhcp/unknown-clients.ts'
import { formatCount } from '../../text/count.ts'
import { formatDuration } from '../../text/duration.ts'
import { alignColumns } from '../../text/table.ts'

const headings = ['MAC', 'VENDOR CLASS', 'ARCHITECTURE', 'SEEN', 'ASKED']

/**
 * A line for each, and one below it with what only some machines say.
 *
 * @param now milliseconds since 1970, as the sightings' times
 */
export function renderStrangers(strangers: readonly UnknownClient[], now: number): string[] {
  if (strangers.length === 0) return ['no machine asked that is not declared']
  const rows = strangers.map((stranger) => row(stranger, now))
  const [header = '', ...lines] = alignColumns([headings, ...rows])
  return [
    header,
    ...strangers.flatMap((stranger, index) => [lines[index] as string, ...more(stranger)]),
    '',
    'slipway node adopt SITE MAC --name NAME --role ROLE writes one into the site file',
  ]
}

function row({ mac, vendorClass, architecture, lastSeen, count }: UnknownClient, now: number): string[] {
  // What follows the class in firmware's option 60 is the architecture once more.
  const shownClass = vendorClass.replace(/:Arch:.*/, '') || '-'
  const shownArchitecture = architecture === undefined ? '-' : architectureText(architecture)
  return [mac, shownClass, shownArchitecture, `${formatDuration(now - lastSeen)} ago`, formatCount(count)]
}

function more({ uuid, hostName, relay }: UnknownClient): string[] {
  const parts = [
    ...(hostName === undefined ? [] : [`called ${hostName}`]),
    ...(uuid === undefined ? [] : [`UUID ${uuid}`]),
    ...(relay === undefined ? [] : [relayText(relay)]),
  ]
  return parts.length === 0 ? [] : [`  ${parts.join(', ')}`]
}

function relayText({ address, circuitId, remoteId }: RelayFacts): string {
  const port = circuitId === undefined ? '' : `, circuit ${circuitId}`
  const remote = remoteId === undefined ? '' : `, remote ${remoteId}`
  return `by relay ${address}${port}${remote}`
}
