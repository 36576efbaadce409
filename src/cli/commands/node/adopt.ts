/** `slipway node adopt MAC`: writes a node into the site file and changes nothing else there. */
import { parseArgs } from 'node:util'
import { addNode } from '../../../site/edit/add.ts'
import { adoptionOptions, adoptionRows, readAdoption } from './arguments.ts'
import { ExitCode, UsageError, type Terminal } from '../../command.ts'
import { editSite } from '../../site-edit.ts'
import { siteFile } from '../../target.ts'
import type { Help } from '../../text/help.ts'

export const adoptHelp: Help = {
  usage: [
    'node adopt --name NAME --role ROLE --address ADDRESS… [--cluster CLUSTER] [--dry-run] [--site FILE | FILE] MAC',
  ],
  about: [
    'Writes a node into the site file.',
    'Inserts the node after the last node of the same role, in the same format, and changes no other character. ' +
      'Nothing is written if the site file would have errors. Run "slipway reload" to serve the node; "slipway node ' +
      'add" does that too and follows the node.',
  ],
  options: [['--name NAME', 'first label of the host name: w4 for w4.CLUSTER.DOMAIN'], ...adoptionRows],
  exit: [
    ['0', 'written'],
    ['1', 'errors; nothing is written'],
    ['2', 'invalid command line'],
  ],
  examples: ['node adopt --name w4 --role worker --address 192.0.2.24 \\\n    52:54:00:00:00:24'],
}

/** @param args the arguments after `node adopt` */
export async function adopt(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, file, adoption } = readArguments(args)
  const sitePath = await siteFile(values, file)
  const isDry = values['dry-run']
  const edit = { command: 'node adopt', sitePath, isDry, terminal }
  const adopted = await editSite(edit, (text, absolute) => addNode(text, absolute, adoption))
  if (adopted === undefined) return ExitCode.problems
  const { kind, line, key } = adopted
  if (kind === 'present') terminal.out(`${sitePath}:${line}: ${key} is already declared`)
  else if (!isDry) terminal.out(`${sitePath}:${line}: ${key} is declared; run "slipway reload" to serve it`)
  return ExitCode.fine
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...adoptionOptions, name: { type: 'string' } },
  })
  const macText = positionals.at(-1)
  if (macText === undefined || positionals.length > 2) throw new UsageError('expected a MAC address')
  const { name } = values
  if (name === undefined) throw new UsageError('--name is missing')
  const adoption = readAdoption({ macText, name, values })
  return { values, file: positionals.at(-2), adoption }
}
