/** `slipway nodes seen`: machines that asked and are not declared. */
import { parseArgs } from 'node:util'
import { bootTable } from '../plan/dhcp/boot-table.ts'
import { span } from '../install/words.ts'
import { ExitCode, UsageError, type Command } from './command.ts'
import { askControl, controlHelp, controlOptions, controlPath } from './control.ts'
import { clip, printable, type Paper } from './paper.ts'
import { orProblem } from './status.ts'

export type Stranger = {
  readonly mac: string
  readonly vendorClass: string
  readonly architecture?: number
  /** Milliseconds since 1970. */
  readonly firstSeen: number
  readonly lastSeen: number
  readonly count: number
}

export const nodes: Command = {
  name: 'nodes',
  summary: 'list machines that asked and are not declared',
  usage: `usage: slipway nodes seen [--json] [--control PATH]

Lists the machines that asked the running slipway for an address and are not in the
site file, those seen last first: MAC address, architecture, vendor class, how often
and when.

${controlHelp}

Exit code 0: told. 1: slipway cannot be asked. 2: usage.`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    if (positionals.length !== 1 || positionals[0] !== 'seen') throw new UsageError('nodes takes: seen')
    return orProblem(terminal, async () => {
      const seen = await askControl<Stranger[]>(controlPath(values.control), '/v1/nodes/seen')
      if (values.json) terminal.out(JSON.stringify(seen, undefined, 2))
      else for (const line of seenLines(seen, Date.now(), terminal)) terminal.out(line)
      return ExitCode.fine
    })
  },
}

export function seenLines(seen: readonly Stranger[], now: number, paper: Paper): string[] {
  if (seen.length === 0) return ['every machine that asked is declared']
  const rows = seen.map(({ mac, architecture, lastSeen, count, vendorClass }) => [
    mac,
    bootTable.find((row) => row.architecture === architecture)?.name ?? String(architecture ?? ''),
    `${span(Math.max(0, now - lastSeen))} ago`,
    `×${count}`,
    printable(vendorClass),
  ])
  const all = [['MAC', 'firmware', 'last seen', 'asked', 'vendor class'], ...rows]
  const width = (column: number) => Math.max(...all.map((row) => row[column]?.length ?? 0))
  return all.map((row) =>
    clip(
      row
        .map((cell, column) => cell.padEnd(width(column)))
        .join('  ')
        .trimEnd(),
      paper.columns,
    ),
  )
}
