/** `slipway events`: follows the events of nodes. */
import { parseArgs } from 'node:util'
import type { ClusterEvent, Observation } from '../../install/observation.ts'
import { defined } from '../../text/defined.ts'
import { formatDuration, formatBytes } from '../../text/format.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { followControl, toResult } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow, nodeKeys } from '../target.ts'
import { interruptible } from '../poll.ts'
import { clockTime } from '../text/output.ts'
import { printable } from '../../text/lines.ts'

export const events: Command = {
  name: 'events',
  help: {
    usage: ['events [--node NAME] [--json] [--control PATH]'],
    about: [
      'Follows the boot and installation events of nodes.',
      'Prints a line for each event of the running slipway until you press Ctrl-C. It resumes without a gap after a ' +
        'restart of slipway.',
    ],
    options: [['--node NAME', 'only this node (w1 or ocp45/w1)'], controlRow, jsonRow],
    exit: [
      ['0', 'interrupted'],
      ['1', 'slipway is not running'],
      ['2', 'invalid command line, or no such node'],
    ],
    examples: ['events', 'events --node ocp45/w1', 'events --json'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...controlOptions, node: { type: 'string' } },
    })
    if (positionals.length > 0) throw new UsageError('expected no arguments; --node NAME selects one node')
    const { node: name, json: isJson } = values
    const path = controlPath(values.control)
    return toResult(terminal, async () => {
      const [key] = name === undefined ? [] : await nodeKeys(path, [name])
      return interruptible(async (signal) => {
        await followEvents(path, { key, isJson }, terminal, signal)
        return ExitCode.fine
      })
    })
  },
}

type FollowedEvents = {
  readonly key?: string | undefined
  readonly isJson: boolean
  /** The sequence of the last event that was printed before. */
  readonly after?: number | undefined
}

/** Prints events until `signal` is aborted. */
export function followEvents(
  path: string,
  { key, isJson, after }: FollowedEvents,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const query = key === undefined ? '' : `?node=${encodeURIComponent(key)}`
  return followControl(path, `/v1/events${query}`, {
    onEvent: (data) => terminal.out(isJson ? data : eventLine(JSON.parse(data) as Observation)),
    onGone: (sentence) => terminal.err(`slipway events: ${sentence}`),
    signal,
    ...defined({ lastId: after?.toString() }),
  })
}

/** `10:00:05 UTC  ocp45/w1  rootfs sent: rhcos-live-rootfs.x86_64.img, 1.0 GiB in 9.4 s` */
export function eventLine(seen: Observation): string {
  return `${clockTime(seen.at)}  ${seen.node}  ${printable(eventText(seen))}`
}

const clusterTexts: Readonly<Record<ClusterEvent, string>> = {
  'approved-client': 'client certificate approved',
  registered: 'registered',
  'approved-serving': 'serving certificate approved',
  ready: 'Ready',
  'not-ready': 'not Ready',
  removed: 'removed',
  assisted: 'assisted service',
  'assisted-installed': 'assisted service',
  'assisted-failed': 'assisted service',
}

export function eventText(seen: Observation): string {
  switch (seen.kind) {
    case 'dhcp': {
      const server = seen.server === undefined ? '' : ` by another DHCP server (${seen.server}) and accepted`
      return `DHCP ${seen.message} as ${seen.asker}: ${seen.answer}${server}${seen.isFresh ? '' : ', lease renewed'}`
    }
    case 'loader':
      return `loader ${seen.outcome}: ${seen.file} by ${seen.by.toUpperCase()}${amount(seen)}`
    case 'script':
      return `script: ${[seen.script, seen.role, seen.reason].filter(Boolean).join(', ')}`
    case 'file':
      return `${seen.what} ${seen.outcome}: ${seen.file}${amount(seen)}`
    case 'ignition':
      return `Ignition ${seen.outcome} to ${seen.client}: ${[`${seen.role}.ign`, seen.reason].filter(Boolean).join(', ')}`
    case 'callback':
      return `the node reports: ${seen.stage}`
    case 'cluster':
      return `the cluster reports: ${clusterTexts[seen.word]}${seen.reason === undefined ? '' : `: ${seen.reason}`}`
    case 'command':
      return `command: ${seen.command}${seen.by === undefined ? '' : ` by ${seen.by}`}`
    case 'state':
      return `${seen.from} → ${seen.to}: ${seen.reason}`
  }
}

function amount({ octets, durationMs }: { readonly octets: number; readonly durationMs: number }): string {
  return octets === 0 ? '' : `, ${formatBytes(octets)} in ${formatDuration(durationMs)}`
}
