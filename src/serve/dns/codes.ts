/** Codes of the name server: why a query is refused, and what the log warns about. */
import { defineCodes } from '../../text/codes.ts'

export const dnsCodes = defineCodes({
  'dns.class-not-served': {
    meaning: 'A client sent a query for a class other than IN',
    remedy: 'Ignore it; if the client is yours, make it query class IN',
  },
  'dns.type-not-offered': {
    meaning: 'A client sent a query for a meta type that is not a zone transfer',
    remedy: 'Ignore it; if the client is yours, make it query a record type',
  },
  'dns.transfer-not-allowed': {
    meaning: 'A client that is not a secondary of this site requested a zone transfer',
    remedy: 'Add the address of the client to dns.secondaries if it is a secondary',
  },
  'dns.transfer-over-udp': {
    meaning: 'A secondary requested a whole zone over UDP (RFC 5936 §4.2)',
    remedy: 'Let the secondary use TCP for AXFR',
  },
  'dns.zone-not-served': {
    meaning: 'A secondary requested a zone that this server does not have',
    remedy: 'Remove the zone from the secondary, or add it to the site file',
  },
  'dns.client-not-allowed': {
    meaning: 'A client outside dns.clients queried a name that is not in the zones of this site',
    remedy: 'Add the network of the client to dns.clients if this server is its resolver',
  },
  'dns.recursion-not-desired': {
    meaning: 'A client queried a name outside the zones of this site without the RD (recursion desired) flag',
    remedy: 'Ignore it, unless a resolver treats this server as authoritative for that name',
  },
  'dns.no-resolver': {
    meaning: 'A client queried a name outside the zones of this site, and the site has no resolver for it',
    remedy: 'Set dns.forward to the resolvers of your network',
  },
  'dns.rate-limited': {
    meaning: 'A network outside dns.clients sends more queries than the rate limit allows',
    remedy: 'Find the sender, or block it: its source address may be forged',
  },
  'dns.tcp-limit': {
    meaning: 'DNS over TCP has no free connection for this client',
    remedy: 'Find out why the client opens so many connections',
  },
  'dns.query-failed': {
    meaning: 'slipway could not process a query because of an error in slipway',
    remedy: 'Report the log line, which contains the packet',
  },
  'dns.forwarding-failed': {
    meaning: 'slipway could not forward a query because of an error in slipway',
    remedy: 'Report the log line, which contains the packet',
  },
  'dns.forward-limit': {
    meaning: 'Too many queries wait for resolvers, from one client or in total',
    remedy: 'Check that the resolvers of dns.forward answer, then find the client that sends the queries',
  },
  'dns.resolver-unreachable': {
    meaning: 'A resolver of the site does not answer',
    remedy: 'Check the resolver and the path to it, or remove it from dns.forward',
  },
  'dns.resolver-lame': {
    meaning:
      'A resolver of the site answered with a referral or without recursion, so slipway queried the next one',
    remedy:
      'Allow recursion for this server on the resolver, or list it in dns.forwardZones for its own zones only',
  },
  'dns.notify-refused': {
    meaning: 'A secondary refused the notification of a changed zone',
    remedy: 'Allow notifications from the address of this server on the secondary',
  },
  'dns.notify-unanswered': {
    meaning: 'A secondary did not acknowledge the notification of a changed zone',
    remedy: 'Check that the secondary runs; it gets the change at its next refresh',
  },
  'dns.notify-unavailable': {
    meaning: 'slipway could not open the socket that notifies secondaries',
    remedy: 'Check that server.address and server.address6 are addresses of this machine',
  },
})

export type DnsCode = keyof typeof dnsCodes
