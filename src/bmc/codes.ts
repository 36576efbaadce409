/** Codes of BMCs: why slipway cannot read or switch the power of a machine. */
import { defineCodes } from '../text/codes.ts'

export const bmcCodes = defineCodes({
  'bmc.not-declared': {
    meaning: 'The site file declares no BMC for this node',
    remedy: 'Add bmc with an address to the node, then run slipway reload',
  },
  'bmc.no-credentials': {
    meaning: 'The site file names no credentials for the BMC of this node',
    remedy: 'Set bmc.credentials in the node, its cluster, or the site, then run slipway reload',
  },
  'bmc.credentials-unusable': {
    meaning: 'The file with the credentials of a BMC cannot be read, or other users can read it',
    remedy:
      'Write the lines username=… and password=… to the file, owned by the slipway user, with mode 0600',
  },
  'bmc.credentials-refused': {
    meaning: 'A BMC refused the user name or the password, or the user lacks a privilege',
    remedy:
      'Correct the file that bmc.credentials names; it is read for each command. Many BMCs lock a user after some wrong passwords',
  },
  'bmc.unreachable': {
    meaning: 'A BMC does not answer',
    remedy: 'Check the address in the site file, the management network, and the firewall',
  },
  'bmc.certificate-changed': {
    meaning: 'The certificate of a BMC is not the one that slipway saw first',
    remedy:
      'If the BMC got a new certificate, accept it with slipway power trust NODE --fingerprint; if not, another machine answers at its address',
  },
  'bmc.certificate-untrusted': {
    meaning: 'The certificate of a BMC is not signed by the CA that the site file names',
    remedy: 'Correct bmc.ca, or install a certificate of that CA on the BMC',
  },
  'bmc.pins-unusable': {
    meaning: 'The fingerprints of BMC certificates in the state directory cannot be read or written',
    remedy:
      'Check the file bmc-certificates.json in the state directory, its permissions, and the free space',
  },
  'bmc.no-sessions': {
    meaning: 'All sessions of a BMC are in use',
    remedy: 'End sessions in the web page of the BMC, wait until they expire, or restart the BMC',
  },
  'bmc.busy': {
    meaning: 'A BMC answered several times that it cannot carry out requests now',
    remedy:
      'Wait some minutes, for example until the BMC or its firmware update has finished, then repeat the command',
  },
  'bmc.connection-lost': {
    meaning:
      'The connection to a BMC ended after a command was sent, so the command may have been carried out',
    remedy: 'Check the state with slipway power status, then repeat the command if necessary',
  },
  'bmc.not-redfish': {
    meaning: 'A server answers at the address of a BMC, but not with Redfish',
    remedy: 'Check the address and the port, enable Redfish on the BMC, or set protocol: ipmi',
  },
  'bmc.no-system': {
    meaning: 'A BMC does not have the declared system, or has several and the site file does not choose one',
    remedy: 'Set bmc.system to one of the systems that the message lists',
  },
  'bmc.other-machine': {
    meaning:
      'The BMC of a node reports the MAC address of another node, so slipway did not boot its machine from the network',
    remedy: 'Correct bmc.address or mac of both nodes, then run slipway reload',
  },
  'bmc.not-supported': {
    meaning: 'A BMC does not offer this operation',
    remedy: 'Use one of the values that the message lists, or update the firmware of the BMC',
  },
  'bmc.refused': {
    meaning: 'A BMC refused a command',
    remedy: 'Read the text of the BMC in the message, and the privileges of the user in the BMC',
  },
  'bmc.boot-not-set': {
    meaning: 'A BMC accepted the boot device, but did not change it, so slipway did not restart the machine',
    remedy:
      'Look for the vendor in docs/bmc.md, update the firmware of the BMC, or select the network boot by hand',
  },
  'bmc.no-ipmitool': {
    meaning: 'The program ipmitool is not installed, so slipway cannot use IPMI',
    remedy: 'Install the package ipmitool, or set protocol: redfish if the BMC has it',
  },
})

export type BmcCode = keyof typeof bmcCodes
