/**
 * The DHCPv6 options that simulated machines send: those of EDK2 (PXE and HTTP Boot), of iPXE, and of NetworkManager in the
 * live system. All of them have the DUID-LL of the node, or its declared DUID: real firmware has a DUID-UUID, and shows its
 * MAC address in its link-local address, which simulated machines share.
 */
import { OptionCode, type Dhcpv6Option } from '../proto/dhcpv6/option.ts'
import {
  encodeClasses,
  encodeNumbers,
  encodeVendorClass,
  intelEnterprise,
  simulationClass,
} from '../proto/dhcpv6/values.ts'
import { architectureOf, bootsOverHttp, loaderArchitecture, type Firmware } from './dhcp-profiles.ts'

export type Dhcpv6Profile = {
  /** The name of the client in error messages. */
  readonly name: string
  /** Everything but the identifiers and the association. */
  readonly options: readonly Dhcpv6Option[]
}

const { bootFileUrl, bootFileParameters, dnsServers, domainList, vendorClass } = OptionCode

/** UNDI 3.0 of UEFI, and 3.10 of iPXE (RFC 5970 §3.4). */
const uefiUndi = [3, 0] as const
const ipxeUndi = [3, 10] as const

export function firmwareProfile6(firmware: Firmware): Dhcpv6Profile {
  const isHttp = bootsOverHttp(firmware)
  return {
    name: isHttp ? 'UEFI HTTP Boot' : 'UEFI firmware',
    options: [
      requested(bootFileUrl, bootFileParameters, dnsServers, vendorClass),
      ...bootOptions(isHttp ? 'HTTPClient' : 'PXEClient', architectureOf[firmware], uefiUndi),
      userClasses(),
    ],
  }
}

export function ipxeProfile6(firmware: Firmware): Dhcpv6Profile {
  return {
    name: 'iPXE',
    options: [
      requested(dnsServers, domainList, bootFileUrl, bootFileParameters),
      userClasses('iPXE'),
      ...bootOptions('PXEClient', loaderArchitecture(firmware), ipxeUndi),
    ],
  }
}

export const systemProfile6: Dhcpv6Profile = {
  name: 'live system',
  options: [requested(dnsServers, domainList), userClasses()],
}

function bootOptions(
  protocol: 'PXEClient' | 'HTTPClient',
  architecture: number,
  [major, minor]: readonly [number, number],
): Dhcpv6Option[] {
  const undi = String(major).padStart(3, '0') + String(minor).padStart(3, '0')
  const text = `${protocol}:Arch:${String(architecture).padStart(5, '0')}:UNDI:${undi}`
  return [
    { code: OptionCode.networkInterface, value: Uint8Array.of(1, major, minor) },
    { code: OptionCode.clientArchitecture, value: encodeNumbers([architecture]) },
    { code: vendorClass, value: encodeVendorClass(intelEnterprise, [text]) },
  ]
}

function requested(...codes: readonly number[]): Dhcpv6Option {
  return { code: OptionCode.optionRequest, value: encodeNumbers(codes) }
}

/** The mark of the simulation is the last one. */
function userClasses(...classes: readonly string[]): Dhcpv6Option {
  return { code: OptionCode.userClass, value: encodeClasses([...classes, simulationClass]) }
}
