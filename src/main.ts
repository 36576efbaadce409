#!/usr/bin/env node
/** The process edge: arguments, standard streams and the exit code. Everything else is elsewhere. */
import { readFile } from 'node:fs/promises'
import { check } from './cli/check.ts'
import { ExitCode, UsageError, type Command, type Terminal } from './cli/command.ts'
import { cluster } from './cli/cluster.ts'
import { csr } from './cli/csr.ts'
import { demo } from './cli/demo.ts'
import { events } from './cli/events.ts'
import { explain } from './cli/explain.ts'
import { images } from './cli/images.ts'
import { node } from './cli/node.ts'
import { nodes } from './cli/nodes.ts'
import { reload } from './cli/reload.ts'
import { render } from './cli/render.ts'
import { serve } from './cli/serve.ts'
import { simulate } from './cli/simulate.ts'
import { status } from './cli/status.ts'
import { wait } from './cli/wait.ts'

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
  isColoured: process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '',
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
