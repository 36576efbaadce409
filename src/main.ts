#!/usr/bin/env node
/** The entry point of the process: arguments, standard streams, and the exit code. The commands are in cli/. */
import { ExitCode, UsageError, type Terminal, helpLines, rowLines } from './cli/command.ts'
import { serverRows, takeServerOptions } from './cli/server-options.ts'
import { commandGroups } from './cli/registry.ts'
import { enableOwnCompileCache, holdHangUps } from './host/startup.ts'
import { didYouMean } from './text/nearest.ts'

// Before a command is loaded, which takes most of the time of a start.
if (process.argv[2] === 'serve') holdHangUps()
enableOwnCompileCache()

const entries = Object.values(commandGroups).flat()

const terminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  usesColor: process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '',
  // Read on every call: the terminal may be resized.
  get columns() {
    return process.stdout.columns || Number(process.env['COLUMNS']) || 80
  },
  ...(process.stdout.isTTY && { rows: process.stdout.rows || 24 }),
  ...(process.stdout.isTTY &&
    process.stderr.isTTY && { status: (line: string) => void process.stderr.write(`\r\x1b[2K${line}`) }),
}

// A reader that ends early (`slipway check … | head`) is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(ExitCode.fine)
})

process.exitCode = await main(process.argv.slice(2))

async function main(given: readonly string[]): Promise<number> {
  let name: string, args: readonly string[]
  try {
    ;[name = '', ...args] = takeServerOptions(given)
  } catch (error) {
    terminal.err(`slipway: ${(error as Error).message}`)
    return ExitCode.usage
  }
  if (name === '--version') {
    const { readVersion } = await import('./cli/commands/version.ts')
    terminal.out((await readVersion()).version)
    return ExitCode.fine
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    const [about] = args
    if (about !== undefined) return main([about, '--help'])
    for (const line of overview()) terminal.out(line)
    return ExitCode.fine
  }
  const entry = entries.find((candidate) => candidate.name === name)
  if (entry === undefined) {
    const names = entries.map((each) => each.name)
    if (name !== '')
      terminal.err(`slipway: unknown command ${JSON.stringify(name)}${didYouMean(name, names)}\n`)
    for (const line of overview()) terminal.err(line)
    return ExitCode.usage
  }
  const command = await entry.load()
  const [action = ''] = args
  const { helps = {} } = command
  const hasHelp = Object.hasOwn(helps, action)
  if (args.includes('--help') || args.includes('-h')) {
    for (const line of helpLines((hasHelp && helps[action]) || command.help)) terminal.out(line)
    return ExitCode.fine
  }
  try {
    return await command.run(args, terminal)
  } catch (error) {
    if (!isUsageError(error)) throw error
    const full = hasHelp ? `${name} ${action}` : name
    terminal.err(`slipway ${full}: ${error.message}`)
    terminal.err(`Run "slipway ${full} --help" for usage.`)
    return command.usageExit ?? ExitCode.usage
  }
}

/** Returns whether the command line is invalid; node:util reports an option that is unknown or lacks its value. */
function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
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
