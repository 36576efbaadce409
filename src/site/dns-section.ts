/** The section `dns` of the site file: resolvers, zones, and records. */
import { z } from 'zod'
import { otherTypeNames, otherTypeOf, parseOtherData, type OtherData } from '../proto/dns/presentation.ts'
import { ipv4Pattern, ipv6Pattern, parseIp, parseIpv4, parseIpv6, type Ip } from '../proto/address/ip.ts'
import {
  anyCidr,
  domain,
  ip,
  port,
  seconds,
  ips,
  mailbox,
  number16,
  number32,
  oneOrMore,
  scalar,
  recordName,
  recordText,
  caaTag,
} from './scalars.ts'

/** A name server, and the port on which it answers. */
export type ResolverAddress = { readonly address: Ip; readonly port: number }

/** The standard port of DNS, for resolvers without a port. */
const standardPort = 53

const resolver = scalar<ResolverAddress>({
  expected: 'an IP address, or one with a port, such as 172.16.0.53:5353 or [2001:db8::53]:5353',
  parse: parseResolver,
  examples: ['172.16.0.53', '172.16.0.53:5353'],
  pattern: String.raw`^(?:${ipv4Pattern}(?::\d{1,5})?|${ipv6Pattern}|\[${ipv6Pattern}\]:\d{1,5})$`,
})

export function parseResolver(text: string): ResolverAddress | undefined {
  const whole = parseIp(text)
  if (whole !== undefined) return { address: whole, port: standardPort }
  const {
    six = '',
    four = '',
    digits = '',
  } = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:[\]]+)):(?<digits>[1-9]\d{0,4})$/.exec(text)?.groups ?? {}
  const address = six === '' ? parseIpv4(four) : parseIpv6(six)
  const port = Number(digits)
  return address === undefined || port > 65_535 ? undefined : { address, port }
}

const forwardZone = z
  .strictObject({
    zone: domain.meta({ description: 'the zone: this name and all names below it' }),
    servers: oneOrMore(resolver, 1).meta({
      description: 'resolvers for the zone, with a port if it is not 53',
    }),
  })
  .meta({ description: 'zone that other resolvers answer' })

const ttlSeconds = seconds(0, 604_800)

const service = z
  .strictObject({
    target: domain.meta({ description: 'host that offers the service' }),
    port: port.meta({ description: 'port of the service on that host' }),
    priority: number16.default(0).meta({ description: 'clients try the lowest priority first' }),
    weight: number16.default(0).meta({ description: 'relative share among targets of the same priority' }),
  })
  .meta({ description: 'SRV record (RFC 2782)' })

const exchange = z
  .strictObject({
    target: domain.meta({ description: 'host that receives the mail' }),
    preference: number16.default(10).meta({ description: 'senders try the lowest preference first' }),
  })
  .meta({ description: 'MX record (RFC 1035 §3.3.9)' })

const authority = z
  .strictObject({
    tag: caaTag.meta({ description: 'property: issue, issuewild, issuemail, or iodef' }),
    value: recordText.meta({
      description: 'certificate authority that may issue certificates, or ; for none; for iodef, a URL',
    }),
    critical: z.boolean().default(false).meta({
      description: 'true: an authority that does not know the property must not issue certificates',
    }),
  })
  .meta({ description: 'CAA record (RFC 8659)' })

/** @throws never: the reason becomes the message */
function dataOf(type: string, data: string): OtherData | string {
  try {
    return parseOtherData(type, data)
  } catch (error) {
    return (error as Error).message
  }
}

const otherType = scalar<string>({
  expected: `one of ${otherTypeNames.join(', ')}, or TYPE and a number; address, cname, txt, srv, mx, caa, ns, and ptr are keys`,
  parse: (text) => otherTypeOf(text)?.name,
  examples: ['TLSA', 'HTTPS', 'TYPE65280'],
  pattern: '^[A-Za-z0-9]+$',
})

const other = z
  .strictObject({
    type: otherType.meta({ description: 'type of the record, or TYPE and its number (RFC 3597)' }),
    data: z.string().meta({
      description:
        'data as in a zone file, with complete names, or \\# <length> <hexadecimal> for any type (RFC 3597)',
      examples: ['3 1 1 0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3'],
    }),
  })
  .transform(({ type, data }, context): OtherData => {
    const decoded = dataOf(type, data)
    if (typeof decoded !== 'string') return decoded
    context.issues.push({ code: 'custom', input: data, path: ['data'], message: decoded })
    return z.NEVER
  })

const record = z
  .strictObject({
    name: recordName,
    address: ips.optional().meta({ description: 'A and AAAA records; unlike hosts, without PTR records' }),
    cname: domain
      .optional()
      .meta({ description: 'CNAME record: the name in this site that this name is an alias for' }),
    txt: z
      .union([recordText, z.array(recordText).min(1).max(16)], {
        error: 'expected a text or a list of up to 16',
      })
      .transform((value): readonly string[] => [value].flat())
      .optional()
      .meta({ description: 'TXT records, one for each text' }),
    srv: z.array(service).min(1).max(100).optional().meta({
      description: 'SRV records; the name must be _service._protocol.<domain>',
    }),
    mx: z.array(exchange).min(1).max(100).optional().meta({
      description: 'MX records: hosts that receive mail for the name',
    }),
    caa: z.array(authority).min(1).max(16).optional().meta({
      description: 'CAA records: authorities that may issue certificates for the name and names below it',
    }),
    ns: z.array(domain).min(1).max(13).optional().meta({
      description: 'NS records: name servers of a zone that is delegated at this name',
    }),
    ptr: z.array(domain).min(1).max(16).optional().meta({
      description:
        'PTR records of other addresses in the subnets, for example that of a load balancer; nodes and hosts have theirs automatically',
    }),
    other: z.array(other).min(1).max(100).optional().meta({ description: 'records of other types' }),
    ttlSeconds: ttlSeconds.optional().meta({ description: 'TTL of these records instead of dns.ttlSeconds' }),
  })
  .meta({ description: 'records of one name' })

export const dnsSection = z
  .strictObject({
    serve: z.boolean().default(true).meta({ description: 'false: another server provides DNS' }),
    forward: oneOrMore(resolver)
      .default([])
      .meta({ description: 'resolvers for all other names, with a port if it is not 53' }),
    forwardZones: z
      .array(forwardZone)
      .default([])
      .meta({ description: 'other resolvers for some zones; the longest matching zone is used' }),
    zones: oneOrMore(domain)
      .optional()
      .meta({
        description:
          'domains that this server serves completely; by default only <cluster>.<domain> and the other declared names',
        examples: [['example.localdomain']],
      }),
    clients: oneOrMore(anyCidr).optional().meta({
      description:
        'networks that may resolve other names; for a version of IP without a network here, those of subnets or subnets6',
    }),
    nameServers: oneOrMore(domain, 1)
      .optional()
      .meta({ description: 'names of the NS records; by default ns1.<zone>' }),
    contact: mailbox.optional().meta({
      description: 'mailbox of the SOA record, with a dot instead of the @; by default root.<zone>',
    }),
    ttlSeconds: ttlSeconds.default(3600).meta({ description: 'TTL: how long resolvers may cache an answer' }),
    records: z.array(record).default([]).meta({ description: 'records besides those of nodes and hosts' }),
    secondaries: oneOrMore(ip).default([]).meta({
      description: 'secondary name servers: they get NOTIFY messages and may transfer the zones',
    }),
    nsid: z.boolean().default(false).meta({
      description: 'true: answers contain the name of this machine when the client requests NSID (RFC 5001)',
    }),
    serial: number32.optional().meta({
      description: 'serial of the SOA records; by default the time of the last change of the site file',
    }),
  })
  .meta({ description: 'DNS: the names of clusters and hosts, and the resolvers for other names' })
