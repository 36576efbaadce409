/** Codes of what `slipway plan` and a reload report about the changes of a site. */
import { defineCodes } from '../../text/codes.ts'

export const changeCodes = defineCodes({
  'plan.backend-left': {
    meaning: 'A node is removed from backends of the load balancer',
    remedy: 'Check that the other servers of these backends can take the traffic',
  },
  'plan.frontend-closed': {
    meaning: 'The load balancer no longer listens on addresses that clients may use',
    remedy: 'Check that no client uses these addresses, or that another load balancer has them',
  },
  'plan.image-used': {
    meaning: 'The files of an image that nodes are installed from change',
    remedy: 'Check that the release of the image matches the Ignition files of these nodes',
  },
  'plan.lease-not-renewed': {
    meaning: 'slipway no longer renews the lease of a machine',
    remedy: 'Restart the machine, or renew its lease, when its workloads can be interrupted',
  },
  'plan.lease-renewal': {
    meaning: 'Machines get changed lease settings only when they renew their leases',
    remedy: 'Wait for the renewal, or restart the network of the machines',
  },
  'plan.leases-end': {
    meaning: 'A subnet is removed, so slipway no longer leases its addresses',
    remedy: 'Move the machines to another subnet or to another DHCP server first',
  },
  'plan.leases-move': {
    meaning: 'A different DHCP server than before leases the addresses of a subnet',
    remedy: 'Turn on exactly one DHCP server in the subnet',
  },
  'plan.machine-replaced': {
    meaning: 'A node gets another MAC address, which is another machine',
    remedy: 'Check the MAC address if you did not replace the machine',
  },
  'plan.member-remains': {
    meaning: 'A node that is removed from the site file remains in its cluster',
    remedy:
      'Drain the node, power it off, and run oc delete node; slipway node remove, instead of an edit by hand, prints all steps',
  },
  'plan.next-installation': {
    meaning: 'A change has no effect on a system that is installed already',
    remedy: 'Install the node again if it needs the change',
  },
  'plan.node-not-installed': {
    meaning: 'The next network boot of a machine does not install it, because of its installation record',
    remedy: 'To install it, arm it with slipway node install after the reload',
  },
  'plan.node-installs': {
    meaning: 'A machine can be installed at its next network boot',
    remedy: 'Set boot: local if the machine must keep its disk',
  },
  'plan.node-renamed': {
    meaning: 'A machine gets the name of another node',
    remedy: 'Remove the node from its cluster and install it again if it needs another name',
  },
  'plan.restart-needed': {
    meaning: 'A reload cannot apply a change, so slipway keeps the current plan',
    remedy: 'Restart the service',
  },
  'plan.zone-claimed': {
    meaning: 'slipway starts to answer for all names in a zone',
    remedy: 'Declare all names of the zone that clients need',
  },
  'plan.zone-released': {
    meaning: 'slipway no longer answers for the names in a zone',
    remedy: 'Check that the resolvers in dns.forward have the names that clients need',
  },
})
