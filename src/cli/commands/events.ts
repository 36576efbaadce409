/** `slipway events`: what is seen of the nodes, as it is seen. */
import { parseArgs } from 'node:util'
import type { ClusterEvent, Observation } from '../../install/observation.ts'
import { formatDuration } from '../../text/duration.ts'
import { formatBytes } from '../../text/bytes.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { controlHelp, controlOptions, controlPath, followControl } from '../client.ts'
import { nodeKeys } from './node/node.ts'
import { clockTime } from '../text/output.ts'
import { toResult } from './status.ts'
import { clip } from '../../text/clip.ts'
import { printable } from '../../text/printable.ts'

export const events: Command = {
  name: 'events',
  summary: 'follow what is seen of the nodes',
  usage: `usage: slipway events [--node NAME] [--json] [--control PATH]

Writes a line for everything that the running slipway sees of its nodes, until it is
interrupted. When slipway is started anew in between, it goes on where it was.

  --node NAME      only of this node (w1 or ocp45/w1)
${controlHelp}

Exit code 1: slipway cannot be asked. 2: usage, or no such node.`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...controlOptions, node: { type: 'string' } },
    })
    if (positionals.length > 0)
      throw new UsageError('events takes no names; --node NAME narrows it to one node')
    const { node: name, json: isJson } = values
    const path = controlPath(values.control)
    return toResult(terminal, async () => {
      const [key] = name === undefined ? [] : await nodeKeys(path, [name])
      await followEvents(path, { key, isJson }, terminal, new AbortController().signal)
      return ExitCode.fine
    })
  },
}

/** Until `signal` is aborted. */
export function followEvents(
  path: string,
  { key, isJson }: { readonly key?: string | undefined; readonly isJson: boolean },
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const query = key === undefined ? '' : `?node=${encodeURIComponent(key)}`
  return followControl(path, `/v1/events${query}`, {
    onEvent: (data) =>
      terminal.out(isJson ? data : eventLine(JSON.parse(data) as Observation, terminal.columns)),
    onGone: (sentence) => terminal.err(`slipway events: ${sentence}`),
    signal,
  })
}

/** `10:00:05  ocp45/w1  rootfs sent: rhcos-live-rootfs.x86_64.img, 1.0 GiB in 9.4 s` */
export function eventLine(seen: Observation, columns: number): string {
  return clip(`${clockTime(seen.at)}  ${seen.node}  ${printable(eventText(seen))}`, Math.max(columns, 60))
}

const words: Readonly<Record<ClusterEvent, string>> = {
  'approved-client': 'client certificate approved',
  registered: 'registered',
  'approved-serving': 'serving certificate approved',
  ready: 'Ready',
  'not-ready': 'not Ready',
  removed: 'removed',
}

function eventText(seen: Observation): string {
  switch (seen.kind) {
    case 'dhcp':
      return `DHCP ${seen.message} as ${seen.asker}: ${seen.answer}${seen.isFresh ? '' : ', lease prolonged'}`
    case 'loader':
      return `loader ${seen.outcome}: ${seen.file} by ${seen.by.toUpperCase()}${amount(seen)}`
    case 'script':
      return `script: ${[seen.script, seen.role, seen.reason].filter(Boolean).join(', ')}`
    case 'file':
      return `${seen.what} ${seen.outcome}: ${seen.file}${amount(seen)}`
    case 'ignition':
      return `Ignition ${seen.outcome} to ${seen.client}: ${[`${seen.role}.ign`, seen.reason].filter(Boolean).join(', ')}`
    case 'callback':
      return `its own word: ${seen.stage}`
    case 'cluster':
      return `its cluster: ${words[seen.word]}${seen.reason === undefined ? '' : `: ${seen.reason}`}`
    case 'command':
      return `command: ${seen.command}`
    case 'state':
      return `${seen.from} → ${seen.to}: ${seen.reason}`
  }
}

function amount({ octets, durationMs }: { readonly octets: number; readonly durationMs: number }): string {
  return octets === 0 ? '' : `, ${formatBytes(octets)} in ${formatDuration(durationMs)}`
}
