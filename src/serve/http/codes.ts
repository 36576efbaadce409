/** Codes of the HTTP service: why a request or a connection is refused. */
import { defineCodes } from '../../text/codes.ts'

export const httpCodes = defineCodes({
  'http.not-found': {
    meaning: 'No file or script has this path',
    remedy:
      'Compare the path with the list in the response; a node gets its paths from DHCP and its boot script',
  },
  'http.bad-path': {
    meaning: 'The path of the request is not valid',
    remedy: 'Correct the percent-encoding of the path',
  },
  'http.bad-disk-report': {
    meaning: 'A live system sent a disk report that slipway cannot read',
    remedy: 'Report a defect with the versions of the live system and of slipway',
  },
  'http.bad-request': {
    meaning: 'The bytes on the connection are not an HTTP request',
    remedy: 'Find the client: it does not use HTTP',
  },
  'http.header-too-large': {
    meaning: 'The header of the request is larger than 8 KiB',
    remedy: 'Send fewer or shorter header fields',
  },
  'http.request-timeout': {
    meaning: 'The client did not send its whole request in time',
    remedy: 'Check the path to the client for packet loss',
  },
  'http.method-not-allowed': {
    meaning: 'The client used a method other than GET or HEAD',
    remedy: 'Use GET',
  },
  'http.file-missing': {
    meaning: 'A file that the plan names is not on the disk',
    remedy: 'Put the file at the path that the log shows in the field file, then reload the site',
  },
  'http.file-forbidden': {
    meaning: 'The service user cannot read a file that the plan names',
    remedy: 'Check owner, mode, and SELinux type of the path that the log shows in the field file',
  },
  'http.file-unreadable': {
    meaning: 'Reading a file failed',
    remedy: 'Check the disk and the file system of the path that the log shows in the field file',
  },
  'http.file-replaced': {
    meaning: 'A file was replaced while slipway opened it',
    remedy: 'Repeat the request',
  },
  'http.range-not-satisfiable': {
    meaning: 'The requested range is outside the file, or a precondition of the request is false',
    remedy: 'Start the download from the beginning',
  },
  'http.internal-error': {
    meaning: 'slipway could not answer a request because of an error in slipway',
    remedy: 'Report the log line "request failed" with its stack trace',
  },
  'http.handshake-failed': {
    meaning: 'A client ended the TLS handshake, usually because it does not trust the certificate',
    remedy:
      'Build iPXE with the CA of this server (docs/https.md); ignore it for an iPXE that then continues over HTTP',
  },
  'http.certificate': {
    meaning: 'The certificate of HTTPS for nodes has expired, or cannot be replaced',
    remedy: 'Read the reason in the log; renew the files that server.tls names',
  },
  'http.client-limit': {
    meaning: 'A client has the maximum number of connections',
    remedy: 'Find out why the client opens so many connections',
  },
  'http.connection-limit': {
    meaning: 'All connections are in use',
    remedy: 'Find the clients with many connections; declared nodes have a reserve',
  },
  'http.reader-too-slow': {
    meaning: 'A client read its response too slowly, so slipway closed the connection',
    remedy: 'Check the path to the client for packet loss',
  },
  'http.memory-limit': {
    meaning:
      'Slow readers of image files used all the memory reserved for downloads, so slipway closed the connection of the slowest',
    remedy: 'Find the client, or repeat the download with a range',
  },
  'http.reader-limit': {
    meaning:
      'The downloads of one undeclared client, or of all of them together, have reached their maximum number',
    remedy: 'Repeat the request later, or declare the machine in the site file',
  },
  'boot.not-the-node': {
    meaning: 'A machine whose address is not that of the node requested the boot script of the node',
    remedy: 'Check the address that DHCP gave to the machine, or request the script on the server itself',
  },
  'boot.wrong-mac': {
    meaning:
      'A machine with the address of a node, but another MAC address, requested its boot script or a secret',
    remedy:
      'Correct mac in the site file, or give a bond the declared MAC address (last field of ip=); else find the machine',
  },
  'http.secret-without-token': {
    meaning: 'A client requested an image file that holds secrets without the token of an installation',
    remedy: 'Let the node boot from the network: its boot script contains the URL with the token',
  },
  'http.file-not-for-client': {
    meaning: 'A client that is not a declared node requested a file that is rendered for each node',
    remedy: 'Request it from a node, or on the server with ?node=CLUSTER/NODE',
  },
  'http.file-protected': {
    meaning: 'A client requested a file below /files that slipway never serves there',
    remedy:
      'Read the reason in the log: the file contains secrets, or a symbolic link leads out of its directory',
  },
  'http.https-required': {
    meaning: 'A client requested a secret over HTTP, and the site has server.tls',
    remedy:
      'Let the node boot from the network: its boot script contains the URL with https; for an agent image, boot with an iPXE that trusts the CA',
  },
  'http.inventory-without-lease': {
    meaning: 'A client without a lease for the inventory boot sent an inventory report',
    remedy: 'Boot the machine from the network, so that slipway gives it an address',
  },
  'http.bad-inventory-report': {
    meaning: 'A client sent an inventory report that slipway cannot read, or that is about another machine',
    remedy: 'Compare the report of the inventory system with docs/inventory.md',
  },
  'http.inventory-limit': {
    meaning: 'A machine reports its inventory too often, or too many machines report at once',
    remedy: 'Wait: the inventory system repeats its report',
  },
  'http.callback-refused': {
    meaning: 'A client sent a callback without the token of the current installation',
    remedy: 'Ignore it if it belongs to an earlier installation of the node; otherwise find the client',
  },
  'ignition.not-recorded': {
    meaning: 'an Ignition file was not sent because this server cannot record the installation',
    remedy: 'Free disk space, and check the permissions of the state directory',
  },
  'ignition.not-allowed': {
    meaning: 'A client requested an Ignition file that it must not read now',
    remedy: 'Read the reason in the log; install the node again if its installation was interrupted',
  },
})

export type HttpCode = keyof typeof httpCodes
