/** Stable codes of DHCP: why a message was refused or ignored, and what slipway warns about. */
import { defineCodes } from '../../text/codes.ts'

export const dhcpCodes = defineCodes({
  'dhcp.no-reservation': {
    meaning: 'A machine that the site file does not declare sent a DHCP request',
    remedy:
      'Declare the machine with its MAC address, or ignore the request if another DHCP server serves it',
  },
  'dhcp.wrong-network': {
    meaning: 'A declared machine sent a request from a network that does not contain its address',
    remedy: 'Move the machine to the network of its address, or change its address in the site file',
  },
  'dhcp.wrong-address': {
    meaning: 'A machine requested an address that is not its reservation, and got a NAK',
    remedy: 'Wait for the machine to restart its DHCP exchange, or renew its lease',
  },
  'dhcp.no-requested-address': {
    meaning: 'A DHCPREQUEST names no address, neither in option 50 nor in ciaddr',
    remedy: 'Check the DHCP client of the machine',
  },
  'dhcp.unreadable-server': {
    meaning:
      'A DHCPREQUEST for another address has an option 54 that cannot be read, so its server is not known',
    remedy: 'Update the firmware of the machine, and check whether another DHCP server is on its network',
  },
  'dhcp.inform-wrong-network': {
    meaning: 'A DHCPINFORM came from an address outside the network of the reservation',
    remedy: 'Give the machine the address of its reservation, or change the reservation',
  },
  'dhcp.source-not-ciaddr': {
    meaning:
      'A DHCPINFORM or a renewal did not come from the address in its ciaddr field, to which the reply would go',
    remedy: 'Check the DHCP client of the machine, or find the sender of forged requests',
  },
  'dhcp.unknown-relay': {
    meaning: 'A relay agent that the site file does not allow relayed a DHCP message',
    remedy:
      'List the address of the relay agent under relays of the subnet, or find the sender of forged messages',
  },
  'dhcp.other-server': {
    meaning: 'A declared machine uses another DHCP server, which is not listed as a peer',
    remedy: 'Turn the other DHCP server off on this network, or list it under server.peers',
  },
  'dhcp.probing': {
    meaning:
      'slipway offers no addresses on a network yet, because its first probe for other DHCP servers there has not ended',
    remedy: 'Do nothing: the probe takes 4 s, and clients send their requests again',
  },
  'dhcp.not-leasing': {
    meaning: 'slipway offers no addresses on a network, because another DHCP server answered its probe there',
    remedy:
      'Turn the other DHCP server off; or set dhcp: proxy for the subnet, so that slipway only sends boot files; or set otherDhcpServers: allow, so that both servers lease',
  },
  'dhcp.not-probed': {
    meaning: 'The probe for other DHCP servers was not sent, so slipway leases without it',
    remedy: 'Allow UDP from this machine to port 67 in its firewall, then run "slipway reload"',
  },
  'dhcp.peer-server': {
    meaning: 'A declared machine chose the offer of a peer',
    remedy: 'Do nothing: the peer serves the machine',
  },
  'dhcp.address-declined': {
    meaning: 'A declared machine found that another machine uses its address',
    remedy: 'Find the other machine with that address and give it another one',
  },
  'dhcp.bootp': {
    meaning: 'A BOOTP request without a DHCP message type came from a declared machine',
    remedy: 'Use DHCP on the machine: slipway does not serve BOOTP',
  },
  'dhcp.unsupported-message-type': {
    meaning: 'A client sent a DHCP message type that servers do not process',
    remedy: 'Check the DHCP client of the machine',
  },
  'dhcp.inventory-full': {
    meaning: 'An undeclared machine gets no inventory boot, because all addresses of the range are in use',
    remedy: 'Wait until a lease ends, or make inventory.addresses larger',
  },
  'dhcp.inventory-declined': {
    meaning: 'An inventory system found that another machine uses its address',
    remedy: 'Find the other machine with that address, or use another range in inventory.addresses',
  },
  'dhcp.boot-file-in-lease': {
    meaning: 'A machine with a lease from slipway sent a request to the ProxyDHCP port',
    remedy: 'Do nothing: the lease already names the boot file',
  },
  'dhcp.other-boot-server': {
    meaning: 'A machine on a proxy subnet requested its boot file from another boot server',
    remedy: 'Turn the other boot server off on this network',
  },
  'dhcp.leased-by-other-server': {
    meaning: 'The message belongs to a lease of the other DHCP server on a proxy subnet',
    remedy: 'Do nothing: the other DHCP server answers it',
  },
  'dhcp.no-boot-file': {
    meaning: 'A machine requested a boot file, but there is none for its architecture or role',
    remedy: 'Compare the architecture in the log with the supported ones, or boot the machine from disk',
  },
  'dhcp.not-a-request': {
    meaning: 'A DHCP reply of another server arrived at the server port',
    remedy: 'Do nothing: servers ignore replies',
  },
  'dhcp.not-ethernet': {
    meaning: 'A client has a hardware type other than Ethernet',
    remedy: 'Boot the machine over an Ethernet interface',
  },
  'dhcp.malformed': {
    meaning: 'A datagram is not a valid DHCP message',
    remedy: 'Capture the traffic of the sender and check its DHCP client',
  },
  'dhcp.reply-not-sent': {
    meaning: 'The system could not send a reply',
    remedy: 'Check the address, the routes, and the firewall of this machine',
  },
  'dhcp.interface-unknown': {
    meaning:
      'slipway receives DHCP requests from all interfaces of this machine, but sends its replies through only one',
    remedy: 'Use the socket units, or drop UDP port 67 on the other interfaces with a firewall',
  },
  'dhcp.internal-error': {
    meaning: 'A message was not answered because of a defect in slipway',
    remedy: 'Report the defect with the packet in the log line',
  },
})

export type DhcpCode = keyof typeof dhcpCodes
