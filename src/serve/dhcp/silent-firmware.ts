/**
 * Recognizes firmware that does not identify itself as a boot client: SLOF (ppc64le) sends neither a vendor class (option
 * 60) nor an architecture (option 93), and that of s390x sends no vendor class. So the site declares which nodes have it.
 * Pure.
 */
import type { BootClient } from '../../plan/dhcp/boot-table.ts'
import type { Reservation } from '../../plan/dhcp/plan.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import type { DhcpRequest } from './request.ts'

/** Returns the client as it identifies itself, or as that firmware: systems do not request the name of a boot file. */
export function bootClientOf(
  { client, parameterList }: Pick<DhcpRequest, 'client' | 'parameterList'>,
  boot: Reservation['boot'],
): BootClient {
  if (boot === undefined || !('silentArchitecture' in boot)) return client
  const { silentArchitecture: architecture } = boot
  const isSilent = client.protocol === undefined && !client.isIpxe
  if (!isSilent || parameterList?.includes(OptionCode.bootFileName) !== true) return client
  return { ...client, protocol: 'PXEClient', architectures: [architecture] }
}
