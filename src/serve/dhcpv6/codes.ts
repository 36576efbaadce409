/** Stable codes of DHCPv6: why a message was refused or ignored. */
import { defineCodes } from '../../text/codes.ts'

export const dhcpv6Codes = defineCodes({
  'dhcpv6.no-reservation': {
    meaning: 'A machine that the site file does not declare sent a DHCPv6 message',
    remedy: 'Declare the machine with its MAC address or DUID, or ignore the message',
  },
  'dhcpv6.wrong-network': {
    meaning: 'A declared machine sent a DHCPv6 message from a link that does not have its network',
    remedy: 'Move the machine to the link of its address, or change its address in the site file',
  },
  'dhcpv6.undeclared-link': {
    meaning: 'A DHCPv6 message came from a link on which the site declares no network',
    remedy: 'Add the IPv6 network of the link to subnets6, or ignore the message',
  },
  'dhcpv6.unknown-relay': {
    meaning: 'A relay agent that the site file does not allow relayed a DHCPv6 message',
    remedy: 'List its address under relays of the IPv6 network, or find the sender of forged messages',
  },
  'dhcpv6.not-multicast': {
    meaning: 'A client sent a DHCPv6 message from an address that is not link-local',
    remedy: 'Check the DHCPv6 client: slipway does not allow unicast messages',
  },
  'dhcpv6.other-server': {
    meaning: 'A declared machine chose another DHCPv6 server',
    remedy: 'Turn the other DHCPv6 server off on this link, unless it is a peer of this server',
  },
  'dhcpv6.address-declined': {
    meaning: 'A declared machine found that another machine uses its IPv6 address',
    remedy: 'Find the other machine with that address and give it another one',
  },
  'dhcpv6.invalid-message': {
    meaning: 'A DHCPv6 message lacks a required option, or has one that its type must not have',
    remedy: 'Check the DHCPv6 client of the machine',
  },
  'dhcpv6.not-a-request': {
    meaning: 'A DHCPv6 message that only clients or relay agents process arrived at the server port',
    remedy: 'Do nothing: servers ignore such messages',
  },
  'dhcpv6.no-boot-file': {
    meaning: 'A machine requested a boot file by DHCPv6, but there is none for it',
    remedy: 'Compare the reason in the log with the site file, or boot the machine from disk',
  },
  'dhcpv6.malformed': {
    meaning: 'A datagram is not a valid DHCPv6 message',
    remedy: 'Capture the traffic of the sender and check its DHCPv6 client',
  },
  'dhcpv6.reply-not-sent': {
    meaning: 'The system could not send a DHCPv6 reply',
    remedy: 'Check the addresses, the routes, and the firewall of this machine',
  },
  'dhcpv6.group-not-joined': {
    meaning: 'An interface could not join the multicast group of DHCPv6 servers',
    remedy: 'Check the interface: without the group, its clients get no answer',
  },
  'dhcpv6.internal-error': {
    meaning: 'A DHCPv6 message was not answered because of a defect in slipway',
    remedy: 'Report the defect with the packet in the log line',
  },
})

export type Dhcpv6Code = keyof typeof dhcpv6Codes
