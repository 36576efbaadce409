/** `slipway node adopt SITE MAC`: writes a machine that was seen into the site file, and changes nothing else there. */
import { parseArgs } from 'node:util'
import { addNode, type Adoption } from '../../../site/edit/add.ts'
import { adoptionHelp, adoptionOptions, readAdoption } from './arguments.ts'
import { ExitCode, UsageError, type Terminal } from '../../command.ts'
import { editSite } from '../../site-edit.ts'

export const adoptUsage = `usage: slipway node adopt --name NAME --role ROLE --address ADDRESS… SITE MAC

Writes a node into SITE, behind the last of its role and in the same manner; every
other character stays as it is. Nothing is written when the site would have problems.
A slipway that runs serves it once it has read the site again (slipway reload);
slipway node add does that too, and follows the node.

  --name NAME         its first label: w4 for w4.<cluster>.<domain>
${adoptionHelp}

Exit code 0: written. 1: problems, nothing written. 2: usage.`

/** @param args what follows `node adopt` */
export async function adopt(args: readonly string[], terminal: Terminal): Promise<number> {
  const { sitePath, adoption, isDry } = readArguments(args)
  const edit = { command: 'node adopt', sitePath, isDry, terminal }
  const adopted = await editSite(edit, (text, file) => addNode(text, file, adoption))
  if (adopted === undefined) return ExitCode.problems
  const { kind, line, key } = adopted
  if (kind === 'present') terminal.out(`${sitePath}:${line}: ${key} is a node already`)
  else if (!isDry) terminal.out(`${sitePath}:${line}: ${key} is a node now; slipway reload serves it`)
  return ExitCode.fine
}

function readArguments(args: readonly string[]): { sitePath: string; adoption: Adoption; isDry: boolean } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...adoptionOptions, name: { type: 'string' } },
  })
  const [sitePath, macText, ...more] = positionals
  if (sitePath === undefined || macText === undefined || more.length > 0) {
    throw new UsageError('adopt takes a site file and a MAC address')
  }
  const { name } = values
  if (name === undefined) throw new UsageError('adopt takes --name')
  const adoption = readAdoption({ action: 'adopt', macText, name, values })
  return { sitePath, adoption, isDry: values['dry-run'] }
}
