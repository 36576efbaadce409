/**
 * What the machines of a rack send as DHCP clients, option for option in their own order: taken from
 * captures of OVMF 2022.11, Debian's iPXE and busybox 1.35 (test/fixtures/dhcp), and from the PXE
 * specification 2.1 §2.2.3 for a plain BIOS ROM.
 */
import { ipv4Octets, type Ipv4 } from '../proto/address/ipv4.ts'
import { macOctets, type Mac } from '../proto/address/mac.ts'
import { broadcastFlag } from '../proto/dhcp/message.ts'
import { OptionCode } from '../proto/dhcp/option-table.ts'
import type { DhcpOption } from '../proto/dhcp/option.ts'

/** x64 UEFI, 64-bit ARM UEFI, or a PC's BIOS. */
export type Firmware = 'uefi' | 'arm64' | 'bios'

export type DhcpProfile = {
  /** How problems name the client. */
  readonly name: string
  readonly flags: number
  /** Everything after option 53. */
  discover(mac: Mac): readonly DhcpOption[]
  /** Everything after option 53; `selection` are options 54 and 50 of the offer that is taken. */
  request(mac: Mac, selection: Selection): readonly DhcpOption[]
}

export type Selection = { readonly serverIdentifier: DhcpOption; readonly requestedAddress: DhcpOption }

export function selection(serverIdentifier: Ipv4, address: Ipv4): Selection {
  return {
    serverIdentifier: { code: OptionCode.serverIdentifier, value: ipv4Octets(serverIdentifier) },
    requestedAddress: { code: OptionCode.requestedAddress, value: ipv4Octets(address) },
  }
}

/** RFC 4578 §2.1; firmware of 64-bit UEFI says 7, not 9. */
const architectureOf: Readonly<Record<Firmware, number>> = { bios: 0, uefi: 7, arm64: 11 }

/** Option 94, client network interface (RFC 4578 §2.2): UNDI, major, minor. Only clients speak of it. */
const networkInterfaceCode = 94
const undiOf: Readonly<Record<Firmware, readonly [number, number]>> = {
  bios: [2, 1],
  uefi: [3, 0],
  arm64: [3, 0],
}

// prettier-ignore
const firmwareParameters = [
  1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97,
  128, 129, 130, 131, 132, 133, 134, 135,
]
// prettier-ignore
const ipxeParameters = [
  1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135, 175, 203,
]
const systemParameters = [1, 3, 6, 12, 15, 26, 28, 42, 119]

/** The PXE client in a machine's firmware, before any boot loader of ours. */
export function firmwareProfile(firmware: Firmware): DhcpProfile {
  // OVMF asks with 1472 and then with 0xff00: its field holds the octets in the other order.
  const sizes = firmware === 'bios' ? ([1260, 1260] as const) : ([1472, 0xff00] as const)
  const tail = (mac: Mac) => [
    octets(OptionCode.parameterList, ...firmwareParameters),
    machineIdentifier(mac),
    octets(networkInterfaceCode, 1, ...undiOf[firmware]),
    u16(OptionCode.clientArchitecture, architectureOf[firmware]),
    vendorClass(firmware, undiOf[firmware]),
  ]
  return {
    name: firmware === 'bios' ? 'BIOS PXE ROM' : 'UEFI firmware',
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

/** iPXE, whichever loader brought it: it wants unicast replies and selects at the end. */
export function ipxeProfile(firmware: Firmware): DhcpProfile {
  const undi = firmware === 'bios' ? ([2, 1] as const) : ([3, 10] as const)
  const common = (mac: Mac) => [
    u16(OptionCode.maxMessageSize, 1472),
    u16(OptionCode.clientArchitecture, architectureOf[firmware]),
    octets(networkInterfaceCode, 1, ...undi),
    vendorClass(firmware, undi),
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

/** The booted system, as busybox's udhcpc asks; NetworkManager in RHCOS asks for the same things. */
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

function vendorClass(firmware: Firmware, [major, minor]: readonly [number, number]): DhcpOption {
  const architecture = String(architectureOf[firmware]).padStart(5, '0')
  const undi = String(major).padStart(3, '0') + String(minor).padStart(3, '0')
  return text(OptionCode.vendorClass, `PXEClient:Arch:${architecture}:UNDI:${undi}`)
}

/** RFC 2132 §9.14: hardware type 1, then the hardware address. */
function clientIdentifier(mac: Mac): DhcpOption {
  return octets(OptionCode.clientIdentifier, 1, ...macOctets(mac))
}

/** RFC 4578 §2.3: type 0 and a UUID; the machine has none, so its hardware address ends it. */
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
