/** A node declared on a command line: the arguments that `node adopt` and `node add` share. */
import { parseIp } from '../../../proto/address/ip.ts'
import { parseMac } from '../../../proto/address/mac.ts'
import type { Adoption } from '../../../site/edit/add.ts'
import { didYouMean } from '../../../text/nearest.ts'
import { roles } from '../../../site/schema.ts'
import { UsageError } from '../../command.ts'
import { siteOptions, siteRows } from '../../target.ts'
import type { HelpRow } from '../../text/help.ts'

export const adoptionOptions = {
  ...siteOptions,
  role: { type: 'string' },
  address: { type: 'string', multiple: true, default: [] as string[] },
  cluster: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
} as const

export const adoptionRows: readonly HelpRow[] = [
  ['--role ROLE', roles.join(', ')],
  [
    '--address ADDRESS',
    'address that DHCP assigns; slipway never chooses one for you. Repeat it for an additional IPv6 address',
  ],
  ['--cluster CLUSTER', 'required if the site has several clusters'],
  ...siteRows,
  ['--dry-run', 'print the change as a diff, and change nothing'],
]

type Given = {
  readonly macText: string
  readonly name: string
  readonly values: {
    readonly role?: string | undefined
    readonly address: readonly string[]
    readonly cluster?: string | undefined
  }
}

/** @throws {UsageError} */
export function readAdoption({ macText, name, values }: Given): Adoption {
  const mac = parseMac(macText)
  if (mac === undefined) throw new UsageError(`${JSON.stringify(macText)} is not a MAC address`)
  const { role: roleText, address: addresses, cluster } = values
  if (roleText === undefined) throw new UsageError('--role is missing')
  const role = roles.find((each) => each === roleText)
  if (role === undefined) {
    throw new UsageError(
      `--role: expected one of ${roles.join(', ')}, not ${JSON.stringify(roleText)}${didYouMean(roleText, [...roles])}`,
    )
  }
  if (addresses.length === 0) throw new UsageError('--address is missing')
  const stray = addresses.find((text) => parseIp(text) === undefined)
  if (stray !== undefined) throw new UsageError(`${JSON.stringify(stray)} is not an IP address`)
  return { mac, name, role, addresses, cluster }
}
