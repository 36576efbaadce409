/** `slipway import`: writes a site file from the files of other programs. */
import { parseArgs } from 'node:util'
import { draftSite, noteLine, type Imported } from '../../import/draft.ts'
import { ImportProblem, type Facts } from '../../import/facts.ts'
import { detectKind, isKind, joinFacts, kinds, type KindName } from '../../import/kinds.ts'
import { fileProblem } from '../../text/file-problem.ts'
import { readSite } from '../../site-file.ts'
import { formatProblem } from '../../site/problem.ts'
import { defined } from '../../text/defined.ts'
import { pluralize } from '../../text/format.ts'
import { printable } from '../../text/lines.ts'
import { didYouMean } from '../../text/nearest.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { readBmcs } from '../import-bmcs.ts'
import { outputRow, writeNewSite } from '../new-site.ts'
import { jsonRow } from '../target.ts'

const kindNames = Object.keys(kinds) as KindName[]

export const importSite: Command = {
  name: 'import',
  help: {
    usage: [
      'import [KIND] [--output FILE] [--json] FILE…',
      'import --bmc [NAME=]ADDRESS… --credentials FILE [--ca FILE] [--output FILE] [--json] [[KIND] FILE…]',
    ],
    about: [
      'Writes a site file from the files of other programs.',
      'Recognizes the kind of each file by its content, or reads all files as the given KIND. Merges the data of all ' +
        'files about the same machines, so give it the DHCP configuration, the zones, and install-config.yaml together. ' +
        'Prints the site file to standard output, and what was not imported to standard error. The command ends by ' +
        'listing the keys that are still missing. Passwords, keys, and pull secrets are never copied.',
      'With --bmc, also reads machines from their management controllers: MAC addresses, model, serial number, UUID, ' +
        'and memory. It never switches power. Without NAME, a machine has the host name that its BMC reports.',
    ],
    lists: { Kinds: kindNames.map((name) => [name, kinds[name].about]) },
    options: [
      ['--bmc [NAME=]ADDRESS', 'a BMC to read; an address, or a URL as in a BareMetalHost; repeatable'],
      ['--credentials FILE', 'file with the lines username=… and password=… for the BMCs'],
      ['--ca FILE', 'CA certificates of the BMCs; by default, the fingerprint is noted and not verified'],
      outputRow,
      jsonRow,
    ],
    exit: [
      ['0', 'the site file is valid'],
      ['1', 'the site file lacks values, or a file cannot be imported'],
      ['2', 'invalid command line'],
    ],
    examples: [
      'import vars.yaml --output site.yaml',
      'import /etc/dhcp/dhcpd.conf /var/named/db.example.com haproxy.cfg',
      'import installer install-config.yaml agent-config.yaml',
      'import --bmc m1=172.16.1.21 --credentials bmc.credentials dhcpd.conf',
    ],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        output: { type: 'string' },
        json: { type: 'boolean', default: false },
        bmc: { type: 'string', multiple: true, default: [] },
        credentials: { type: 'string' },
        ca: { type: 'string' },
      },
    })
    const [first = ''] = positionals
    const kind = isKind(first) ? first : undefined
    const files = kind === undefined ? positionals : positionals.slice(1)
    const { bmc: bmcs, credentials, ca } = values
    if (files.length === 0 && bmcs.length === 0) {
      throw new UsageError(
        `expected at least one file, after an optional kind (${kindNames.join(', ')}), or --bmc`,
      )
    }
    if (bmcs.length > 0 !== (credentials !== undefined)) {
      throw new UsageError('--bmc and --credentials need each other: the file has the password of the BMCs')
    }
    const facts = await readAll(files, kind, terminal)
    if (facts === undefined) return ExitCode.problems
    if (credentials !== undefined) facts.push(await readBmcs({ bmcs, credentials, ...defined({ ca }) }))
    const sources = [...files, ...bmcs.map((each) => `BMC ${each}`)]
    const imported = draftSite(joinFacts(facts), sources, values.output ?? 'site.yaml')
    return report(imported, values, terminal)
  },
}

/** Returns undefined if a file cannot be imported. */
async function readAll(
  files: readonly string[],
  kind: KindName | undefined,
  terminal: Terminal,
): Promise<Facts[] | undefined> {
  const found: Facts[] = []
  for (const file of files) {
    const result = await readOne(file, kind)
    if (typeof result === 'string') terminal.err(`slipway import: ${printable(result)}`)
    else found.push(result)
  }
  return found.length === files.length ? found : undefined
}

async function readOne(file: string, given: KindName | undefined): Promise<Facts | string> {
  let text: string
  try {
    text = (await readSite(file)).text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR')
      return `${file} is a directory: name the files in it`
    const isWord = /^[a-z]+$/.test(file)
    return `${fileProblem('read', file, error)}${isWord ? didYouMean(file, kindNames) : ''}`
  }
  const kind = given ?? detectKind(text)
  if (kind === undefined) {
    return `${file} is not of a known kind: name it before the file, one of ${kindNames.join(', ')}`
  }
  try {
    return kinds[kind].read(text, file)
  } catch (error) {
    if (!(error instanceof ImportProblem)) throw error
    return `${error.message}; correct it, or name the kind if ${kind} is wrong`
  }
}

async function report(
  { text, notes, problems }: Imported,
  { output, json }: { readonly output?: string | undefined; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  if (output !== undefined) {
    const reason = await writeNewSite(output, text)
    if (reason !== undefined) {
      terminal.err(`slipway import: ${reason}`)
      return ExitCode.problems
    }
  }
  const code = problems.length === 0 ? ExitCode.fine : ExitCode.problems
  if (json) {
    terminal.out(JSON.stringify({ site: text, notes, problems }, undefined, 2))
    return code
  }
  if (output === undefined) terminal.out(text.trimEnd())
  if (notes.length > 0) terminal.err(`Not imported (${pluralize(notes.length, 'item')}):`)
  for (const note of notes) terminal.err(`  ${printable(noteLine(note))}`)
  if (problems.length > 0) terminal.err('Fill in or correct:')
  for (const problem of problems) terminal.err(`  ${formatProblem(problem)}`)
  terminal.err(nextStep(output, problems.length))
  return code
}

function nextStep(output: string | undefined, missing: number): string {
  if (output === undefined) return 'next: run the command again with --output site.yaml'
  return missing > 0
    ? `next: edit ${output}, then run: slipway check ${output}`
    : `next: slipway check ${output}`
}
