/** `slipway health`: whether the running slipway serves, in one line, for health checks of containers and monitoring. */
import { parseArgs } from 'node:util'
import { pluralize } from '../../text/format.ts'
import { askControl, toResult } from '../client.ts'
import { ExitCode, type Command } from '../command.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'

/** The part of the status that this command reads. */
type Status = {
  readonly site: string
  readonly problems: readonly { readonly code: string; readonly text: string }[]
}

export const health: Command = {
  name: 'health',
  help: {
    usage: ['health [--strict] [--json] [--control PATH]'],
    about: [
      'Prints "ok" if the running slipway serves without problems, or else "degraded" and the first problem.',
      'A degraded slipway still serves: restarting it does not help. Use --strict for alerts, not for automatic restarts.',
    ],
    options: [['--strict', 'exit with 1 if slipway is degraded'], controlRow, jsonRow],
    exit: [
      ['0', 'slipway serves'],
      ['1', 'slipway is not running, or is degraded (only with --strict)'],
      ['2', 'invalid command line'],
    ],
    examples: ['health', 'health --strict --json'],
  },

  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: { ...controlOptions, strict: { type: 'boolean', default: false } },
    })
    return toResult(terminal, async () => {
      const { site, problems } = await askControl<Status>(controlPath(values.control), '/v1/status')
      const status = problems.length === 0 ? 'ok' : 'degraded'
      if (values.json) terminal.out(JSON.stringify({ status, site, problems }))
      else terminal.out(lineOf(site, problems))
      return values.strict && status !== 'ok' ? ExitCode.problems : ExitCode.fine
    })
  },
}

function lineOf(site: string, problems: Status['problems']): string {
  const [first] = problems
  if (first === undefined) return `ok: slipway serves ${site}`
  const others = problems.length - 1
  const more = others === 0 ? '' : `, and ${pluralize(others, 'other problem')}: run slipway status`
  return `degraded: ${first.text}${more}`
}
