/**
 * `slipway node adopt MAC…`: writes a node into the site file and changes nothing else there. `slipway node add` has the same
 * arguments.
 */
import { parseArgs } from 'node:util'
import { addNode, type Adoption } from '../../../site/edit/add.ts'
import { ExitCode, UsageError, type Terminal, type Help, type HelpRow } from '../../command.ts'
import { editSite } from '../../site-edit.ts'
import { toResult } from '../../client.ts'
import { isRemote } from '../../server-options.ts'
import { controlPath, isSiteGiven, jsonRow, siteFile, siteOptions, siteRows } from '../../target.ts'
import { planOnServer, previewLines, writeOnServer } from './addition-target.ts'
import { adoptedDisk } from './adopted-disk.ts'
import { parseIp } from '../../../proto/address/ip.ts'
import { parseMac } from '../../../proto/address/mac.ts'
import { didYouMean } from '../../../text/nearest.ts'
import { roles, type Role } from '../../../site/schema.ts'

export const adoptionOptions = {
  ...siteOptions,
  role: { type: 'string' },
  address: { type: 'string', multiple: true, default: [] as string[] },
  cluster: { type: 'string' },
  group: { type: 'string' },
  disk: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
} as const

export const adoptionRows: readonly HelpRow[] = [
  ['--role ROLE', `for a node of a cluster: one of ${roles.join(', ')}`],
  [
    '--address ADDRESS',
    'address that DHCP assigns; slipway never chooses one for you. Repeat it for an additional IPv6 address',
  ],
  ['--cluster CLUSTER', 'required if the site has several clusters'],
  ['--group GROUP', 'group of the machine, in place of a role and a cluster'],
  [
    '--disk DISK',
    'disk to install on: a path, wwn=WWN, serialNumber=NUMBER, or reported for the only disk that the machine reported in an inventory boot (default: that of the cluster)',
  ],
  ...siteRows,
  ['--dry-run', 'print the change as a diff, and change nothing'],
]

type Given = {
  readonly macTexts: readonly string[]
  readonly name: string
  readonly values: {
    readonly role?: string | undefined
    readonly address: readonly string[]
    readonly cluster?: string | undefined
    readonly group?: string | undefined
  }
}

/** @throws {UsageError} */
export function readAdoption({ macTexts, name, values }: Given): Adoption {
  const macs = macTexts.map((text) => {
    const mac = parseMac(text)
    if (mac === undefined) throw new UsageError(`${JSON.stringify(text)} is not a MAC address`)
    return mac
  })
  const { address: addresses, cluster, group } = values
  const role = readRole(values)
  if (addresses.length === 0) throw new UsageError('--address is missing')
  const stray = addresses.find((text) => parseIp(text) === undefined)
  if (stray !== undefined) throw new UsageError(`${JSON.stringify(stray)} is not an IP address`)
  return { macs, name, role, addresses, cluster: group ?? cluster }
}

/** Returns nothing for a machine of a group. @throws {UsageError} */
function readRole({ role, cluster, group }: Given['values']): Role | undefined {
  if (group !== undefined) {
    if (role === undefined && cluster === undefined) return undefined
    throw new UsageError('--group excludes --role and --cluster: machines of a group belong to no cluster')
  }
  if (role === undefined) throw new UsageError('--role is missing; for a machine of a group, use --group')
  const known = roles.find((each) => each === role)
  if (known !== undefined) return known
  throw new UsageError(
    `--role: expected one of ${roles.join(', ')}, not ${JSON.stringify(role)}${didYouMean(role, [...roles])}`,
  )
}

export const adoptHelp: Help = {
  usage: [
    'node adopt --name NAME --role ROLE --address ADDRESS… [--cluster CLUSTER] [--disk DISK] [--dry-run] [--json] [--site FILE] MAC…',
    'node adopt --name NAME --group GROUP --address ADDRESS… [--disk DISK] [--dry-run] [--json] [--site FILE] MAC…',
  ],
  about: [
    'Writes a node into the site file.',
    'Inserts the node after the last node of the same role, or the machine after the last one of its group, in the ' +
      'same format, and changes no other character. ' +
      'Nothing is written if the site file would have errors. Run "slipway reload" to serve the node; "slipway node ' +
      'add" does that too and follows the node. With --server, the command writes the site file of the server.',
  ],
  options: [
    [
      '--name NAME',
      'first label of the host name: w4 for w4.CLUSTER.DOMAIN, web1 for web1.DOMAIN of a group',
    ],
    ...adoptionRows,
    jsonRow,
  ],
  exit: [
    ['0', 'written'],
    ['1', 'errors; nothing is written'],
    ['2', 'invalid command line'],
  ],
  examples: ['node adopt --name w4 --role worker --address 192.0.2.24 \\\n    52:54:00:00:00:24'],
}

/** @param args the arguments after `node adopt` */
export async function adopt(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, file, adoption: given } = readArguments(args)
  const target = controlPath(values.control)
  let adoption = given
  const resolved = await toResult(terminal, async () => {
    adoption = { ...given, disk: await adoptedDisk(values.disk, given.macs, target) }
    return ExitCode.fine
  })
  if (resolved !== ExitCode.fine) return resolved
  if (isRemote(target) && !isSiteGiven(values, file)) {
    return toResult(terminal, () => adoptOnServer(target, adoption, values, terminal))
  }
  const sitePath = await siteFile(values, file)
  const isDry = values['dry-run']
  // The difference of a dry run is not part of the JSON.
  const quiet = { ...terminal, out: () => {} }
  const edit = { command: 'node adopt', sitePath, isDry, terminal: values.json ? quiet : terminal }
  const adopted = await editSite(edit, (text, absolute) => addNode(text, absolute, adoption))
  if (adopted === undefined) return ExitCode.problems
  const { kind, line, key } = adopted
  if (values.json) {
    const isWritten = kind !== 'present' && !isDry
    terminal.out(JSON.stringify({ node: key, file: sitePath, line, isWritten }, undefined, 2))
    return ExitCode.fine
  }
  if (kind === 'present') terminal.out(`${sitePath}:${line}: ${key} is already declared`)
  else if (!isDry) terminal.out(`${sitePath}:${line}: ${key} is declared; run "slipway reload" to serve it`)
  return ExitCode.fine
}

/** Writes the site file of a server, through its API. */
async function adoptOnServer(
  target: string,
  adoption: Adoption,
  values: { readonly 'dry-run': boolean; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const isDry = values['dry-run']
  const answer = await (isDry ? planOnServer(target, adoption) : writeOnServer(target, adoption))
  const { outcome, node, file, line } = answer
  const isWritten = outcome === 'written'
  if (values.json) terminal.out(JSON.stringify({ node, file, line, isWritten }, undefined, 2))
  else if (isWritten) terminal.out(`${file}:${line}: ${node} is declared; run "slipway reload" to serve it`)
  else for (const text of previewLines(answer)) terminal.out(text)
  return ExitCode.fine
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...adoptionOptions, name: { type: 'string' }, json: { type: 'boolean', default: false } },
  })
  const [first] = positionals
  const isFile = first !== undefined && positionals.length > 1 && parseMac(first) === undefined
  const macTexts = isFile ? positionals.slice(1) : positionals
  if (macTexts.length === 0) throw new UsageError('expected a MAC address')
  const { name } = values
  if (name === undefined) throw new UsageError('--name is missing')
  const adoption = readAdoption({ macTexts, name, values })
  return { values, file: isFile ? first : undefined, adoption }
}
