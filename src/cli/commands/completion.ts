/** `slipway completion SHELL`: completion of commands, options, and node names. */
import { parseArgs } from 'node:util'
import { ExitCode, UsageError, type Command, type CommandEntry, type Help } from '../command.ts'
import { clusterNames, knownNodes, nodeNames } from '../known-names.ts'
import { controlRow } from '../target.ts'

/** @param groups the commands to complete, which the registry passes */
export const completionOf = (groups: Readonly<Record<string, readonly CommandEntry[]>>): Command => ({
  name: 'completion',
  help: {
    usage: [
      'completion bash|zsh|fish',
      'completion nodes|clusters [--control PATH] [--site FILE] [-- START]',
    ],
    about: [
      'Prints a script that completes commands, options, and node names in your shell.',
      'The packages install the scripts for all three shells. With "nodes" or "clusters", the command prints the names ' +
        'that can follow START, one on each line; the scripts call it. The names are those of the running slipway, or ' +
        'those of the site file if slipway does not run.',
    ],
    options: [
      controlRow,
      [
        '--site FILE',
        'site file, if slipway does not run (default: $SLIPWAY_SITE, else /etc/slipway/site.yaml)',
      ],
    ],
    exit: [
      ['0', 'success'],
      ['1', 'neither a running slipway nor a readable site file was found (only for names)'],
      ['2', 'invalid command line'],
    ],
    examples: ['completion bash > /etc/bash_completion.d/slipway'],
  },

  async run(args, terminal) {
    const { positionals, values } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { control: { type: 'string' }, site: { type: 'string' } },
    })
    const [kind = '', start = '', ...rest] = positionals
    if (kind === 'nodes' || kind === 'clusters') {
      if (rest.length > 0) throw new UsageError('expected the start of one name')
      const keys = await knownNodes(values)
      for (const name of kind === 'nodes' ? nodeNames(keys, start) : clusterNames(keys)) terminal.out(name)
      return keys.length === 0 ? ExitCode.problems : ExitCode.fine
    }
    if (positionals.length > 1) throw new UsageError('expected one shell')
    const shell = shells.find((each) => each === kind)
    if (shell === undefined) throw new UsageError(`expected ${shells.join(', ')}, nodes, or clusters`)
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

/** What a name can be. */
type NameKind = 'nodes' | 'clusters'

/** Options whose value is a name. */
const namedBy: Readonly<Record<string, NameKind>> = { node: 'nodes', cluster: 'clusters' }

/** A command, or an action of one: `node`, `node show`. */
type CompletedCommand = {
  readonly words: readonly string[]
  readonly summary: string
  /** Options with their text, without `--help`. */
  readonly options: readonly (readonly [option: string, text: string])[]
  readonly actions: readonly string[]
  /** What its arguments name. */
  readonly takes: NameKind | ''
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
    takes: takenBy(words, usage.length === 0 ? help.usage : usage),
  }
}

function takenBy([name]: readonly string[], usage: readonly string[]): NameKind | '' {
  // An option names its value in the same way.
  const positionals = usage.map((line) => line.replaceAll(/\[?--[a-z-]+ [A-Z]+\]?/g, '')).join(' ')
  if ((name === 'node' ? /\bNAME\b/ : /\bNODE\b/).test(positionals)) return 'nodes'
  return /\bCLUSTER\b/.test(positionals) ? 'clusters' : ''
}

/** Returns the first sentence of a help text without the default of an option, which contains periods and colons. */
function firstSentence(text: string): string {
  return text.replace(/ \(default\b.*/, '').split(/[.;:](?= |$)/)[0] ?? text
}

function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  return { bash, zsh, fish }[shell](commands)
}

const topLevel = (commands: readonly CompletedCommand[]): readonly CompletedCommand[] =>
  commands.filter(({ words }) => words.length === 1)

/** Lists names, one on each line. @param start an expression of the shell for the word before the cursor */
function namesCommand(kind: string, start: string): string {
  return `slipway completion ${kind} -- ${start} 2>/dev/null`
}

function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ words, options, actions, takes }) => {
    const offered = [...options.map(([option]) => option), '--help'].join(' ')
    return `    '${words.join(' ')}') options='${offered}' actions='${actions.join(' ')}' names='${takes}' ;;`
  })
  return `# bash completion for slipway
_slipway() {
  local current=\${COMP_WORDS[COMP_CWORD]} key=\${COMP_WORDS[1]:-} options='--help' actions='' names=''
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
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${Object.entries(namedBy)
  .map(
    ([option, kind]) =>
      `    --${option}) COMPREPLY=($(compgen -W "$(${namesCommand(kind, '"$current"')})" -- "$current")); return ;;`,
  )
  .join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *)
      COMPREPLY=()
      if [ "$COMP_CWORD" -eq 2 ] && [ -n "$actions" ]; then COMPREPLY=($(compgen -W "$actions" -- "$current")); fi
      if [ -n "$names" ]; then COMPREPLY+=($(compgen -W "$(${namesCommand('"$names"', '"$current"')})" -- "$current")); fi
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
  const cases = commands.map(({ words, options, actions, takes }) => {
    const parts = [
      `offered=(${described([...options, ['--help', 'print this help']])})`,
      `actions=(${actions.join(' ')})`,
      `kind='${takes}'`,
    ]
    return `    ${quoted(words.join(' '))}) ${parts.join('; ')} ;;`
  })
  const names = topLevel(commands).map(({ words, summary }) => [words[0] ?? '', summary] as const)
  return `#compdef slipway
_slipway() {
  local key=\${words[2]} kind=''
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
  case "\${words[CURRENT-1]}" in
${Object.entries(namedBy)
  .map(([option, kind]) => `    --${option}) kind=${kind}; actions=() ;;`)
  .join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe option offered
    return
  fi
  if (( CURRENT == 3 )) && (( $#actions )); then _describe action actions; fi
  if [[ -n $kind ]]; then
    names=(\${(f)"$(${namesCommand('$kind', '"$PREFIX"')})"})
    _describe name names
  fi
  _files
}
_slipway "$@"
`
}

function fish(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ words, summary, options, actions, takes }) => {
    const [name = '', action] = words
    const condition = `__fish_seen_subcommand_from ${name}${action === undefined ? '' : `; and __fish_seen_subcommand_from ${action}`}`
    const complete = `complete -c slipway -n ${quoted(condition)}`
    return [
      ...(action === undefined
        ? [`complete -c slipway -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`]
        : []),
      ...(actions.length === 0 ? [] : [`${complete} -f -a ${quoted(actions.join(' '))}`]),
      ...(takes === '' ? [] : [`${complete} -a ${quoted(`(${namesCommand(takes, '(commandline -ct)')})`)}`]),
      ...options.map(([option, text]) => {
        const kind = namedBy[option.slice(2)]
        const value =
          kind === undefined ? '' : ` -x -a ${quoted(`(${namesCommand(kind, '(commandline -ct)')})`)}`
        return `${complete} -l ${option.slice(2)}${value} -d ${quoted(text)}`
      }),
    ]
  })
  return ['# fish completion for slipway', ...lines, ''].join('\n')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
