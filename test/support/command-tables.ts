/** Renders the commands, their command lines, and their exit statuses as Markdown for docs/cli.md, from the help of each command. */
import type { Command, CommandEntry, HelpRow } from '../../src/cli/command.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`

/** Returns one table with what each command does. */
export function commandTable(groups: Readonly<Record<string, readonly CommandEntry[]>>): string {
  const rows = Object.entries(groups).flatMap(([title, entries]) =>
    entries.map(({ name, summary }, index) => row([index === 0 ? title : '', `\`${name}\``, summary])),
  )
  return ['| group | command | what it does |', '|---|---|---|', ...rows].join('\n')
}

/** Returns a block with all command lines: for a command with pages of subcommands, the lines on those pages. */
export function usageBlock(commands: readonly Command[]): string {
  const lines = commands.flatMap(({ help, helps }) => {
    if (helps === undefined) return help.usage
    const withoutAction = help.usage.filter((line) => line.split(' ')[1]?.startsWith('[--'))
    return [...withoutAction, ...Object.values(helps).flatMap(({ usage }) => usage)]
  })
  return ['```', ...lines.map((line) => `slipway ${line}`), '```'].join('\n')
}

/** Returns one row for each command, and one for each subcommand with other exit statuses than its group. */
export function exitTable(commands: readonly Command[]): string {
  const rows = commands.flatMap(({ name, help, helps = {} }) => [
    exitRow(name, help.exit),
    ...Object.entries(helps)
      .filter(([, page]) => JSON.stringify(page.exit) !== JSON.stringify(help.exit))
      .map(([action, page]) => exitRow(`${name} ${action}`, page.exit)),
  ])
  return ['| command | 0 | 1 | 2 | others |', '|---|---|---|---|---|', ...rows].join('\n')
}

function exitRow(name: string, exit: readonly HelpRow[]): string {
  const texts = new Map(exit)
  const others = exit.filter(([status]) => !['0', '1', '2'].includes(status))
  return row([
    `\`${name}\``,
    ...['0', '1', '2'].map((status) => texts.get(status) ?? '–'),
    others.map(([status, text]) => `${status}: ${text}`).join('; ') || '–',
  ])
}
