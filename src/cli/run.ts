/** Runs a command line: finds the command, prints its help, and turns every error into a line that ends with what to do. */
import { ExitCode, helpLines, rowLines, type Terminal } from './command.ts'
import { runPaged, type Pager } from './pager.ts'
import { isSystemError, systemErrorText } from '../text/file-problem.ts'
import { commandGroups } from './registry.ts'
import { serverRows, takeServerOptions } from './server-options.ts'
import { unknownCommand, usageMessage } from './usage-message.ts'

const entries = Object.values(commandGroups).flat()

/** Their output never ends. */
const endless = ['--watch', '--follow']

/**
 * Returns the exit code.
 *
 * @param argv the arguments after `slipway`
 * @param pager shows long texts; absent if standard output is not a terminal
 */
export async function runCommandLine(
  argv: readonly string[],
  terminal: Terminal,
  pager?: Pager,
): Promise<number> {
  if (argv.includes('--no-pager')) {
    return runCommandLine(
      argv.filter((argument) => argument !== '--no-pager'),
      terminal,
    )
  }
  let name: string, args: readonly string[]
  try {
    ;[name = '', ...args] = takeServerOptions(argv)
  } catch (error) {
    terminal.err(`slipway: ${(error as Error).message}`)
    return ExitCode.usage
  }
  if (name === '--version' || name === '-v') {
    const { readVersion } = await import('./commands/version.ts')
    const { version, commit } = await readVersion()
    terminal.out(commit === undefined ? version : `${version} (commit ${commit})`)
    return ExitCode.fine
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    const [about] = args
    if (about !== undefined) return runCommandLine([about, '--help'], terminal, pager)
    return printPage(overview(), terminal, pager)
  }
  const entry = entries.find((candidate) => candidate.name === name)
  if (entry === undefined) {
    const names = entries.map((each) => each.name)
    const lines =
      name === ''
        ? overview()
        : [`slipway: ${unknownCommand(name, names)}`, 'Run "slipway help" for a list of all commands.']
    for (const line of lines) terminal.err(line)
    return ExitCode.usage
  }
  const command = await entry.load()
  const [action = ''] = args
  const { helps = {} } = command
  const hasHelp = Object.hasOwn(helps, action)
  const page = (hasHelp && helps[action]) || command.help
  if (args.includes('--help') || args.includes('-h')) {
    return printPage(helpLines(page), terminal, pager)
  }
  const full = hasHelp ? `${name} ${action}` : name
  try {
    const isPaged = page.isPaged === true && !args.some((argument) => endless.includes(argument))
    if (page.hasResult === true && args.includes('--json')) {
      const { withJsonResult } = await import('./json-result.ts')
      const others = args.filter((argument) => argument !== '--json')
      return await withJsonResult(true, {}, terminal, (shown) => command.run(others, shown))
    }
    return await runPaged((shown) => command.run(args, shown), terminal, isPaged ? pager : undefined)
  } catch (error) {
    const usage = usageMessage(error, page)
    if (usage !== undefined) {
      terminal.err(`slipway ${full}: ${usage}`)
      terminal.err(`Run "slipway ${full} --help" for usage.`)
      return command.usageExit ?? ExitCode.usage
    }
    if (isSystemError(error)) terminal.err(`slipway ${full}: ${systemErrorText(error)}`)
    else for (const line of defectLines(full, error)) terminal.err(line)
    return ExitCode.problems
  }
}

function printPage(lines: readonly string[], terminal: Terminal, pager: Pager | undefined): Promise<number> {
  const print = (shown: Terminal): Promise<number> => {
    for (const line of lines) shown.out(line)
    return Promise.resolve(ExitCode.fine)
  }
  return runPaged(print, terminal, pager)
}

/** A defect of slipway: its report needs the stack trace. */
function defectLines(command: string, error: unknown): string[] {
  const { message, stack = message } = error instanceof Error ? error : new Error(String(error))
  return [
    `slipway ${command}: internal error: ${message}; report it with these lines and the output of "slipway version"`,
    ...stack.split('\n'),
  ]
}

function overview(): string[] {
  const width = Math.max(...entries.map((entry) => entry.name.length))
  return [
    'Usage: slipway COMMAND [OPTIONS]',
    '',
    'Installs OpenShift clusters over the network: DHCP, TFTP, HTTP, DNS, and HAProxy',
    'configuration from one site file.',
    ...Object.entries(commandGroups).flatMap(([title, group]) => [
      '',
      `${title}:`,
      ...group.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`),
    ]),
    '',
    'Options before COMMAND, to query a slipway on another machine:',
    ...rowLines(serverRows),
    '',
    'Run "slipway COMMAND --help" for the options of a command.',
  ]
}
