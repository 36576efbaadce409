/** The sentence about an invalid command line: an unknown command or option, or an option that lacks its value. Pure. */
import { didYouMean } from '../text/nearest.ts'
import { UsageError, type Help } from './command.ts'

/** Words of other programs, and the command that does the same here. */
const synonyms: Readonly<Record<string, string>> = {
  list: 'status',
  ls: 'status',
  ps: 'status',
  show: 'status',
  get: 'status',
  start: 'serve',
  run: 'serve',
  validate: 'check',
  lint: 'check',
  diff: 'plan',
  apply: 'reload',
  install: 'cluster install',
}

/** Returns the sentence about a command that does not exist. */
export function unknownCommand(name: string, known: readonly string[]): string {
  const synonym = Object.hasOwn(synonyms, name) ? ` (did you mean ${synonyms[name] as string}?)` : undefined
  return `unknown command ${JSON.stringify(name)}${synonym ?? didYouMean(name, known)}`
}

/**
 * Returns what is wrong with a command line; undefined if the error has another cause.
 *
 * @param help the page of the command, whose options are suggested
 */
export function usageMessage(error: unknown, help: Help): string | undefined {
  if (error instanceof UsageError) return error.message
  if (!(error instanceof TypeError && 'code' in error)) return undefined
  switch (error.code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
      const option = optionIn(error.message)
      return `unknown option ${option}${didYouMean(option, optionsOf(help))}`
    }
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE': {
      const isExtra = error.message.includes('does not take an argument')
      return `${optionIn(error.message)}: expected ${isExtra ? 'no value' : 'a value'}`
    }
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return `unexpected argument ${optionIn(error.message)}`
    default:
      return undefined
  }
}

/** Returns the text that node:util quotes first, without short form and placeholder: `--mac` of `'-m, --mac <value>'`. */
function optionIn(message: string): string {
  const quoted = /'([^']*)'/.exec(message)?.[1] ?? message
  return quoted.replace(/ <value>$/, '').replace(/^-\w, /, '')
}

function optionsOf({ options = [] }: Help): string[] {
  return [...options.flatMap(([term]) => term.match(/--[\w-]+/) ?? []), '--help']
}
