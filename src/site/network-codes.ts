/** Codes of the problems of the section `network`. */
import { defineCodes } from '../text/codes.ts'

export const networkCodes = defineCodes({
  'site.network-interfaces-missing': {
    meaning: 'A node has a section network, but neither it nor its cluster lists interfaces',
    remedy: 'Add interfaces to network of the node, or remove network',
  },
  'site.network-interface-repeated': {
    meaning: 'Two interfaces of a node have the same name or the same MAC address',
    remedy: 'Correct one of the two interfaces',
  },
  'site.network-port-invalid': {
    meaning:
      'A port of a bond or bridge, or the base of a VLAN, has a type or an address that it cannot have, or has two owners',
    remedy: 'Move the address to the bond, bridge, or VLAN, or correct the name of the interface',
  },
  'site.network-address-missing': {
    meaning: 'No interface of the section network has the address of the node',
    remedy: 'Add the address to an interface, or set dhcp: true for the interface that has it',
  },
  'site.network-prefix-differs': {
    meaning: 'The prefix length of a static address differs from that of its subnet',
    remedy: 'Write the prefix length of cidr of the subnet',
  },
  'site.network-address-taken': {
    meaning: 'A static address belongs to another node, another host, the server, or a gateway',
    remedy: 'Write the address of this node, or another unused one',
  },
  'site.network-route-invalid': {
    meaning:
      'A route names an interface without an address of its family, or a router that is not on its network',
    remedy: 'Correct next-hop-interface or next-hop-address',
  },
  'site.network-resolver-unreachable': {
    meaning: 'No interface has an address of the family of a resolver',
    remedy: 'Remove the resolver, or add an address of its family to an interface',
  },
  'site.network-not-as-arguments': {
    meaning: 'A setting cannot be written as a kernel argument',
    remedy: 'Change the setting as the message says, or set use: keyfiles',
  },
  'site.network-argument-conflict': {
    meaning: 'kernelArguments configure the network of a node that has a section network',
    remedy: 'Remove these kernel arguments, or set use: keyfiles',
  },
  'site.network-keyfile-conflict': {
    meaning: 'networkKeyfiles or files write a keyfile that the section network also writes',
    remedy: 'Remove the file or the interface, or set use: arguments',
  },
})
