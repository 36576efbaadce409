/** Stable codes of TFTP: why a request was refused, and why a transfer failed. */
import { defineCodes } from '../../text/codes.ts'

export const tftpCodes = defineCodes({
  'tftp.read-only': {
    meaning: 'A client tried to write a file',
    remedy: 'Do nothing: slipway serves files for reading only',
  },
  'tftp.unsupported-mode': {
    meaning: 'A client requested a transfer mode other than octet or netascii',
    remedy: 'Use the mode octet',
  },
  'tftp.other-network': {
    meaning: 'A client is outside of the subnets of the site',
    remedy: 'If it is one of your machines, add its network to tftp.clients of the site file',
  },
  'tftp.invalid-name': {
    meaning: 'A requested file name is empty, hidden, or leads out of the served directory',
    remedy: 'Correct the file name in the configuration of the client',
  },
  'tftp.not-the-node': {
    meaning:
      'A client that does not have the address and the MAC address of a node requested its boot script',
    remedy: 'Correct the address or the MAC address of the node in the site file, or find the other machine',
  },
  'tftp.too-many-transfers': {
    meaning: 'A request exceeded the limit of transfers of one client, of undeclared clients, or in total',
    remedy: 'Wait until other transfers have ended, and find the client with many requests in the log',
  },
  'tftp.file-not-found': {
    meaning: 'A client requested a file that slipway does not serve',
    remedy: 'Compare the name with the list of served files in the log line',
  },
  'tftp.file-unreadable': {
    meaning: 'A served file is not a regular file, changed during the transfer, or could not be read',
    remedy: 'Check the file, its permissions, and its directory',
  },
  'tftp.no-free-port': {
    meaning: 'All ports of the configured range are in use',
    remedy: 'Extend the range in tftp.ports of the site file',
  },
  'tftp.client-timeout': {
    meaning: 'A client did not acknowledge the blocks of a transfer',
    remedy: 'Check the network, the firewall, and whether the machine was switched off',
  },
  'tftp.client-gone': {
    meaning: 'A client closed its port before the transfer had ended',
    remedy: 'Find out whether the client was interrupted, or the machine was restarted',
  },
  'tftp.client-error': {
    meaning: 'A client ended a transfer with an error packet',
    remedy: 'Read the error of the client in the log line',
  },
  'tftp.client-restarted': {
    meaning: 'A client sent a new request before its transfer had ended',
    remedy: 'Do nothing unless it happens often: the new transfer replaced the old one',
  },
  'tftp.never-acknowledged': {
    meaning:
      'A transfer whose client acknowledged nothing ended early, because another request needed its slot',
    remedy: 'Find the sender of requests with forged source addresses, or the firewall that blocks the ACKs',
  },
  'tftp.transfer-stopped': {
    meaning: 'slipway ended a transfer because it is stopping, or because it lost the socket',
    remedy: 'Boot the machine again',
  },
  'tftp.unknown-transfer': {
    meaning: 'A packet does not belong to a transfer',
    remedy: 'Do nothing unless it happens often: late packets are normal',
  },
  'tftp.unexpected-packet': {
    meaning: 'A packet has a type that the server does not expect',
    remedy: 'Capture the traffic of the sender and check its TFTP client',
  },
  'tftp.malformed': {
    meaning: 'A datagram is not a valid TFTP packet, or a request without a file name or a mode',
    remedy: 'Capture the traffic of the sender and check its TFTP client',
  },
  'tftp.internal-error': {
    meaning:
      'A packet was not handled, or a transfer not started, because of a defect or a lack of resources',
    remedy: 'Read the error in the log line, and report a defect with the packet',
  },
})

export type TftpCode = keyof typeof tftpCodes
