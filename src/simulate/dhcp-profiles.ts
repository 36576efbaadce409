/**
 * The DHCP options that simulated machines send, in the order of real clients. They are taken from captures of OVMF
 * 2022.11, Debian's iPXE, and busybox 1.35 (test/fixtures/dhcp), and for a BIOS ROM from the PXE specification 2.1 §2.2.3.
 */
import { ipv4Octets, type Ipv4 } from '../proto/address/ip.ts'
import { macOctets, type Mac } from '../proto/address/mac.ts'
import { broadcastFlag } from '../proto/dhcp/message.ts'
import { OptionCode } from '../proto/dhcp/option-table.ts'
import type { DhcpOption } from '../proto/dhcp/option.ts'
import type { BootProtocol } from '../proto/dhcp/values/text.ts'

/** BIOS of a PC, or x64 or arm64 UEFI, which boot by PXE (TFTP) or over HTTP, or Open Firmware (TFTP). */
export type Firmware = 'bios' | 'uefi' | 'uefi-http' | 'arm64' | 'arm64-http' | 'ppc64le'

/** Whether the firmware downloads its loader by UEFI HTTP Boot. */
export function bootsOverHttp(firmware: Firmware): boolean {
  return firmware === 'uefi-http' || firmware === 'arm64-http'
}

export type DhcpProfile = {
  /** The name of the client in error messages. */
  readonly name: string
  readonly flags: number
  /** Everything after option 53. */
  discover(mac: Mac): readonly DhcpOption[]
  /** Everything after option 53; `selection` has options 54 and 50 for the accepted offer. */
  request(mac: Mac, selection: Selection): readonly DhcpOption[]
}

export type Selection = { readonly serverIdentifier: DhcpOption; readonly requestedAddress: DhcpOption }

export function selection(serverIdentifier: Ipv4, address: Ipv4): Selection {
  return {
    serverIdentifier: { code: OptionCode.serverIdentifier, value: ipv4Octets(serverIdentifier) },
    requestedAddress: { code: OptionCode.requestedAddress, value: ipv4Octets(address) },
  }
}

/** RFC 4578 §2.1 and the IANA registry; x64 UEFI firmware sends 7, not 9. */
export const architectureOf: Readonly<Record<Firmware, number>> = {
  bios: 0,
  uefi: 7,
  'uefi-http': 16,
  arm64: 11,
  'arm64-http': 19,
  // Not sent.
  ppc64le: 12,
}

/** Option 94, client network interface (RFC 4578 §2.2): UNDI, major, minor. Only clients send it. */
const networkInterfaceCode = 94
const biosUndi = [2, 1] as const
const uefiUndi = [3, 0] as const

// prettier-ignore
const firmwareParameters = [
  1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97,
  128, 129, 130, 131, 132, 133, 134, 135,
]
// prettier-ignore
const httpParameters = [
  1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 235, 67, 97,
]
// prettier-ignore
const ipxeParameters = [
  1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135, 175, 203,
]
const systemParameters = [1, 3, 6, 12, 15, 26, 28, 42, 119]
/** SLOF requests fewer: with the others, the simulation can check the whole lease. */
const openFirmwareParameters = [...systemParameters, 66, 67, 209, 210]

/** SLOF of QEMU 7.2: no vendor class, no architecture, and no client identifier. */
const openFirmwareProfile: DhcpProfile = {
  name: 'Open Firmware',
  flags: 0,
  discover: () => [octets(OptionCode.parameterList, ...openFirmwareParameters)],
  request: (_, { serverIdentifier, requestedAddress }) => [
    requestedAddress,
    serverIdentifier,
    octets(OptionCode.parameterList, ...openFirmwareParameters),
  ],
}

/** The network boot client in the firmware, before it loads a boot loader. */
export function firmwareProfile(firmware: Firmware): DhcpProfile {
  if (firmware === 'ppc64le') return openFirmwareProfile
  const isHttp = bootsOverHttp(firmware)
  const undi = firmware === 'bios' ? biosUndi : uefiUndi
  const sizes = sizesOf(firmware)
  const tail = (mac: Mac) => [
    octets(OptionCode.parameterList, ...(isHttp ? httpParameters : firmwareParameters)),
    machineIdentifier(mac),
    octets(networkInterfaceCode, 1, ...undi),
    u16(OptionCode.clientArchitecture, architectureOf[firmware]),
    vendorClass(isHttp ? 'HTTPClient' : 'PXEClient', architectureOf[firmware], undi),
  ]
  return {
    name: firmware === 'bios' ? 'BIOS PXE ROM' : isHttp ? 'UEFI HTTP Boot' : 'UEFI firmware',
    flags: broadcastFlag,
    discover: (mac) => [u16(OptionCode.maxMessageSize, sizes[0]), ...tail(mac)],
    request: (mac, { serverIdentifier, requestedAddress }) => [
      serverIdentifier,
      requestedAddress,
      u16(OptionCode.maxMessageSize, sizes[1]),
      ...tail(mac),
    ],
  }
}

/** Option 57 of DISCOVER and REQUEST. OVMF's PXE client sends 1472, then the same with swapped octets. */
function sizesOf(firmware: Firmware): readonly [discover: number, request: number] {
  if (firmware === 'bios') return [1260, 1260]
  return bootsOverHttp(firmware) ? [1472, 1472] : [1472, 0xff00]
}

/** Returns the architecture of the build of iPXE, regardless of how it was loaded. */
export function loaderArchitecture(firmware: Firmware): number {
  return architectureOf[ipxeBuild[firmware]]
}

/** iPXE: it requests unicast replies and sends its selection at the end. */
export function ipxeProfile(firmware: Firmware): DhcpProfile {
  const undi = firmware === 'bios' ? biosUndi : ([3, 10] as const)
  const architecture = loaderArchitecture(firmware)
  const common = (mac: Mac) => [
    u16(OptionCode.maxMessageSize, 1472),
    u16(OptionCode.clientArchitecture, architecture),
    octets(networkInterfaceCode, 1, ...undi),
    vendorClass('PXEClient', architecture, undi),
    text(OptionCode.userClass, 'iPXE'), // bare text, not the counted instances of RFC 3004 §4
    octets(OptionCode.parameterList, ...ipxeParameters),
    octets(OptionCode.ipxe, ...ipxeFeatures),
    clientIdentifier(mac),
    machineIdentifier(mac),
  ]
  return {
    name: 'iPXE',
    flags: 0,
    discover: common,
    request: (mac, { serverIdentifier, requestedAddress }) => [
      ...common(mac),
      serverIdentifier,
      requestedAddress,
    ],
  }
}

/** The live system, with the options of busybox's udhcpc; NetworkManager in RHCOS requests the same options. */
export const systemProfile: DhcpProfile = {
  name: 'live system',
  flags: 0,
  discover: (mac) => systemOptions(mac),
  request: (mac, { serverIdentifier, requestedAddress }) => [
    requestedAddress,
    serverIdentifier,
    ...systemOptions(mac),
  ],
}

function systemOptions(mac: Mac): readonly DhcpOption[] {
  return [
    u16(OptionCode.maxMessageSize, 576),
    octets(OptionCode.parameterList, ...systemParameters),
    text(OptionCode.vendorClass, 'udhcp 1.35.0'),
    clientIdentifier(mac),
  ]
}

const ipxeBuild: Readonly<Record<Firmware, Firmware>> = {
  bios: 'bios',
  uefi: 'uefi',
  'uefi-http': 'uefi',
  arm64: 'arm64',
  'arm64-http': 'arm64',
  ppc64le: 'ppc64le',
}

// prettier-ignore
const ipxeFeatures = [
  177, 5, 1, 0x1a, 0xf4, 0x10, 0x00, // bus-id: PCI, virtio-net
  235, 3, 1, 0, 0, // version 1.0.0
  19, 1, 1, // http
  21, 1, 1, // tftp
  23, 1, 1, // dns
  36, 1, 1, // efi
  39, 1, 1, // menu
]

function vendorClass(
  protocol: BootProtocol,
  architecture: number,
  [major, minor]: readonly [number, number],
): DhcpOption {
  const undi = String(major).padStart(3, '0') + String(minor).padStart(3, '0')
  const machine = String(architecture).padStart(5, '0')
  return text(OptionCode.vendorClass, `${protocol}:Arch:${machine}:UNDI:${undi}`)
}

/** RFC 2132 §9.14: hardware type 1, then the hardware address. */
function clientIdentifier(mac: Mac): DhcpOption {
  return octets(OptionCode.clientIdentifier, 1, ...macOctets(mac))
}

/** RFC 4578 §2.3: type 0 and a UUID, here one that ends with the hardware address. */
function machineIdentifier(mac: Mac): DhcpOption {
  return octets(OptionCode.clientMachineIdentifier, 0, ...new Uint8Array(10), ...macOctets(mac))
}

function octets(code: number, ...value: readonly number[]): DhcpOption {
  return { code, value: Uint8Array.from(value) }
}

function u16(code: number, value: number): DhcpOption {
  return octets(code, value >>> 8, value & 255)
}

function text(code: number, value: string): DhcpOption {
  return { code, value: new TextEncoder().encode(value) }
}
