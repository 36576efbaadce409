/** `slipway completion SHELL`: completion of commands, options, and node names. */
import { parseArgs } from 'node:util'
import { askControl } from '../client.ts'
import { ExitCode, UsageError, type Command, type CommandEntry, type Help } from '../command.ts'
import { controlPath, controlRow } from '../target.ts'

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
    options: [controlRow],
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
    terminal.out((await completionOfShell(shell, groups)).trimEnd())
    return ExitCode.fine
  },
})

/** Returns the script for a shell. */
export async function completionOfShell(
  shell: Shell,
  groups: Readonly<Record<string, readonly CommandEntry[]>>,
): Promise<string> {
  const commands = await Promise.all(
    Object.values(groups)
      .flat()
      .map(async ({ name, summary, load }) => {
        const { help, helps } = await load()
        return completedCommands(name, summary, help, helps)
      }),
  )
  return completionScript(shell, commands.flat())
}

// Completion scripts for bash, zsh, and fish, generated from the help of every command. Pure.

export const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

/** A command, or an action of one: `node`, `node show`. */
type CompletedCommand = {
  readonly words: readonly string[]
  readonly summary: string
  /** Options with their text, without `--help`. */
  readonly options: readonly (readonly [option: string, text: string])[]
  readonly actions: readonly string[]
  readonly takesNode: boolean
}

/** Returns the command and its actions as the shell completes them. */
function completedCommands(
  name: string,
  summary: string,
  help: Help,
  helps: Readonly<Record<string, Help>> = {},
): CompletedCommand[] {
  const actions = [...new Set([...Object.keys(helps), ...help.usage.flatMap(literalActions)])]
  const own = completed([name], summary, help, actions)
  const pages = actions.map((action) => {
    const page = helps[action] ?? help
    return completed([name, action], firstSentence(page.about[0] ?? summary), page, [])
  })
  return [own, ...pages]
}

/** `cluster bootstrap keep|out|watch CLUSTER`: the words in lower case directly after the command. */
function literalActions(usage: string): string[] {
  const [, second = ''] = usage.split(' ')
  return /^[a-z]+(\|[a-z]+)*$/.test(second) ? second.split('|') : []
}

function completed(
  words: readonly string[],
  summary: string,
  help: Help,
  actions: readonly string[],
): CompletedCommand {
  const usage = help.usage.filter((line) => line.startsWith(words.join(' ')))
  return {
    words,
    summary,
    options: (help.options ?? []).flatMap(([term, text]) =>
      (term.match(/--[a-z-]+/g) ?? []).map((option) => [option, firstSentence(text)] as const),
    ),
    actions,
    takesNode: (usage.length === 0 ? help.usage : usage).some((line) =>
      (words[0] === 'node' ? /\bNAME\b/ : /\bNODE\b/).test(line),
    ),
  }
}

function firstSentence(text: string): string {
  return text.split(/[.;:](?= |$)/)[0] ?? text
}

function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  return { bash, zsh, fish }[shell](commands)
}

const topLevel = (commands: readonly CompletedCommand[]): readonly CompletedCommand[] =>
  commands.filter(({ words }) => words.length === 1)

/** Lists the keys of the nodes of the running slipway, one on each line; prints nothing when it does not run. */
const nodeNames = 'slipway completion nodes 2>/dev/null'

function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ words, options, actions, takesNode }) => {
    const offered = [...options.map(([option]) => option), '--help'].join(' ')
    return `    '${words.join(' ')}') options='${offered}' actions='${actions.join(' ')}' nodes=${takesNode ? 1 : ''} ;;`
  })
  return `# bash completion for slipway
_slipway() {
  local current=\${COMP_WORDS[COMP_CWORD]} key=\${COMP_WORDS[1]:-} options='--help' actions='' nodes=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${topLevel(commands)
      .map(({ words }) => words[0])
      .join(' ')} --help --version' -- "$current"))
    return
  fi
  [ "$COMP_CWORD" -gt 2 ] && case "$key \${COMP_WORDS[2]}" in
${commands
  .filter(({ words }) => words.length === 2)
  .map(({ words }) => `    '${words.join(' ')}') key='${words.join(' ')}' ;;`)
  .join('\n')}
  esac
  case "$key" in
${cases.join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *)
      COMPREPLY=()
      if [ "$COMP_CWORD" -eq 2 ] && [ -n "$actions" ]; then COMPREPLY=($(compgen -W "$actions" -- "$current")); fi
      if [ -n "$nodes" ]; then COMPREPLY+=($(compgen -W "$(${nodeNames})" -- "$current")); fi
      if [ -z "\${COMPREPLY[*]}" ]; then COMPREPLY=($(compgen -f -- "$current")); fi
      ;;
  esac
}
complete -o filenames -F _slipway slipway
`
}

function zsh(commands: readonly CompletedCommand[]): string {
  const described = (rows: readonly (readonly [string, string])[]): string =>
    rows.map(([name, text]) => quoted(`${name.replaceAll(':', '\\:')}:${text}`)).join(' ')
  const cases = commands.map(({ words, options, actions, takesNode }) => {
    const parts = [
      `offered=(${described([...options, ['--help', 'print this help']])})`,
      `actions=(${actions.join(' ')})`,
      `nodes=${takesNode ? 1 : ''}`,
    ]
    return `    ${quoted(words.join(' '))}) ${parts.join('; ')} ;;`
  })
  const names = topLevel(commands).map(({ words, summary }) => [words[0] ?? '', summary] as const)
  return `#compdef slipway
_slipway() {
  local key=\${words[2]} nodes=''
  local -a offered actions names
  if (( CURRENT == 2 )); then
    offered=(${described(names)})
    _describe command offered
    return
  fi
  (( CURRENT > 3 )) && case "$key \${words[3]}" in
${commands
  .filter(({ words }) => words.length === 2)
  .map(({ words }) => `    ${quoted(words.join(' '))}) key=${quoted(words.join(' '))} ;;`)
  .join('\n')}
  esac
  case "$key" in
${cases.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe option offered
    return
  fi
  if (( CURRENT == 3 )) && (( $#actions )); then _describe action actions; fi
  if [[ -n $nodes ]]; then
    names=(\${(f)"$(${nodeNames})"})
    _describe node names
  fi
  _files
}
_slipway "$@"
`
}

function fish(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ words, summary, options, actions, takesNode }) => {
    const [name = '', action] = words
    const condition = `__fish_seen_subcommand_from ${name}${action === undefined ? '' : `; and __fish_seen_subcommand_from ${action}`}`
    const complete = `complete -c slipway -n ${quoted(condition)}`
    return [
      ...(action === undefined
        ? [`complete -c slipway -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`]
        : []),
      ...(actions.length === 0 ? [] : [`${complete} -f -a ${quoted(actions.join(' '))}`]),
      ...(takesNode ? [`${complete} -a ${quoted(`(${nodeNames})`)}`] : []),
      ...options.map(([option, text]) => `${complete} -l ${option.slice(2)} -d ${quoted(text)}`),
    ]
  })
  return ['# fish completion for slipway', ...lines, ''].join('\n')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
