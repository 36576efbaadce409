/** `slipway completion SHELL`: completion of commands, options, and node names. */
import { parseArgs } from 'node:util'
import { askControl } from '../client.ts'
import { ExitCode, UsageError, type Command, type CommandEntry } from '../command.ts'
import { controlPath } from '../target.ts'
import { completedCommands, completionScript, shells } from '../render/completion.ts'

/** @param groups the commands to complete, which the registry passes */
export const completionOf = (groups: Readonly<Record<string, readonly CommandEntry[]>>): Command => ({
  name: 'completion',
  help: {
    usage: ['completion bash|zsh|fish', 'completion nodes [--control PATH]'],
    about: [
      'Prints a script that completes commands, options, and node names in your shell.',
      'The packages install the scripts for all three shells. With "nodes", the command prints the names of the nodes ' +
        'of the running slipway, one on each line; the scripts call it.',
    ],
    options: [['--control PATH', 'the control socket of the running slipway']],
    exit: [
      ['0', 'success'],
      ['1', 'slipway is not running (only with "nodes")'],
      ['2', 'invalid command line'],
    ],
    examples: ['completion bash > /etc/bash_completion.d/slipway'],
  },

  async run(args, terminal) {
    const { positionals, values } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { control: { type: 'string' } },
    })
    const [kind = '', ...rest] = positionals
    if (rest.length > 0) throw new UsageError('expected one shell')
    if (kind === 'nodes') {
      const names = await askControl<{ nodes: readonly { key: string }[] }>(
        controlPath(values.control),
        '/v1/status',
      ).catch(() => undefined)
      for (const { key } of names?.nodes ?? []) terminal.out(key)
      return names === undefined ? ExitCode.problems : ExitCode.fine
    }
    const shell = shells.find((each) => each === kind)
    if (shell === undefined) throw new UsageError(`expected ${shells.join(', ')}, or nodes`)
    const commands = await Promise.all(
      Object.values(groups)
        .flat()
        .map(async ({ name, summary, load }) => {
          const { help, helps } = await load()
          return completedCommands(name, summary, help, helps)
        }),
    )
    terminal.out(completionScript(shell, commands.flat()).trimEnd())
    return ExitCode.fine
  },
})
