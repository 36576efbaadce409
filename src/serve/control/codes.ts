/** Codes of the API: why it refused a request, or does not serve. */
import { defineCodes } from '../../text/codes.ts'

export const controlCodes = defineCodes({
  'api.certificate': {
    meaning: 'The certificate of the API on the network cannot be used, or has expired',
    remedy:
      'Replace the files that api.certificate and api.key name, then run slipway reload; to name other files, restart slipway',
  },
  'api.client-limit': {
    meaning: 'A client has the maximum number of connections to the API',
    remedy: 'Find out why the client opens so many connections',
  },
  'api.connection-limit': {
    meaning: 'All connections to the API are in use',
    remedy: 'Find the clients with many connections, and restrict access to the port with a firewall',
  },
  'api.cross-site-request': {
    meaning: 'A page of another site made a browser send a request that changes something',
    remedy: 'Find that page; if it is your reverse proxy, let it keep the headers Host and Origin',
  },
  'api.csrf-token': {
    meaning: 'A browser sent a request that changes something without the CSRF token of its user',
    remedy: 'Get the token from GET /v1/session, and send it in the header Slipway-CSRF',
  },
  'api.locked-out': {
    meaning: 'A client sent too many wrong tokens, so slipway refuses its logins for a minute',
    remedy: 'Correct the token of the client; if you do not know the client, block its address',
  },
  'api.not-authenticated': {
    meaning: 'A request to the API has no valid credentials',
    remedy: 'Create a token with slipway token create, and send it in the header Authorization',
  },
  'api.scope-too-small': {
    meaning: 'The user of the API is not allowed to send this request',
    remedy: 'Use a token with the required scope',
  },
  'api.too-many-tokens': {
    meaning: 'The maximum number of tokens exists',
    remedy: 'Revoke tokens that are no longer needed with slipway token revoke',
  },
  'api.unknown-host': {
    meaning: 'A request to the API has a name in its URL that is not a name of this server',
    remedy:
      'Add the name to api.names in the site file, then run slipway reload; if the name is not yours, a page tried DNS rebinding',
  },
  'api.unknown-token': {
    meaning: 'No token has this id',
    remedy: 'Use an id that slipway token list prints',
  },
  'api.unknown-user': {
    meaning: 'A client certificate or a proxy names a user that the site file does not list',
    remedy: 'Add the user to api.clients or api.proxy.users in the site file, then run slipway reload',
  },
  'server.bad-event-id': {
    meaning: 'The header Last-Event-ID of a request for events is not a number',
    remedy: 'Send the id of the last event that you received',
  },
  'server.no-syslog': {
    meaning: 'The log of a node was requested, and the syslog receiver does not run',
    remedy: 'Add the section syslog to the site file, then restart slipway; see docs/syslog.md',
  },
  'server.bad-request': {
    meaning: 'The request is not valid HTTP for this API, or its body is too large',
    remedy: 'Correct the request as described in api.md',
  },
  'server.capture-running': {
    meaning: 'A packet capture runs, and there can be only one',
    remedy: 'Wait until it ends, or end it: press Ctrl-C where slipway capture runs',
  },
  'server.command-refused': {
    meaning: 'The command is not possible in the current state of the node',
    remedy: 'Fix the problem that the message names, then repeat the command',
  },
  'server.confirmation-not-written': {
    meaning:
      'slipway cannot record that a new site is waiting for confirmation, so it does not serve the site',
    remedy: 'Check the free space and the permissions of the state directory, or reload without --confirm',
  },
  'server.internal-error': {
    meaning: 'slipway could not answer the request because of an internal error',
    remedy: 'Read the event "request failed" in the log and report it with its stack trace',
  },
  'server.method-not-allowed': {
    meaning: 'The API has this path, but not with this method',
    remedy: 'Use one of the methods in the header Allow of the response',
  },
  'server.no-bootstrap': {
    meaning: 'The cluster has no bootstrap, or no masters that replace it in the load balancer',
    remedy: 'Check the name of the cluster and the roles of its nodes in the site file',
  },
  'server.no-such-plan': {
    meaning: 'The history has no earlier site with this number',
    remedy: 'Use a number that slipway history prints',
  },
  'server.nothing-to-confirm': {
    meaning:
      'No reload is waiting for confirmation: it was confirmed, rolled back, or made without --confirm',
    remedy: 'Run slipway history to see which site is served',
  },
  'server.plan-rejected': {
    meaning: 'A site file has errors, so slipway cannot compare it with the active site',
    remedy: 'Correct the lines that the message names',
  },
  'server.removal-refused': {
    meaning: 'Removing the nodes can break a cluster that runs',
    remedy: 'Read the reasons; to remove the nodes anyway, use --force, or force in the request',
  },
  'server.rollback-rejected': {
    meaning: 'An earlier site cannot be served by this process, so slipway keeps the current plan',
    remedy: 'Write the earlier site to the site file with slipway history show, and restart the service',
  },
  'server.reload-rejected': {
    meaning: 'The site file has errors or needs a restart, so slipway keeps the current plan',
    remedy: 'Correct the site file and reload it, or restart the service if the message asks for it',
  },
  'server.too-many-event-streams': {
    meaning: 'The maximum number of event streams is open already',
    remedy: 'End an event stream that is no longer needed',
  },
  'server.unknown-cluster': {
    meaning: 'The active plan has no cluster of this name',
    remedy: 'Check the name against the site file, and reload it if the cluster is new',
  },
  'server.unknown-command': {
    meaning: 'The local API does not have this command',
    remedy: 'Use one of the commands that the message lists',
  },
  'server.bad-path': {
    meaning: 'The path in the request is not an absolute path',
    remedy: 'Give the absolute path of a new file that the slipway user can write',
  },
  'server.site-changed': {
    meaning: 'The site file changed after the plan was made, so slipway does not write to it',
    remedy: 'Request the plan again, and compare it',
  },
  'server.site-not-written': {
    meaning: 'The service cannot write the site file; the service unit of the packages makes it read-only',
    remedy:
      'Change the file on the server, then run slipway reload; or permit writing as described in page.md',
  },
  'server.state-not-written': {
    meaning: 'The state could not be copied or changed',
    remedy: 'Check the path, the free space, and the permissions of the directory',
  },
  'server.unknown-hook': {
    meaning: 'The active plan has no hook of this name',
    remedy: 'Check the name against the site file, and reload it if the hook is new',
  },
  'server.unknown-node': {
    meaning: 'The active plan has no node of this name',
    remedy: 'Check the name against the site file, and reload it if the node is new',
  },
  'server.unknown-request': {
    meaning: 'The cluster has no pending certificate request of this name',
    remedy: 'Use a name that slipway csr list prints; the request may have been approved in the meantime',
  },
  'server.unknown-path': {
    meaning: 'The local API does not serve this method and path',
    remedy: 'Use one of the requests that api.md lists',
  },
})

export type ControlCode = keyof typeof controlCodes
