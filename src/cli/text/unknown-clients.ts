/** Machines that asked and are not declared, as a table for a terminal: what a person recognises one by. Pure. */
import { architectureText } from '../../plan/dhcp/boot-table.ts'
import type { RelayFacts, UnknownClient } from '../../serve/dhcp/unknown-clients.ts'

const headings = ['MAC', 'VENDOR CLASS', 'ARCHITECTURE', 'SEEN', 'ASKED']

/**
 * A line for each, and one below it with what only some machines say.
 *
 * @param now milliseconds since 1970, as the sightings' times
 */
export function renderStrangers(strangers: readonly UnknownClient[], now: number): string[] {
  if (strangers.length === 0) return ['no machine asked that is not declared']
  const rows = strangers.map((stranger) => row(stranger, now))
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((cells) => (cells[column] as string).length)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join('  ')
      .trimEnd()
  return [
    line(headings),
    ...strangers.flatMap((stranger, index) => [line(rows[index] as string[]), ...more(stranger)]),
    '',
    'slipway node adopt SITE MAC --name NAME --role ROLE writes one into the site file',
  ]
}

function row({ mac, vendorClass, architecture, lastSeen, count }: UnknownClient, now: number): string[] {
  // What follows the class in firmware's option 60 is the architecture once more.
  const shownClass = vendorClass.replace(/:Arch:.*/, '') || '-'
  const shownArchitecture = architecture === undefined ? '-' : architectureText(architecture)
  const times = count === 1 ? 'once' : `${count} times`
  return [mac, shownClass, shownArchitecture, `${ageText(now - lastSeen)} ago`, times]
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

/** `12 s`, `5 min`, `3 h`, `2 d` */
function ageText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}
