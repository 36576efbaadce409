/** Codes of the checks before power-on (`slipway preflight`) and of a running slipway (`slipway doctor`). */
import { defineCodes } from '../text/codes.ts'

export const preflightCodes = defineCodes({
  'preflight.not-checked': {
    meaning: 'A check could not be performed, usually because of a missing privilege or program',
    remedy: 'Run the command as root, and read the reason',
  },
  'preflight.port-in-use': {
    meaning: 'Another process uses a port that slipway needs',
    remedy: 'Stop that process, or change server.ports in the site file',
  },
  'preflight.address-missing': {
    meaning: 'No interface of this machine has server.address',
    remedy: 'Add the address to an interface, or correct server.address in the site file',
  },
  'preflight.no-carrier': {
    meaning: 'An interface that faces nodes has no carrier',
    remedy: 'Plug in the cable, or bring the interface up: ip link set NAME up',
  },
  'preflight.mtu-too-small': {
    meaning: 'Nodes use a larger MTU than the interface of this machine has',
    remedy: 'Set the MTU of the interface, or set or correct mtu of the subnet in the site file',
  },
  'preflight.firewall-blocks': {
    meaning: 'The firewall drops packets by default, and no rule accepts a port that slipway needs',
    remedy: 'Accept the ports: firewall-cmd --add-service=…, ufw allow …, or a rule of nftables',
  },
  'preflight.selinux-denies': {
    meaning: 'SELinux does not let HAProxy connect to the ports of the nodes',
    remedy: 'Run setsebool -P haproxy_connect_any on',
  },
  'preflight.other-dhcp-server': {
    meaning: 'Another DHCP server answers on a subnet whose addresses slipway leases',
    remedy: 'Switch that server off, or set dhcp: proxy or otherDhcpServers: allow for the subnet',
  },
  'preflight.address-in-use': {
    meaning: 'Another machine uses the reserved address of a node or of a host',
    remedy: 'Change the address of that machine, or correct mac or address in the site file',
  },
  'preflight.no-dhcp-server': {
    meaning: 'No DHCP server answers on a subnet with dhcp: proxy, so its nodes get no addresses',
    remedy: 'Start that DHCP server, or remove dhcp: proxy from the subnet',
  },
  'preflight.no-router-advertisement': {
    meaning:
      'No router advertisement arrives from an IPv6 network, so iPXE does not request an address by DHCPv6',
    remedy: 'Set the M flag on the router of the network, or add routerAdvertisements to it and start radvd',
  },
  'preflight.router-advertisement-unmanaged': {
    meaning:
      'The router advertisements of an IPv6 network have no M flag, so iPXE does not request an address',
    remedy: 'Set the M flag (managed address configuration) on the router of the network',
  },
  'preflight.foreign-router-advertisement': {
    meaning: 'A machine sends router advertisements that the site does not declare',
    remedy: 'Stop them on that machine, or remove routerAdvertisements if it is the router of the network',
  },
  'preflight.clock-not-synchronized': {
    meaning: 'The clock of this machine is not synchronized',
    remedy: 'Start a time service: timedatectl set-ntp true',
  },
  'preflight.resolver-unreachable': {
    meaning: 'A resolver of dns.forward does not answer',
    remedy: 'Check the resolver and the path to it, or remove it from dns.forward',
  },
  'preflight.names-differ': {
    meaning:
      'A name server that nodes use has records that differ from the site, or its zone is not delegated',
    remedy: 'Run slipway check --dns, which lists the records and how to correct them',
  },
  'preflight.bmc-unusable': {
    meaning: 'A BMC of a node does not respond, shows another certificate, or refuses the credentials',
    remedy: 'Correct bmc of the node, its credentials, or the network; docs/bmc.md describes each problem',
  },
  'preflight.bmc-other-machine': {
    meaning:
      'The BMC of a node reports the MAC address of another node, so slipway would switch that machine',
    remedy: 'Correct bmc.address of both nodes, or their mac, and run slipway preflight again',
  },
  'preflight.bmc-mac-differs': {
    meaning: 'The BMC of a node reports MAC addresses, but not the declared one',
    remedy:
      'Compare the serial number with the label of the machine, and correct mac or bmc.address of the node. If they are right, the BMC does not report this network card',
  },
  'preflight.bmc-same-machine': {
    meaning: 'The BMCs of several nodes report the same UUID',
    remedy:
      'Give each node the address of its own BMC, and set bmc.system if a BMC has several systems. If they are right, set unique UUIDs in the firmware',
  },
  'preflight.registry-unreachable': {
    meaning: 'This machine cannot reach a registry that nodes pull images from',
    remedy: 'Set HTTPS_PROXY if there is a proxy, or specify your mirror: --registry HOST',
  },
  'preflight.mirror-unreachable': {
    meaning: 'A mirror registry of install-config.yaml does not answer like a registry',
    remedy: 'Start the registry, and correct its name and port in imageDigestSources',
  },
  'preflight.registry-certificate': {
    meaning: 'Nodes do not trust the certificate of a mirror registry, or it expires soon',
    remedy: 'Add its CA to additionalTrustBundle, or renew the certificate with the name in subjectAltName',
  },
  'preflight.registry-name': {
    meaning: 'Nodes cannot resolve the name of a mirror registry',
    remedy: 'Add the registry to hosts in the site file, or add the resolver that knows it to dns.forward',
  },
  'preflight.pull-secret-refused': {
    meaning: 'A mirror registry does not accept the pull secret of install-config.yaml',
    remedy: 'Add an entry with the name and the port of the registry to auths in pullSecret',
  },
  'preflight.mirror-incomplete': {
    meaning: 'A repository of the release has no mirror, or the registry does not have it',
    remedy: 'Mirror the release with oc mirror, and copy the sources that it prints to imageDigestSources',
  },
  'preflight.api-unreachable': {
    meaning: 'An address of the API of a cluster that slipway does not install accepts no connection',
    remedy: 'Correct loadBalancer.api in the site file, or the Service or the node that has the address',
  },
  'preflight.apps-unreachable': {
    meaning: 'An address of *.apps of a cluster that slipway does not install accepts no connection',
    remedy:
      'Ignore this before the first worker is installed; then correct loadBalancer.ingress, or start a router there',
  },
  'preflight.disk-full': {
    meaning: 'A directory in which slipway writes has little free space',
    remedy: 'Remove files that are not needed, or enlarge the file system',
  },
  'preflight.state-not-writable': {
    meaning: 'The state directory cannot be written',
    remedy: 'Create the directory, and give it to the user that slipway runs as',
  },
  'preflight.image-damaged': {
    meaning: 'A file of a boot image differs from the checksum of its download',
    remedy: 'Run slipway images add again',
  },
  'preflight.image-signature-wrong': {
    meaning: 'A file of a boot image does not match the signature of its publisher',
    remedy: 'Do not boot the image: get the stream document from the publisher, and add the image again',
  },
  'preflight.image-unverified': {
    meaning: 'A boot image has no checksums, because it was copied by hand',
    remedy: 'Compare the files with the checksums of the release, or add the image with slipway images add',
  },
})

export type PreflightCode = keyof typeof preflightCodes
