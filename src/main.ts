#!/usr/bin/env node
/** The process edge: arguments, standard streams and the exit code. Everything else is elsewhere. */
import { readFile } from 'node:fs/promises'
import { check } from './cli/commands/check.ts'
import { ExitCode, UsageError, type Command, type Terminal } from './cli/command.ts'
import { cluster } from './cli/commands/cluster.ts'
import { csr } from './cli/commands/csr.ts'
import { demo } from './cli/commands/demo.ts'
import { events } from './cli/commands/events.ts'
import { explain } from './cli/commands/explain.ts'
import { images } from './cli/commands/images/images.ts'
import { node } from './cli/commands/node/node.ts'
import { nodes } from './cli/commands/nodes.ts'
import { reload } from './cli/commands/reload.ts'
import { render } from './cli/commands/render.ts'
import { serve } from './cli/commands/serve.ts'
import { simulate } from './cli/commands/simulate.ts'
import { status } from './cli/commands/status.ts'
import { wait } from './cli/commands/wait.ts'

const commands: readonly Command[] = [
  serve,
  check,
  explain,
  render,
  images,
  reload,
  status,
  node,
  nodes,
  events,
  wait,
  csr,
  cluster,
  simulate,
  demo,
]

const terminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  usesColor: process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '',
  // Asked anew each time: windows change while something is watched.
  get columns() {
    return process.stdout.columns || 80
  },
  ...(process.stdout.isTTY && { rows: process.stdout.rows || 24 }),
  ...(process.stdout.isTTY &&
    process.stderr.isTTY && { status: (line: string) => void process.stderr.write(`\r\x1b[2K${line}`) }),
}

// A reader that has seen enough (`slipway check … | head`) is no error, and there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(ExitCode.fine)
})

process.exitCode = await main(process.argv.slice(2))

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === '--version') {
    const manifest = await readFile(new URL('../package.json', import.meta.url), 'utf8')
    terminal.out((JSON.parse(manifest) as { version: string }).version)
    return ExitCode.fine
  }
  if (name === '--help' || name === 'help') {
    terminal.out(overview())
    return ExitCode.fine
  }
  const command = commands.find((candidate) => candidate.name === name)
  if (command === undefined) {
    if (name !== undefined) terminal.err(`slipway: there is no command ${JSON.stringify(name)}`)
    terminal.err(overview())
    return ExitCode.usage
  }
  const [action = ''] = args
  const { usages = {} } = command
  const usage = (Object.hasOwn(usages, action) && usages[action]) || command.usage
  if (args.includes('--help')) {
    terminal.out(usage)
    return ExitCode.fine
  }
  try {
    return await command.run(args, terminal)
  } catch (error) {
    if (!isUsageError(error)) throw error
    terminal.err(`slipway ${command.name}: ${error.message}`)
    terminal.err(usage)
    return ExitCode.usage
  }
}

/** Our own, or node:util's for an option that does not exist or lacks its value. */
function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}

function overview(): string {
  const width = Math.max(...commands.map((command) => command.name.length))
  const lines = commands.map((command) => `  ${command.name.padEnd(width)}   ${command.summary}`)
  return ['usage: slipway COMMAND …', '', ...lines, '', 'slipway COMMAND --help tells more about each.'].join(
    '\n',
  )
}
