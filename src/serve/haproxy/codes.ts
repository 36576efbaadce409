/** Codes of the load balancer: why a change did not reach HAProxy, and what is wrong with its state. */
import { defineCodes } from '../../text/codes.ts'

export const haproxyCodes = defineCodes({
  'haproxy.config-rejected': {
    meaning: 'HAProxy rejected the new configuration, so the previous file stays in place',
    remedy: 'Read the reason: it is the error of haproxy -c',
  },
  'haproxy.address-missing': {
    meaning:
      'No interface of this machine has an address of the load balancer, so HAProxy cannot listen on it',
    remedy: 'Add the address to an interface, or set loadBalancer.external if another machine has it',
  },
  'haproxy.file-not-writable': {
    meaning: 'slipway could not write the HAProxy configuration',
    remedy: 'Give the service user write access to the directory of haproxy.file',
  },
  'haproxy.not-validated': {
    meaning: 'HAProxy is not installed on this machine, so nothing validated its configuration',
    remedy: 'Install HAProxy, or validate the file where it runs',
  },
  'haproxy.reload-failed': {
    meaning: 'HAProxy could not be reloaded, so slipway restored the previous file',
    remedy: 'Read the reason and the log of HAProxy, then reload the site',
  },
  'haproxy.change-in-progress': {
    meaning: 'HAProxy has not finished its last reload',
    remedy: 'Wait a minute; if it does not finish, read the log of HAProxy',
  },
  'haproxy.restore-failed': {
    meaning: 'slipway could not restore the previous HAProxy configuration',
    remedy: 'Check the file of haproxy.file and reload HAProxy',
  },
  'haproxy.config-differs': {
    meaning: 'HAProxy runs a configuration that differs from its file',
    remedy: 'Reload HAProxy if this lasts for more than a minute',
  },
  'haproxy.state-unavailable': {
    meaning: 'HAProxy does not report the state of its servers',
    remedy: 'Check that HAProxy runs, and that slipway may use the socket of haproxy.socket',
  },
  'haproxy.server-down': {
    meaning: 'A server fails its health check',
    remedy: 'Check the service on the node that the log names',
  },
  'haproxy.last-server': {
    meaning: 'The node is the only available server of a backend, so it was not drained',
    remedy: 'Wait until another server of the backend is up, or force the change',
  },
  'haproxy.bootstrap-node': {
    meaning: 'A bootstrap is drained by a command for its cluster, not by a command for the node',
    remedy: 'Run slipway cluster bootstrap out CLUSTER',
  },
  'haproxy.node-not-balanced': {
    meaning: 'No backend of the load balancer contains the node, so it cannot be drained',
    remedy: 'Check the sections loadBalancer and haproxy of the site file',
  },
  'haproxy.node-drained': {
    meaning: 'An administrator drained the node: the load balancer sends it no new connections',
    remedy: 'Run slipway node enable NODE when it can serve again',
  },
  'haproxy.drain-not-recorded': {
    meaning: 'slipway could not record that a node is drained or enabled, so it did not change the node',
    remedy: 'Check the free space and the permissions of the state directory',
  },
  'haproxy.drain-record-unreadable': {
    meaning: 'slipway could not read which nodes an administrator drained, so it enabled all of them',
    remedy: 'Drain the nodes again with slipway node drain NODE',
  },
})

export type HaproxyCode = keyof typeof haproxyCodes
