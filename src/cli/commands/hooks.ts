/** `slipway hooks`: the state of the hooks, and a test of one. */
import { parseArgs } from 'node:util'
import type { HookState } from '../../serve/hooks/queue.ts'
import type { HookTest } from '../../serve/hooks/service.ts'
import { formatDuration } from '../../text/format.ts'
import { alignColumns, printable } from '../../text/lines.ts'
import { actionHelps } from '../action-help.ts'
import { ExitCode, UsageError, type Command, type Help } from '../command.ts'
import { askControl, toResult } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'
import { paint, type OutputStyle } from '../text/output.ts'

const help: Help = {
  usage: ['hooks [list] [--json] [--control PATH]', 'hooks test [--json] [--control PATH] NAME'],
  about: [
    'Lists the hooks of the running slipway, or tests one.',
    'Hooks are the commands and webhooks under "hooks" in the site file, which slipway runs on events. "hooks test" ' +
      'makes the running slipway send a sample event once, and prints what the receiver returned. docs/hooks.md ' +
      'describes the events and how to verify a signature.',
  ],
  options: [controlRow, jsonRow],
  exit: [
    ['0', 'success; for a test: the receiver accepted the event'],
    ['1', 'the test failed, or slipway is not running'],
    ['2', 'invalid command line, or no such hook'],
  ],
  examples: ['hooks', 'hooks test chat', 'hooks list --json'],
}

export const hooks: Command = {
  name: 'hooks',
  help,
  helps: actionHelps(help, {
    list: {
      about: ['Lists the hooks of the running slipway, with the state of their deliveries.'],
      examples: ['hooks list', 'hooks list --json'],
    },
    test: {
      about: [
        'Sends a sample event to one hook.',
        'The running slipway sends it once, and the command prints what the receiver returned.',
      ],
      examples: ['hooks test chat'],
    },
  }),

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    const [verb = 'list', name, ...more] = positionals
    const isTest = verb === 'test' && name !== undefined
    if (more.length > 0 || (!isTest && (verb !== 'list' || name !== undefined))) {
      throw new UsageError('expected: list, or test and the name of a hook')
    }
    const path = controlPath(values.control)
    return toResult(terminal, async () => {
      if (!isTest) {
        const states = await askControl<HookState[]>(path, '/v1/hooks')
        if (values.json) terminal.out(JSON.stringify(states, undefined, 2))
        else for (const line of hookLines(states, terminal)) terminal.out(line)
        return ExitCode.fine
      }
      const tested = await askControl<HookTest>(
        path,
        `/v1/hooks/${encodeURIComponent(name)}/test`,
        'POST',
        testTimeoutMs,
      )
      if (values.json) terminal.out(JSON.stringify(tested, undefined, 2))
      else for (const line of testLines(name, tested, terminal)) terminal.out(line)
      return tested.outcome === 'delivered' ? ExitCode.fine : ExitCode.problems
    })
  },
}

/** Longer than the largest time-out of a hook. */
const testTimeoutMs = 70_000

export function hookLines(states: readonly HookState[], output: OutputStyle): string[] {
  if (states.length === 0) return ['the site has no hooks (key "hooks")']
  const rows = states.map(({ name, target, delivered, failed, dropped, waiting }) => {
    const counts = [`${delivered} delivered`, `${waiting} waiting`, `${failed} failed`, `${dropped} dropped`]
    return [name, printable(target), ...counts]
  })
  return alignColumns(rows).flatMap((line, index) => {
    const { events, problem } = states[index] as HookState
    return [
      line,
      `    ${events.join(', ')}`,
      ...(problem === undefined ? [] : [paint(output, 'red', `    ! ${printable(problem)}`)]),
    ]
  })
}

export function testLines(name: string, tested: HookTest, output: OutputStyle): string[] {
  const { outcome, detail, durationMs, output: answer, event } = tested
  const isDelivered = outcome === 'delivered'
  const result = isDelivered ? `hook ${name} accepted the event` : `hook ${name} failed`
  return [
    paint(
      output,
      isDelivered ? 'green' : 'red',
      `${result}: ${printable(detail)} (${formatDuration(durationMs)})`,
    ),
    `    event ${event.id}`,
    ...(isDelivered ? [] : ['    correct the receiver, or the hook in the site file, then test it again']),
    ...answer
      .split('\n')
      .filter(Boolean)
      .map((line) => `    | ${printable(line)}`),
  ]
}
