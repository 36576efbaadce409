#!/usr/bin/env node
/** The entry point of the process: arguments, standard streams, and the exit code. The commands are in cli/. */
import { ExitCode, type Terminal } from './cli/command.ts'
import { createPager } from './cli/pager.ts'
import { runCommandLine } from './cli/run.ts'
import { enableOwnCompileCache, holdHangUps } from './host/startup.ts'

// Before a command is loaded, which takes most of the time of a start.
if (process.argv[2] === 'serve') holdHangUps()
enableOwnCompileCache()

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

process.exitCode = await runCommandLine(
  process.argv.slice(2),
  terminal,
  process.stdout.isTTY ? createPager(process.env) : undefined,
)
