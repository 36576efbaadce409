/**
 * The codes of what slipway reads from a cluster: why it is not reachable, why a kubeconfig cannot be used, what an
 * installation waits for, and why a certificate request stays pending.
 */
import { defineCodes } from '../text/codes.ts'

export const clusterCodes = defineCodes({
  'cluster.connection-refused': {
    meaning: 'No server listens at the address of the API, or the load balancer has no server that is up',
    remedy: 'Wait during an installation; otherwise check the load balancer and the control-plane nodes',
  },
  'cluster.name-not-resolved': {
    meaning: 'This machine cannot resolve the name of the API',
    remedy:
      'Configure this machine to use the DNS service of slipway, or another server that resolves the name',
  },
  'cluster.no-route': {
    meaning: 'This machine has no route to the address of the API',
    remedy: 'Check the routes and the firewall of this machine',
  },
  'cluster.no-response': {
    meaning: 'The API does not respond in time',
    remedy: 'Check the load balancer and the control-plane nodes, and the firewalls on the path',
  },
  'cluster.connection-closed': {
    meaning: 'The other side closed the connection before its response was complete',
    remedy: 'Do nothing if it ends within a minute; otherwise check the load balancer',
  },
  'cluster.authority-mismatch': {
    meaning:
      "The certificate of the API was not issued by the kubeconfig's certificate authority: the authority was rotated, or the kubeconfig belongs to another installation",
    remedy: 'Replace the kubeconfig with a current one of this cluster',
  },
  'cluster.certificate-expired': {
    meaning: 'The certificate of the API has expired',
    remedy: 'Check the clock of this machine, and renew the certificate in the cluster',
  },
  'cluster.certificate-not-yet-valid': {
    meaning: 'The certificate of the API is not valid yet',
    remedy: 'Synchronize the clock of this machine (NTP)',
  },
  'cluster.certificate-for-other-names': {
    meaning: "The certificate of the API does not contain the host name of the kubeconfig's server",
    remedy: 'Use a kubeconfig whose server is api or api-int of the cluster, or set its tls-server-name',
  },
  'cluster.unreachable': {
    meaning: 'The connection to the API failed for another reason (see the message)',
    remedy: 'Check the network between this machine and the load balancer',
  },
  'cluster.response-invalid': {
    meaning: 'The response does not come from an API server',
    remedy: 'Check that the server of the kubeconfig is the API of the cluster and not another web server',
  },
  'cluster.unauthorized': {
    meaning: 'The API does not accept the credentials of the kubeconfig (401)',
    remedy: 'Replace the kubeconfig, or create a new token for its service account',
  },
  'cluster.forbidden': {
    meaning: 'The user of the kubeconfig lacks a permission that slipway needs (403)',
    remedy: 'Apply the output of `slipway render rbac` to the cluster',
  },
  'cluster.overloaded': {
    meaning: 'The API asks its clients to send fewer requests (429)',
    remedy: 'Do nothing: slipway waits as long as the API asks',
  },
  'cluster.api-failed': {
    meaning: 'The API, or the load balancer in front of it, reported an internal error (5xx)',
    remedy: 'Wait during an installation; otherwise check the API servers and etcd',
  },
  'cluster.refused': {
    meaning: 'The API refused a request for another reason (see the message)',
    remedy: 'Check that the server of the kubeconfig is the API of the cluster',
  },
  'cluster.kubeconfig-not-declared': {
    meaning: 'The site file does not name a kubeconfig for the cluster',
    remedy: 'Set clusters[].kubeconfig in the site file',
  },
  'cluster.kubeconfig-missing': {
    meaning: 'The kubeconfig of a cluster does not exist',
    remedy: 'Copy auth/kubeconfig of openshift-install to that path, or correct kubeconfig',
  },
  'cluster.kubeconfig-unreadable': {
    meaning: 'The kubeconfig, or a file that it names, cannot be read',
    remedy: 'Let the user of the service read the file',
  },
  'cluster.kubeconfig-invalid': {
    meaning: 'The kubeconfig is incomplete, or a certificate, key, or token in it is invalid',
    remedy: 'Copy the kubeconfig again, or create a new one',
  },
  'cluster.kubeconfig-unsupported': {
    meaning:
      'The kubeconfig uses a setting that slipway refuses: exec, a proxy, a password, or no verification',
    remedy: 'Use the kubeconfig that openshift-install wrote, or one with a token',
  },
  'cluster.kubeconfig-expired': {
    meaning: 'The client certificate of the kubeconfig has expired',
    remedy: 'Replace the kubeconfig with a current one',
  },
  'cluster.kubeconfig-for-other-cluster': {
    meaning: 'The server of the kubeconfig is neither api nor api-int of the declared cluster',
    remedy: 'Use the kubeconfig of this cluster, or correct its name and domain in the site file',
  },
  'cluster.kubeconfig-for-one-node': {
    meaning: 'The server of the kubeconfig is the address of one node instead of api or api-int',
    remedy: 'Set the server to api of the cluster, so that the connection does not depend on one node',
  },
  'cluster.bootstrap-incomplete': {
    meaning: 'The ConfigMap that marks the end of the bootstrap is not complete yet',
    remedy: 'Wait; after 60 min, read the log of bootkube.service on the bootstrap',
  },
  'cluster.bootstrap-member-left': {
    meaning: "The etcd operator has not removed the bootstrap's member",
    remedy: 'Keep the bootstrap running, and check the etcd operator',
  },
  'cluster.node-not-registered': {
    meaning: 'A declared node has not registered in its cluster',
    remedy: 'Check the timeline of the node and its pending certificate requests',
  },
  'cluster.node-not-ready': {
    meaning: 'A node is registered in its cluster and not Ready',
    remedy: 'Read the condition in the message, then the log of the kubelet',
  },
  'cluster.version-missing': {
    meaning: 'The cluster has no ClusterVersion yet',
    remedy: 'Wait: the cluster-version operator creates it during the bootstrap',
  },
  'cluster.version-incomplete': {
    meaning: 'The ClusterVersion is not Available, still Progressing, or Failing',
    remedy: 'Wait while it makes progress; otherwise read its conditions',
  },
  'cluster.operators-unavailable': {
    meaning: 'Cluster operators are not Available',
    remedy: 'Wait while the cluster initializes; otherwise read the conditions of these operators',
  },
  'cluster.operator-degraded': {
    meaning: 'A cluster operator is Degraded',
    remedy: 'Read the condition in the message',
  },
  'cluster.operators-progressing': {
    meaning: 'Cluster operators are Progressing, or stopped less than 30 s ago',
    remedy: 'Wait while they make progress; otherwise read their conditions',
  },
  'state.cluster-record-unreadable': {
    meaning: 'A record of clusters in the state directory cannot be read, so slipway starts without it',
    remedy: 'Do nothing: slipway writes it again; remove the file if this repeats',
  },
  'state.cluster-record-not-written': {
    meaning: 'A record of clusters in the state directory cannot be written',
    remedy: 'Check the free space and the permissions of the state directory',
  },
  'ignition.cluster-file-missing': {
    meaning: 'The cluster has no secret with an Ignition file for the role, so slipway uses the file on disk',
    remedy: 'Do nothing if the cluster is older than the secret; otherwise check the machine-config operator',
  },
  'ignition.cluster-file-invalid': {
    meaning: 'A node cannot join the cluster with the Ignition file that the cluster provides',
    remedy: 'Compare the secret in openshift-machine-api with the site file',
  },
  'csr.awaiting-approval': {
    meaning: 'Certificate requests are pending while nodes are missing',
    remedy: 'Run `slipway csr list`, or `oc get csr`',
  },
  'csr.in-progress': {
    meaning: 'slipway is evaluating or approving the request',
    remedy: 'Do nothing: wait a few seconds',
  },
  'csr.not-evaluated': {
    meaning: 'There are so many newer requests that slipway does not evaluate this one',
    remedy: 'Find the sender of the requests, and delete forged ones',
  },
  'csr.flood': {
    meaning: 'More requests arrived within an hour than the limit: one for each declared node plus 100',
    remedy: 'Find the sender; slipway resumes approvals when fewer are pending',
  },
  'csr.dry-run': {
    meaning: 'The policy allows the request, but `approve: dry-run` prevents the approval',
    remedy: 'Set `approve: declared`, or approve the request with `oc adm certificate approve`',
  },
  'csr.approval-failed': {
    meaning: 'The policy allows the request, but the API refused the approval',
    remedy: 'Read the reason beside the code; slipway tries again',
  },
  'csr.decided': {
    meaning: 'The request is already approved, denied, or failed',
    remedy: 'Do nothing',
  },
  'csr.other-signer': {
    meaning: 'The signer of the request does not sign kubelet certificates',
    remedy: 'Leave it to the program that approves for this signer',
  },
  'csr.time-missing': {
    meaning: 'The request has no creation time',
    remedy: 'Check what created the request',
  },
  'csr.time-in-future': {
    meaning: 'The creation time of the request is in the future',
    remedy: 'Synchronize the clocks of this machine and of the cluster (NTP)',
  },
  'csr.too-old': {
    meaning: 'The request is more than one day old',
    remedy: 'Do nothing: the cluster deletes it, and the kubelet creates another one',
  },
  'csr.validity-too-long': {
    meaning: 'The request asks for a longer validity than kubelets do',
    remedy: 'Check what created the request; do not approve it until you know',
  },
  'csr.malformed': {
    meaning: 'The PKCS#10 request is not valid, or is not encoded as kubelets encode it',
    remedy: 'Check what created the request; do not approve it until you know',
  },
  'csr.signature-invalid': {
    meaning: 'The PKCS#10 request is not signed with its own key',
    remedy: 'Check what created the request; do not approve it',
  },
  'csr.key-unsupported': {
    meaning: 'The key or the signature of the request is of a kind that kubelets do not use',
    remedy: 'Check what created the request; do not approve it until you know',
  },
  'csr.extra-content': {
    meaning: 'The request has names, attributes, or extensions that kubelets do not request',
    remedy: 'Check what created the request; do not approve it until you know',
  },
  'csr.other-requester': {
    meaning: 'The requester is neither the node-bootstrapper nor the node itself',
    remedy: 'Check what created the request; do not approve it until you know',
  },
  'csr.other-groups': {
    meaning: 'The groups of the requester are not those of its account',
    remedy: 'Check what created the request; do not approve it',
  },
  'csr.other-usages': {
    meaning: 'The usages of the request are not those of kubelets',
    remedy: 'Check what created the request; do not approve it until you know',
  },
  'csr.other-organization': {
    meaning: 'The organization of the request is not system:nodes',
    remedy: 'Check what created the request; do not approve it',
  },
  'csr.other-common-name': {
    meaning: 'The common name of the request is not the name of a node',
    remedy: 'Check what created the request; do not approve it',
  },
  'csr.client-with-names': {
    meaning: 'A client certificate with DNS names or addresses is requested',
    remedy: 'Check what created the request; do not approve it until you know',
  },
  'csr.serving-without-names': {
    meaning: 'A serving certificate without DNS names and addresses is requested',
    remedy: 'Check the host name and the addresses of the node',
  },
  'csr.node-not-declared': {
    meaning: 'The node of the request is not declared in this cluster',
    remedy: 'Add the node to the site file (`slipway node add`), or approve the request by hand',
  },
  'csr.node-not-booted': {
    meaning: 'The node has boot: none, so slipway cannot know which machine sent the request',
    remedy: 'Check the machine, then approve the request with oc adm certificate approve',
  },
  'csr.node-not-seen-booting': {
    meaning: 'slipway has not seen the node boot',
    remedy: 'Boot the node from the network, or check it and approve the request by hand',
  },
  'csr.older-than-boot': {
    meaning: 'The request is older than the boot of the node, so another machine sent it',
    remedy: 'Wait for the request of the node itself; do not approve this one until you know who sent it',
  },
  'csr.boot-too-long-ago': {
    meaning: 'The node was last seen booting more than 2 h before the request',
    remedy: 'Boot the node again, or check it and approve the request by hand',
  },
  'csr.node-exists': {
    meaning: 'The cluster already has the node, and slipway has not reinstalled it since',
    remedy: 'To replace the machine, delete the node in the cluster',
  },
  'csr.name-not-declared': {
    meaning: 'The request contains a DNS name that is not declared for the node',
    remedy: 'Compare the host name of the node with the site file',
  },
  'csr.address-not-declared': {
    meaning: 'The request contains an address that is not declared for the node',
    remedy: 'Declare the address for the node, or approve the request by hand',
  },
})

export type ClusterCode = keyof typeof clusterCodes

/** What is wrong, for programs and for administrators. */
export type Problem = {
  readonly code: ClusterCode
  /** A sentence without a full stop. */
  readonly sentence: string
}
