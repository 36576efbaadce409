/** The help pages of the commands in a group, such as `images add`: the part of the group's page that applies to one of them. Pure. */
import type { Help, HelpRow } from './command.ts'

/** What a page has of its own; without `exit`, it has the exit statuses of the group. */
type ActionPage = Pick<Help, 'about' | 'examples' | 'lists' | 'isPaged' | 'hasResult'> &
  Partial<Pick<Help, 'exit'>>

/**
 * Returns a page for each command of a group. Its usage lines and options are those of the group that apply to it.
 *
 * @param pages by the name of the command, the second word of a usage line
 */
export function actionHelps(
  group: Help,
  pages: Readonly<Record<string, ActionPage>>,
): Readonly<Record<string, Help>> {
  return Object.fromEntries(
    Object.entries(pages).map(([action, page]): [string, Help] => {
      const usage = group.usage.flatMap((line) => usageOf(line, action))
      const isTaken = ([term]: HelpRow) => usage.some((line) => line.includes(term.split(' ')[0] as string))
      const options = (group.options ?? [])
        .filter(isTaken)
        .map(([term, text]): HelpRow => [term, text.replace(`${action}: `, '')])
      return [action, { usage, options, exit: group.exit, ...page }]
    }),
  )
}

/** Returns the usage line with one action: `node menu NAME…` for `node install|local|menu NAME…`; nothing if it lacks the action. */
function usageOf(line: string, action: string): string[] {
  const [group = '', actions = '', ...rest] = line.split(' ')
  const isThere = actions
    .replace(/^\[(.*)\]$/, '$1')
    .split('|')
    .includes(action)
  return isThere ? [[group, action, ...rest].join(' ')] : []
}
