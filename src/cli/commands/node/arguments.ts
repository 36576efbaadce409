/** A node as it is declared on a command line: what `node adopt` and `node add` have in common. */
import { parseIp } from '../../../proto/address/ip.ts'
import { parseMac } from '../../../proto/address/mac.ts'
import type { Adoption } from '../../../site/edit/add.ts'
import { didYouMean } from '../../../text/nearest.ts'
import { roles } from '../../../site/schema.ts'
import { UsageError } from '../../command.ts'

export const adoptionOptions = {
  role: { type: 'string' },
  address: { type: 'string', multiple: true, default: [] as string[] },
  cluster: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
} as const

export const adoptionHelp = `  --role ROLE         ${roles.join(', ')}
  --address ADDRESS   what DHCP is to give it: no address is taken for free only because
                      the site does not name it. May be repeated, for IPv6 beside it
  --cluster CLUSTER   where the site has several
  --dry-run           print what would change, and do nothing`

type Given = {
  /** `adopt` or `add`. */
  readonly action: string
  readonly macText: string
  readonly name: string
  readonly values: {
    readonly role?: string | undefined
    readonly address: readonly string[]
    readonly cluster?: string | undefined
  }
}

/** @throws {UsageError} */
export function readAdoption({ action, macText, name, values }: Given): Adoption {
  const mac = parseMac(macText)
  if (mac === undefined) throw new UsageError(`${JSON.stringify(macText)} is no MAC address`)
  const { role: roleText, address: addresses, cluster } = values
  if (roleText === undefined) throw new UsageError(`${action} takes --role`)
  const role = roles.find((each) => each === roleText)
  if (role === undefined) {
    throw new UsageError(
      `--role takes one of ${roles.join(', ')}, not ${JSON.stringify(roleText)}${didYouMean(roleText, [...roles])}`,
    )
  }
  if (addresses.length === 0) throw new UsageError(`${action} takes --address`)
  const stray = addresses.find((text) => parseIp(text) === undefined)
  if (stray !== undefined) throw new UsageError(`${JSON.stringify(stray)} is no IP address`)
  return { mac, name, role, addresses, cluster }
}
