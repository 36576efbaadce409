/** Codes of the problems of IPv6 networks and of identifiers of DHCPv6 clients. */
import { defineCodes } from '../text/codes.ts'

export const ipv6Codes = defineCodes({
  'site.subnets-missing': {
    meaning: 'The site has neither subnets nor subnets6, so no node can get an address',
    remedy: 'Add the networks of the nodes to subnets or subnets6',
  },
  'site.subnet6-size': {
    meaning: 'An IPv6 network is too large or too small for machines, or is not a unicast network',
    remedy: 'Write a unicast network from /32 to /126 that is not link-local',
  },
  'site.subnet6-overlap': {
    meaning: 'Two IPv6 networks overlap',
    remedy: 'Correct one of the networks, so that each address has one network',
  },
  'site.subnet6-without-address6': {
    meaning: 'The site has IPv6 networks, but the server has no IPv6 address',
    remedy: 'Set server.address6',
  },
  'site.radvd-without-interface': {
    meaning: 'Router advertisements are declared without the interface that sends them',
    remedy: 'Set server.interface, or interface in routerAdvertisements',
  },
  'site.duid-taken': {
    meaning: 'The same DUID is declared twice',
    remedy: 'Correct one of the entries: a DUID identifies one machine',
  },
})
