/** Codes of the comparison between the answers of name servers and the plan (`slipway check --dns`). */
import { defineCodes } from '../text/codes.ts'

export const driftCodes = defineCodes({
  'dns.record-missing': {
    meaning: 'A name server does not have a record that the site declares',
    remedy:
      'Delegate or forward the zone to slipway, or add the record: slipway render zones --format prints it',
  },
  'dns.record-different': {
    meaning: 'A name server answers with data that differs from the site',
    remedy: 'Correct the record on that server, or the site file',
  },
  'dns.record-extra': {
    meaning: 'A name server answers with more records than the site declares',
    remedy: 'Remove the additional record from that server, or declare it in the site file',
  },
  'dns.server-unresponsive': {
    meaning: 'A name server did not answer a query',
    remedy: 'Check that the server runs, and that firewalls allow UDP and TCP to its DNS port',
  },
  'dns.server-lame': {
    meaning: 'A name server refused a query, failed, or referred to other servers without resolving the name',
    remedy: 'Allow recursion for this machine on that server, or correct the path from it to the zone',
  },
  'dns.answer-malformed': {
    meaning: 'A name server sent a message that is not a valid DNS answer',
    remedy: 'Check which program listens on that port, and which firewall changes DNS messages',
  },
  'dns.delegation-missing': {
    meaning: 'The parent zone does not delegate the zone of a cluster',
    remedy:
      'Add NS and address records for slipway to the parent zone, or forward the zone on every resolver',
  },
  'dns.delegation-different': {
    meaning: 'The parent zone delegates the zone of a cluster to name servers other than those in the site',
    remedy: 'Correct the NS and address records in the parent zone, or dns.nameServers',
  },
  'dns.delegation-signed': {
    meaning:
      'The parent zone has a DS record, but slipway does not sign its zones, so validating resolvers reject them',
    remedy: 'Remove the DS record from the parent zone',
  },
  'dns.delegation-unverified': {
    meaning: 'The name servers of the parent zone did not answer, so the delegation could not be checked',
    remedy: 'Run the check on a machine that can reach them, or specify a resolver with --dns-server',
  },
  'dns.reverse-hidden': {
    meaning:
      'slipway answers a reverse zone in which another name server has records for addresses that the site does not declare',
    remedy: 'Declare these machines under hosts',
  },
})

export type DriftCode = keyof typeof driftCodes
