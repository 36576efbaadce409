/** `slipway log NODE`: the recorded events of one node, oldest first. */
import type { Observation } from '../../install/observation.ts'
import { ExitCode, type Command } from '../command.ts'
import { askControl, toResult } from '../client.ts'
import { interruptible } from '../poll.ts'
import { parseLogArguments } from '../log-options.ts'
import { controlRow, nodeKeys } from '../target.ts'
import { dateTime, paint } from '../text/output.ts'
import { printable } from '../../text/lines.ts'
import { eventText, followEvents } from './events.ts'

const limits = { usual: 50, most: 999_999 }

export const log: Command = {
  name: 'log',
  help: {
    usage: ['log [--lines N] [--follow] [--json] [--control PATH] NODE'],
    about: [
      'Shows the latest events of one node.',
      'Prints what the running slipway recorded about the node: DHCP messages, transfers, scripts, reports of the node ' +
        'and of its cluster, commands, and changes of its state. NODE is w1, or ocp45/w1 if several clusters have a ' +
        'node w1. "slipway node show NODE" groups the same events into boots.',
    ],
    options: [
      ['--lines N', `how many events, from 1 to ${limits.most} (default: ${limits.usual})`],
      ['--follow', 'then wait for further events until you press Ctrl-C'],
      controlRow,
      ['--json', 'print a JSON document on each line'],
    ],
    exit: [
      ['0', 'success'],
      ['1', 'slipway is not running, or refused the request'],
      ['2', 'invalid command line, or no such node'],
    ],
    isPaged: true,
    examples: ['log w1', 'log --lines 200 ocp45/w1', 'log --follow w1'],
  },

  async run(args, terminal) {
    const { name, lines, isFollowed, isJson, control: path } = parseLogArguments(args, limits)
    return toResult(terminal, async () => {
      const [key = ''] = await nodeKeys(path, [name])
      const all = await askControl<Observation[]>(path, `/v1/nodes/${key}/events`)
      for (const seen of all.slice(-lines)) {
        terminal.out(
          isJson
            ? JSON.stringify(seen)
            : `${paint(terminal, 'dim', dateTime(seen.at))}  ${printable(eventText(seen))}`,
        )
      }
      if (all.length === 0 && !isJson) terminal.err(`slipway log: ${key} has not been seen yet`)
      if (isFollowed) {
        const after = all.at(-1)?.sequence
        await interruptible((signal) => followEvents(path, { key, isJson, after }, terminal, signal))
      }
      return ExitCode.fine
    })
  },
}
