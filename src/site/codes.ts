/** Codes of the problems that keep a site file from being used. */
import { defineCodes } from '../text/codes.ts'
import { diskCodes } from './disk-codes.ts'
import { editCodes } from './edit/edit-codes.ts'
import { groupCodes } from './group-codes.ts'
import { inventoryCodes } from './inventory-codes.ts'
import { ipv6Codes } from './ipv6-codes.ts'
import { networkCodes } from './network-codes.ts'

export const siteCodes = defineCodes({
  'site.unreadable': {
    meaning: 'The site file cannot be read, is larger than 4 MiB, or is not UTF-8 text',
    remedy: 'Check the path, the permissions, and the encoding of the file',
  },
  'site.out-of-memory': {
    meaning:
      'The memory of the process is not sufficient to load the site file, so the current plan stays active',
    remedy: 'Raise MemoryMax= of the service, or restart it',
  },
  'site.last-good-served': {
    meaning: 'The site file has errors, so slipway started with the last valid site',
    remedy: 'Correct the site file and reload it',
  },
  'site.last-good-not-written': {
    meaning: 'The active site could not be saved in the state directory',
    remedy: 'Check the free space and the permissions of the state directory',
  },
  'site.confirmation-pending': {
    meaning:
      'A reloaded site is served, but slipway rolls it back unless an administrator confirms it in time',
    remedy: 'Run slipway confirm to keep the site, or slipway rollback to return at once',
  },
  'site.rolled-back': {
    meaning: 'slipway serves an earlier site and not the site file, because the site was rolled back',
    remedy: 'Correct the site file and reload it, or write the served site to it with slipway history show',
  },
  'site.empty': {
    meaning: 'The site file has no content',
    remedy: 'Write a site; config/site.example.yaml is an example',
  },
  'site.yaml-syntax': {
    meaning: 'The text is not valid YAML 1.2, or uses a YAML feature that site files do not support',
    remedy: 'Correct the line that the message names',
  },
  'site.duplicate-key': { meaning: 'A map has the same key twice', remedy: 'Remove one of the two keys' },
  'site.unknown-alias': {
    meaning: 'An alias refers to an anchor that is not defined above it',
    remedy: 'Define the anchor before the alias, or write the value out',
  },
  'site.too-large': {
    meaning: 'The file has too many values or too many levels of nesting',
    remedy: 'Remove the aliases that repeat large parts, or split the site',
  },
  'site.missing-key': { meaning: 'A required key is missing', remedy: 'Add the key that the message names' },
  'site.unknown-key': {
    meaning: 'A key is not part of the site schema',
    remedy: 'Correct the spelling, or remove the key',
  },
  'site.invalid-value': {
    meaning: 'A value has the wrong type, form, or range',
    remedy: 'Replace the value with one of the expected form',
  },
  ...diskCodes,
  ...inventoryCodes,
  ...ipv6Codes,
  ...groupCodes,
  ...networkCodes,
  'site.subnet-size': {
    meaning: 'A subnet is too large or too small for machines, or lies in the multicast range',
    remedy: 'Write a network from /8 to /30 below 224.0.0.0',
  },
  'site.subnet-overlap': {
    meaning: 'Two subnets overlap, so an address does not determine its subnet',
    remedy: 'Correct the cidr of one of the subnets',
  },
  'site.gateway-outside-subnet': {
    meaning: 'The gateway of a subnet is not a host address in that subnet',
    remedy: 'Correct gateway or cidr',
  },
  'site.route-invalid': {
    meaning: 'A route has a router outside its subnet, repeats another route, or repeats the default route',
    remedy: 'Correct or remove the route',
  },
  'site.address-not-a-host': {
    meaning: 'An address is the network or broadcast address of a subnet, unspecified, or multicast',
    remedy: 'Write the address of a machine',
  },
  'site.port-conflict': {
    meaning: 'Two services of this server have the same port',
    remedy: 'Give one of them another port under server.ports',
  },
  'site.forward-loop': {
    meaning: 'This server is listed as a resolver for itself',
    remedy: 'List another resolver',
  },
  'site.forward-zone-repeated': {
    meaning: 'A zone has two entries in dns.forwardZones',
    remedy: 'Put all servers of the zone into one entry',
  },
  'site.resolvers-missing': {
    meaning: 'A subnet has no resolvers and this server does not serve DNS',
    remedy: 'Set dns in the subnet',
  },
  'site.tftp-ports-ambiguous': {
    meaning: 'Both tftp.singlePort and tftp.ports are set',
    remedy: 'Remove one of the two keys',
  },
  'site.tftp-port-range': {
    meaning: 'The port range for TFTP transfers is too small or needs a privilege',
    remedy: 'Write a range of at least 16 ports above 1023',
  },
  'site.tftp-port-conflict': {
    meaning: 'The port range for TFTP transfers contains the port of another service',
    remedy: 'Move the range or the service',
  },
  'site.cluster-name-taken': {
    meaning: 'Two clusters have the same name',
    remedy: 'Rename one of the clusters',
  },
  'site.name-taken': {
    meaning: 'Two machines have the same full name, or a machine has the name of an API',
    remedy: 'Rename one of them',
  },
  'site.node-name-too-long': {
    meaning: 'The full name of a node has more than 63 characters, the limit of a Kubernetes label',
    remedy: 'Shorten the name of the node, the cluster, or the domain',
  },
  'site.host-name-not-qualified': {
    meaning: 'The name of a host has no domain',
    remedy: 'Write the fully qualified name',
  },
  'site.name-below-apps': {
    meaning: 'The domain of a cluster lies below the apps wildcard of another cluster',
    remedy: 'Rename one of the clusters or change its domain',
  },
  'site.record-empty': {
    meaning: 'An entry of dns.records has no data',
    remedy: 'Add address, cname, txt, srv, mx, caa, ns, ptr, or other',
  },
  'site.record-repeated': {
    meaning: 'A name has two entries in dns.records',
    remedy: 'Put all records of the name into one entry',
  },
  'site.record-outside-zones': {
    meaning: 'A record lies outside the zones of the site',
    remedy: 'Use a name below the domain of a cluster, or add the domain of the record to dns.zones',
  },
  'site.zone-invalid': {
    meaning: 'An entry of dns.zones is repeated, or is a reverse zone',
    remedy: 'List each forward zone once',
  },
  'site.record-not-alone': {
    meaning: 'An alias or a delegation has other records, or is not possible at that name',
    remedy: 'Remove the other records, or the alias or delegation',
  },
  'site.record-name-taken': {
    meaning: 'A record gives addresses to a name that has addresses already',
    remedy: 'Remove the address from the record, or rename it',
  },
  'site.record-pointer-taken': {
    meaning: 'A PTR record is for the address of a node or host, which has its reverse name automatically',
    remedy: 'Remove the record',
  },
  'site.record-srv-name': {
    meaning: 'The name of an SRV record does not start with _service._protocol',
    remedy: 'Write the name as _service._protocol.<domain> (RFC 2782)',
  },
  'site.record-target-unknown': {
    meaning: 'The target of a record is in a zone of this site but has no addresses',
    remedy: 'Declare the target, or correct its name',
  },
  'site.record-below-delegation': {
    meaning: 'A name lies below a delegation, so this server never answers for it',
    remedy: 'Declare the name at the delegated name servers',
  },
  'site.secondary-invalid': {
    meaning:
      'A secondary name server is listed twice, is this server, or has an IPv6 address although this server has none',
    remedy: 'Remove the entry, or set server.address6',
  },
  'site.installer-missing': {
    meaning: 'The site has two servers, but sets neither server.installer nor store',
    remedy:
      'Set server.installer to the address of the server that installs nodes, the same in all site files, or add a shared store',
  },
  'site.installer-with-store': {
    meaning: 'Both server.installer and store are set, but with a store every server installs nodes',
    remedy: 'Remove server.installer or store',
  },
  'site.store-certificate-incomplete': {
    meaning: 'Either the client certificate for etcd or its key is missing',
    remedy: 'Set both store.etcd.cert and store.etcd.key, or remove both',
  },
  'site.node-mac-or-none': {
    meaning:
      'A node has neither a MAC address nor boot: none, or has boot: none and keys of a machine that boots',
    remedy: 'Add mac, or set boot: none and remove the keys that the message names',
  },
  'site.mac-taken': {
    meaning: 'Two machines have the same MAC address',
    remedy: 'Correct the MAC address of one of them',
  },
  'site.node-ipv4-count': {
    meaning: 'A node does not have exactly one IPv4 address, and no address in a network of subnets6',
    remedy: 'Give the node one IPv4 address, or an address in a network of subnets6',
  },
  'site.host-without-ipv4': {
    meaning: 'A host has a MAC address but no IPv4 address that DHCP could reserve',
    remedy: 'Add an IPv4 address, or remove mac',
  },
  'site.address-outside-subnets': {
    meaning: 'A reserved address is not a host address in one of the subnets',
    remedy: 'Correct the address, or add its subnet',
  },
  'site.address-taken': {
    meaning: 'Two machines have the same address',
    remedy: 'Give one of them another address',
  },
  'site.address-is-server': {
    meaning: 'A machine has the address of this server',
    remedy: 'Give the machine another address',
  },
  'site.address-is-gateway': {
    meaning: 'A node has the address of a gateway',
    remedy: 'Give the node another address',
  },
  'site.bootstrap-repeated': {
    meaning: 'A cluster has two bootstrap nodes',
    remedy: 'Change the role of one of them',
  },
  'site.bootstrap-without-masters': {
    meaning: 'A cluster has a bootstrap node but no master',
    remedy: 'Declare the masters, or remove the bootstrap node',
  },
  'site.arbiter-without-pair': {
    meaning: 'A cluster has an arbiter, but not two masters',
    remedy: 'Declare two masters, or give the arbiter another role',
  },
  'site.single-not-alone': {
    meaning: 'A single-node control plane has other control-plane nodes or a bootstrap node beside it',
    remedy: 'Change the role of one of the nodes',
  },
  'site.endpoints-missing': {
    meaning: 'A cluster has neither a load balancer nor a node with the role single',
    remedy: 'Set loadBalancer',
  },
  'site.load-balancer-on-node': {
    meaning: 'An address of the load balancer is the address of a node',
    remedy: 'Write the address of the load balancer',
  },
  'site.kubeconfig-missing': {
    meaning: 'Approval of certificate requests needs a kubeconfig, but the site does not name one',
    remedy: 'Set kubeconfig or ignition in the cluster',
  },
  'site.haproxy-file-unused': {
    meaning:
      'The files and directories in haproxy.with do not include haproxy.file, so HAProxy does not read it',
    remedy: 'Add the file or its directory to haproxy.with, or rename the file to end in .cfg',
  },
  'site.haproxy-reload-ambiguous': {
    meaning: 'Both haproxy.reload and haproxy.masterSocket are set',
    remedy: 'Remove one of the two keys',
  },
  'site.load-balancer-bind-unused': {
    meaning: 'loadBalancer.bind names a frontend that HAProxy on this machine does not have',
    remedy: 'Follow the message: remove the entry, change loadBalancer.external, or add the section haproxy',
  },
  'site.keepalived-incomplete': {
    meaning: 'The section keepalived lacks haproxy, a peer, or an interface',
    remedy: 'Add the part that the message names',
  },
  'site.image-missing': {
    meaning: 'A node has no image',
    remedy: 'Set image in the cluster or in the node',
  },
  'site.image-unknown': {
    meaning: 'A cluster or a node names an image that is not under images',
    remedy: 'Correct the name, or add the image',
  },
  'site.script-without-loader': {
    meaning: 'A node boots the script of another installer through GRUB, and no image has that boot loader',
    remedy: 'Set image to one whose directory has shim and GRUB, or remove loader',
  },
  'site.loader-unsuitable': {
    meaning: 'A boot loader is for another architecture, or cannot boot the script of another installer',
    remedy: 'Use another loader, remove the script, or correct the architecture of the image',
  },
  'site.image-style-ambiguous': {
    meaning: 'An image names both a rootfs and a metal image',
    remedy: 'Remove one of the two keys',
  },
  'site.ignition-folder-shared': {
    meaning: 'Two clusters install from the same directory of Ignition files',
    remedy: 'Give each cluster its own directory',
  },
  'site.menu-default-unsafe': {
    meaning: 'The default entry of a menu would install a node with a role that is not its own',
    remedy: 'Set another default, or give the node its own menu',
  },
  'site.kernel-argument-reserved': {
    meaning: 'A kernel argument is one that boot scripts set themselves',
    remedy: 'Remove the argument and set the key that the message names',
  },
  'site.node-file-repeated': {
    meaning: 'Two entries write the same file on a node',
    remedy: 'Remove one of the entries',
  },
  'site.served-file-repeated': {
    meaning: 'Two entries of http.files have the same path',
    remedy: 'Remove one of the entries',
  },
  ...editCodes,
})

export type SiteCode = keyof typeof siteCodes
