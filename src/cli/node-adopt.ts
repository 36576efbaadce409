/** `slipway node adopt SITE MAC`: writes a machine that was seen into the site file, and changes nothing else there. */
import { parseArgs } from 'node:util'
import { parseIp } from '../proto/address/ip.ts'
import { parseMac } from '../proto/address/mac.ts'
import { adoptNode } from '../site/adopt.ts'
import type { Adoption } from '../site/adoption.ts'
import { nearest } from '../site/nearest.ts'
import { roles } from '../site/schema.ts'
import { ExitCode, UsageError, type Terminal } from './command.ts'
import { editSite } from './site-edit.ts'

export const adoptUsage = `usage: slipway node adopt --name NAME --role ROLE --address ADDRESS… SITE MAC

Writes a node into SITE, behind the last of its role and in the same manner; every
other character stays as it is. Nothing is written when the site would have problems.
A slipway that runs serves it once it has read the site again (slipway reload).

  --name NAME         its first label: w4 for w4.<cluster>.<domain>
  --role ROLE         ${roles.join(', ')}
  --address ADDRESS   what DHCP is to give it: no address is taken for free only because
                      the site does not name it. May be repeated, for IPv6 beside it
  --cluster CLUSTER   where the site has several
  --dry-run           print what would change, and write nothing

Exit code 0: written. 1: problems, nothing written. 2: usage.`

/** @param args what follows `node adopt` */
export async function adopt(args: readonly string[], terminal: Terminal): Promise<number> {
  const { sitePath, adoption, isDry } = readArguments(args)
  const edit = { command: 'node adopt', sitePath, isDry, terminal }
  const adopted = await editSite(edit, (text, file) => adoptNode(text, file, adoption))
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
    options: {
      name: { type: 'string' },
      role: { type: 'string' },
      address: { type: 'string', multiple: true, default: [] },
      cluster: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
    },
  })
  const [sitePath, macText, ...more] = positionals
  if (sitePath === undefined || macText === undefined || more.length > 0) {
    throw new UsageError('adopt takes a site file and a MAC address')
  }
  const mac = parseMac(macText)
  if (mac === undefined) throw new UsageError(`${JSON.stringify(macText)} is no MAC address`)
  const { name, role: roleText, address: addresses, cluster } = values
  if (name === undefined) throw new UsageError('adopt takes --name')
  if (roleText === undefined) throw new UsageError('adopt takes --role')
  const role = roles.find((each) => each === roleText)
  if (role === undefined) {
    const meant = nearest(roleText, [...roles])
    const guess = meant === undefined ? '' : ` (did you mean ${meant}?)`
    throw new UsageError(`--role takes one of ${roles.join(', ')}, not ${JSON.stringify(roleText)}${guess}`)
  }
  if (addresses.length === 0) throw new UsageError('adopt takes --address')
  const stray = addresses.find((text) => parseIp(text) === undefined)
  if (stray !== undefined) throw new UsageError(`${JSON.stringify(stray)} is no IP address`)
  return { sitePath, adoption: { mac, name, role, addresses, cluster }, isDry: values['dry-run'] }
}
