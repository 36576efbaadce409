/**
 * Every option that this server reads, writes, or echoes, in one table: code and name from IANA's
 * registry, the type of its value, and where it is defined. No other file contains option codes.
 */

/** The type of a value; option.ts has the lengths that each type allows. */
export type OptionType =
  'u8' | 'u16' | 'u16s' | 'seconds' | 'address' | 'addresses' | 'text' | 'names' | 'octets'

export type OptionRow = {
  readonly code: number
  /** As in IANA's registry "BOOTP Vendor Extensions and DHCP Options". */
  readonly name: string
  readonly type: OptionType
  readonly rfc: string
}

export const optionTable = {
  subnetMask: { code: 1, name: 'Subnet Mask', type: 'address', rfc: 'RFC 2132 §3.3' },
  router: { code: 3, name: 'Router', type: 'addresses', rfc: 'RFC 2132 §3.5' },
  domainServer: { code: 6, name: 'Domain Server', type: 'addresses', rfc: 'RFC 2132 §3.8' },
  hostName: { code: 12, name: 'Hostname', type: 'text', rfc: 'RFC 2132 §3.14' },
  domainName: { code: 15, name: 'Domain Name', type: 'text', rfc: 'RFC 2132 §3.17' },
  interfaceMtu: { code: 26, name: 'MTU Interface', type: 'u16', rfc: 'RFC 2132 §5.1' },
  broadcastAddress: { code: 28, name: 'Broadcast Address', type: 'address', rfc: 'RFC 2132 §5.3' },
  staticRoutes: { code: 33, name: 'Static Route', type: 'addresses', rfc: 'RFC 2132 §5.8' },
  ntpServers: { code: 42, name: 'NTP Servers', type: 'addresses', rfc: 'RFC 2132 §8.3' },
  vendorInformation: { code: 43, name: 'Vendor Specific', type: 'octets', rfc: 'RFC 2132 §8.4' },
  requestedAddress: { code: 50, name: 'Address Request', type: 'address', rfc: 'RFC 2132 §9.1' },
  leaseTime: { code: 51, name: 'Address Time', type: 'seconds', rfc: 'RFC 2132 §9.2' },
  overload: { code: 52, name: 'Overload', type: 'u8', rfc: 'RFC 2132 §9.3' },
  messageType: { code: 53, name: 'DHCP Msg Type', type: 'u8', rfc: 'RFC 2132 §9.6' },
  serverIdentifier: { code: 54, name: 'DHCP Server Id', type: 'address', rfc: 'RFC 2132 §9.7' },
  parameterList: { code: 55, name: 'Parameter List', type: 'octets', rfc: 'RFC 2132 §9.8' },
  message: { code: 56, name: 'DHCP Message', type: 'text', rfc: 'RFC 2132 §9.9' },
  maxMessageSize: { code: 57, name: 'DHCP Max Msg Size', type: 'u16', rfc: 'RFC 2132 §9.10' },
  renewalTime: { code: 58, name: 'Renewal Time', type: 'seconds', rfc: 'RFC 2132 §9.11' },
  rebindingTime: { code: 59, name: 'Rebinding Time', type: 'seconds', rfc: 'RFC 2132 §9.12' },
  vendorClass: { code: 60, name: 'Class Id', type: 'text', rfc: 'RFC 2132 §9.13' },
  clientIdentifier: { code: 61, name: 'Client Id', type: 'octets', rfc: 'RFC 2132 §9.14, RFC 4361' },
  tftpServerName: { code: 66, name: 'Server-Name', type: 'text', rfc: 'RFC 2132 §9.4' },
  bootFileName: { code: 67, name: 'Bootfile-Name', type: 'text', rfc: 'RFC 2132 §9.5' },
  userClass: { code: 77, name: 'User-Class', type: 'octets', rfc: 'RFC 3004' },
  relayAgentInformation: { code: 82, name: 'Relay Agent Information', type: 'octets', rfc: 'RFC 3046' },
  clientArchitecture: { code: 93, name: 'Client System', type: 'u16s', rfc: 'RFC 4578 §2.1' },
  clientMachineIdentifier: { code: 97, name: 'UUID/GUID', type: 'octets', rfc: 'RFC 4578 §2.3' },
  subnetSelection: { code: 118, name: 'Subnet Selection Option', type: 'address', rfc: 'RFC 3011' },
  domainSearch: { code: 119, name: 'Domain Search', type: 'names', rfc: 'RFC 3397' },
  classlessRoutes: { code: 121, name: 'Classless Static Route Option', type: 'octets', rfc: 'RFC 3442' },
  ipxe: { code: 175, name: 'Etherboot (Tentatively Assigned)', type: 'octets', rfc: 'ipxe.org, dhcp.h' },
  microsoftRoutes: {
    code: 249,
    name: 'Classless Static Route (Microsoft)',
    type: 'octets',
    rfc: 'RFC 3442, MS-DHCPE',
  },
} as const satisfies Record<string, OptionRow>

type Codes = { readonly [Key in keyof typeof optionTable]: (typeof optionTable)[Key]['code'] }

/** Option codes by the names of {@link optionTable}. */
export const OptionCode = Object.fromEntries(
  Object.entries(optionTable).map(([key, row]) => [key, row.code]),
) as Codes

/** Rows by code. */
export const optionRowByCode: ReadonlyMap<number, OptionRow> = new Map(
  Object.values(optionTable).map((row) => [row.code, row]),
)

/** Values of option 53 (RFC 2132 §9.6). */
export const MessageType = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const
