/** Codes of findings: what the compiled plan, and the scan of the files before it, report about a site. */
import { defineCodes, type Finding } from '../text/codes.ts'
import { changeCodes } from './changes/change-codes.ts'

export const planCodes = defineCodes({
  'tftp.loader-unsigned': {
    meaning: 'A boot loader for machines with Secure Boot has no signature',
    remedy: 'Copy the loader of the vendor of the image again: slipway images loaders',
  },
  'tftp.loader-missing': {
    meaning: 'A boot loader that a declared node needs was not found',
    remedy: 'Install the ipxe package, or name the file under tftp.loaders',
  },
  'http.inventory-file-missing': {
    meaning: 'The kernel or the initramfs of the inventory boot cannot be read',
    remedy: 'Build the files as in docs/inventory.md, or correct inventory in the site file',
  },
  'boot.command-line-too-long': {
    meaning: 'The kernel command line of a node is longer than the kernel accepts',
    remedy: 'Shorten kernelArguments',
  },
  'image.agent-expired': {
    meaning: 'The files of the agent-based installer are older than the certificates or the token in them',
    remedy:
      'Create the files again before you install nodes, and replace those in the directory of the image',
  },
  'boot.script-unreadable': {
    meaning: 'A node boots the script of another installer, and slipway cannot read or fetch it',
    remedy: 'Read the reason; correct script in the site file, or start the server that has the script',
  },
  'boot.menu-entry-invalid': {
    meaning:
      'An entry of menu.entries names a file that the site does not declare, or a placeholder without a value',
    remedy: 'Correct the entry; docs/files.md lists the placeholders',
  },
  'boot.disk-missing': {
    meaning: 'A node has no disk to install on',
    remedy: 'Set disk in the cluster or in the node',
  },
  'boot.disk-needs-live-image': {
    meaning: 'A node uses hints of disk, mirror, multipath, or savePartitions with an image of OpenShift 4.5',
    remedy: 'Set disk to the path of the disk, or use an image of 4.6 or later',
  },
  'cluster.control-plane-size': {
    meaning: 'A cluster has two control-plane nodes, and neither an arbiter nor BMCs for fencing',
    remedy: 'Add a node with the role master or arbiter, set bmc for both masters, or remove one',
  },
  'cluster.fencing-incomplete': {
    meaning: 'A cluster of two masters with fencing lacks the BMC of a master, or has workers',
    remedy: 'Set bmc, with Redfish, for both masters, and remove the workers',
  },
  'cluster.fencing-differs': {
    meaning: 'The credentials for fencing in install-config.yaml and the BMCs of the site are not the same',
    remedy: 'Correct controlPlane.fencing in install-config.yaml, or bmc in the site file',
  },
  'cluster.domain-repeats-name': {
    meaning: 'The domain of a cluster starts with its name, which is then twice in all names',
    remedy: 'Remove the name of the cluster from domain',
  },
  'dhcp.lease-short': {
    meaning: 'A lease is so short that it can expire during an installation',
    remedy: 'Set leaseSeconds to 3600 or more',
  },
  'dhcp.subnet-not-attached': {
    meaning:
      'This machine has no address in a subnet that sets neither relays nor segment, so its nodes may get no DHCP answers',
    remedy: 'Set relays or segment in the subnet, or add an address of the subnet to an interface',
  },
  'dhcp.settings-unused': {
    meaning: 'Lease settings are declared for a subnet whose addresses another DHCP server leases',
    remedy: 'Configure these settings in the other DHCP server',
  },
  'dhcp.interfaces-share-address': {
    meaning:
      'A node has several MAC addresses, and its live system requests the same address for each of them',
    remedy: 'Set bond= and ip= in kernelArguments of the node, so that one interface has the address',
  },
  'dhcp.host-name-too-long': {
    meaning: 'A host name is longer than Linux accepts',
    remedy: 'Shorten the name of the machine, the cluster, or the domain',
  },
  'dns.name-too-long': {
    meaning: 'A name is longer than DNS allows',
    remedy: 'Shorten the name',
  },
  'dns.name-repeated': {
    meaning: 'Two entries declare addresses for the same name',
    remedy: 'Rename one of the entries',
  },
  'dns.wildcard-narrowed': {
    meaning: 'A declared name removes names from the apps wildcard of a cluster (RFC 4592)',
    remedy: 'Use a name outside the wildcard if applications below it must resolve',
  },
  'dns.wildcard-searched': {
    meaning: 'A wildcard answers for names that nodes or pods look up in their search domains (ndots:5)',
    remedy: 'Narrow the wildcard, or remove the search domain',
  },
  'dns.base-domain-claimed': {
    meaning: 'A record requires that this server serves a whole base domain that dns.zones does not list',
    remedy: 'List the domain in dns.zones, or remove the record',
  },
  'dns.base-domain-divided': {
    meaning: 'This server serves several zones in a base domain, but not the whole base domain',
    remedy: 'List the domain in dns.zones, or set zones: [] to confirm the division',
  },
  'dns.reverse-elsewhere': {
    meaning: 'An address lies outside the subnets, so this server has no reverse name for it',
    remedy: 'Serve the reverse name elsewhere, or add the subnet',
  },
  'dns.reverse-claimed': {
    meaning: 'This server answers all reverse names of a network that is larger than the subnet',
    remedy: 'Check that no other server has reverse names in that network',
  },
  'dns.reverse-overlap': {
    meaning:
      'This server has a reverse zone in a zone of dns.forwardZones, so names of its resolvers there are hidden',
    remedy: 'Declare the machines with these names under hosts; slipway check --dns lists them',
  },
  'dns.resolver-is-server': {
    meaning: 'An address of this server is listed as a resolver',
    remedy: 'List a resolver that knows other names',
  },
  'dns.forward-empty': {
    meaning: 'Nodes use this server as their resolver, but it has no resolver for other names',
    remedy: 'Set dns.forward',
  },
  'dns.clients-public': {
    meaning: 'A public network may use this server as a resolver',
    remedy: 'Restrict dns.clients to your own networks',
  },
  'dns.forward-zone-hidden': {
    meaning: 'A zone of dns.forwardZones lies in a zone that this server answers itself',
    remedy: 'Delegate the zone with a record of type ns, or remove the entry',
  },
  'haproxy.nothing-to-balance': {
    meaning: 'The site has a section haproxy, but no cluster has an address to balance',
    remedy: 'Set loadBalancer in a cluster, or remove the section haproxy',
  },
  'haproxy.no-control-plane': {
    meaning: 'A cluster has neither a bootstrap node nor a master, so it has no frontends for the API',
    remedy: 'Declare the control-plane nodes if slipway should balance the API',
  },
  'haproxy.backend-drained': {
    meaning: 'All servers of a backend are drained',
    remedy: 'Remove balance: false from at least one node',
  },
  'haproxy.address-elsewhere': {
    meaning:
      'The load balancer has an address that is not in any subnet, so it may belong to another machine',
    remedy: 'Set loadBalancer.external if another machine has the address',
  },
  'haproxy.stats-users-invalid': {
    meaning: 'The file with the users of the statistics page cannot be read, or has an invalid line',
    remedy: 'Correct the line that the message names, and reload the site',
  },
  'haproxy.port-conflict': {
    meaning: 'A frontend of HAProxy has the same address and port as a service of this server',
    remedy: 'Change the port under server.ports, or the address of the load balancer',
  },
  'boot.network-differs': {
    meaning:
      'The section network of a node has another gateway or other resolvers than its subnet, or no IPv6 default route',
    remedy: 'Correct network or the subnet, unless the difference is intended',
  },
  'boot.port-undeclared': {
    meaning: 'An interface with the address of a node has a MAC address that mac of the node does not list',
    remedy: 'Add the MAC address to mac, so that the node can boot from each port',
  },
  'ignition.folder-missing': {
    meaning: 'A cluster needs Ignition files but does not name their directory',
    remedy: 'Set ignition, or kubeconfig for a running cluster',
  },
  'ignition.unreadable': {
    meaning: 'An Ignition file does not exist, or cannot be read',
    remedy: 'Create the file with openshift-install, or correct its permissions',
  },
  'ignition.invalid': {
    meaning: 'A file is not an Ignition file',
    remedy: 'Create the file again with openshift-install',
  },
  'ignition.not-accepted': {
    meaning: 'An Ignition file has a part that Ignition does not accept, so the first boot of a node fails',
    remedy:
      'Correct the file (ignition-validate shows each fault), or create it again with openshift-install',
  },
  'ignition.version-unsupported': {
    meaning: 'An Ignition file has a version that slipway or the image cannot read',
    remedy: 'Create the file with the openshift-install of the same release as the image',
  },
  'ignition.version-unknown': {
    meaning:
      'An Ignition file has a minor version that slipway does not know yet, or an experimental version',
    remedy: 'Check that the image reads this version, and update slipway',
  },
  'ignition.additions-unsupported': {
    meaning: 'hostname, files, networkKeyfiles, or network are set, but the Ignition file has version 2.x',
    remedy: 'Remove these keys',
  },
  'answers.missing': {
    meaning: 'A machine with another operating system has no file that configures its installer',
    remedy: 'Set answers in the group or in the node',
  },
  'answers.unreadable': {
    meaning: 'An answer file does not exist, or cannot be read',
    remedy: 'Correct the path or the permissions of the file',
  },
  'answers.template-invalid': {
    meaning: 'An answer file or a kernel argument has a placeholder that slipway cannot replace',
    remedy: 'Correct the placeholder; docs/other-systems.md lists their names',
  },
  'answers.invalid': {
    meaning: 'The installer would reject an answer file, or Talos would be installed on another disk',
    remedy:
      'Correct the line; the page of the operating system names a program that validates the whole file',
  },
  'answers.disk-not-checked': {
    meaning:
      'Nothing asks slipway before the installer of a machine overwrites a disk, so slipway starts no installation automatically',
    remedy:
      'Run {{slipway.diskCheck}} in an early command, limit the installer to {{node.disk}}, run slipway node install for each installation, or set wipe: always',
  },
  'plan.disk-not-checked': {
    meaning:
      'Nothing asks slipway before the installer of a node overwrites the disk, so slipway starts no installation automatically',
    remedy: 'Run slipway node install for each installation, or set wipe: always',
  },
  'answers.end-not-reported': {
    meaning: 'The answer files of a machine do not report the end of the installation',
    remedy: 'Run {{slipway.report}} in the last command',
  },
  'answers.not-encrypted': {
    meaning: 'The site has server.tls, but the answer files of a group are sent over plain HTTP',
    remedy:
      'Use no plain-text passwords in them, or install the machines on a network that only you can read',
  },
  'ignition.added-file-unreadable': {
    meaning: 'A file to be added to a node does not exist, or cannot be read',
    remedy: 'Correct the path or the permissions of the file',
  },
  'ignition.ageing': {
    meaning: 'The certificates in an Ignition file expire soon, so an installation might not finish in time',
    remedy: 'Start the installation soon, or create the Ignition files again',
  },
  'ignition.expired': {
    meaning: 'The certificates of the installer in an Ignition file have expired',
    remedy: 'Create the Ignition files again in a new directory',
  },
  'ignition.certificate-expired': {
    meaning: 'A certificate in an Ignition file, other than those of the installer, has expired',
    remedy: 'Replace the certificate if the nodes need it',
  },
  'ignition.certificate-unreadable': {
    meaning: 'An Ignition file has parts that look like certificates but cannot be read',
    remedy: 'Check these parts if the file was edited by hand',
  },
  'ignition.pointer-kept': {
    meaning:
      'The Ignition file of a master or a worker contains more than the pointer that the cluster provides',
    remedy:
      'Do nothing if this is intended, but update the file if the cluster replaces its certificate authority',
  },
  'ignition.readable-by-all': {
    meaning: 'Every user of this machine can read an Ignition file, which contains secrets',
    remedy: 'Remove the permissions for other users with chmod o-r',
  },
  'image.folder-unreadable': {
    meaning: 'The directory of an image does not exist, or cannot be read',
    remedy: 'Correct dir, or download the image with slipway images add',
  },
  'image.file-missing': {
    meaning: 'A file of an image was not found',
    remedy: 'Put the file of the release into the directory of the image',
  },
  'image.file-unreadable': {
    meaning: 'A file of an image does not exist, is empty, or cannot be read',
    remedy: 'Correct the file or its permissions',
  },
  'image.file-ambiguous': {
    meaning: 'Several files in the directory of an image match',
    remedy: 'Name the file in the image',
  },
  'image.wrong-architecture': {
    meaning: 'A file of an image is for another architecture',
    remedy: 'Correct architecture, or name another file',
  },
  'image.not-live': {
    meaning: 'A node with the role single has an image of OpenShift 4.5, but needs a live image',
    remedy: 'Use an image of OpenShift 4.8 or later',
  },
  'http.file-not-served': {
    meaning: 'A file or a directory of http.files cannot be served',
    remedy: 'Follow the message: create it, make it readable for every user, or use another directory',
  },
  'http.template-invalid': {
    meaning: 'A template cannot be read, or cannot be rendered for a node',
    remedy: 'Correct the line that the message names; docs/files.md lists the placeholders',
  },
  'image.no-https': {
    meaning: 'The site has server.tls, and an image of OpenShift 4.5 or of Flatcar cannot verify its CA',
    remedy: 'Use another image (OpenShift 4.6 or later, Fedora CoreOS), or remove server.tls',
  },
  'image.agent-script-missing': {
    meaning: 'An agent image has no readable iPXE script, so nodes start with the default kernel arguments',
    remedy: 'Set bootArtifactsBaseURL in agent-config.yaml, or set kernelArguments',
  },
  'tftp.root-unreadable': {
    meaning: 'The directory tftp.root does not exist, or cannot be read',
    remedy: 'Correct the path or the permissions of the directory',
  },
  ...changeCodes,
})

export type PlanCode = keyof typeof planCodes
export type PlanFinding = Finding<PlanCode>
