/** The site file's section about names: those that it adds, who resolves the others, and who copies the zones. */
import { z } from 'zod'
import {
  cidr,
  domain,
  ip,
  ips,
  ipv4,
  mailbox,
  number16,
  number32,
  port,
  recordName,
  recordText,
  seconds,
} from './scalars.ts'

const forwardZone = z
  .strictObject({
    zone: domain.meta({ description: 'the zone: its own name and all names below it' }),
    servers: z.array(ip).min(1).meta({ description: 'the resolvers that are asked for them' }),
  })
  .meta({ description: 'a zone that the usual resolvers do not know' })

const ttlSeconds = seconds(0, 604_800)

const service = z
  .strictObject({
    target: domain.meta({ description: 'the host that offers it' }),
    port: port.meta({ description: 'where it listens there' }),
    priority: number16.default(0).meta({ description: 'the lowest is tried first' }),
    weight: number16.default(0).meta({ description: 'the share among those of one priority' }),
  })
  .meta({ description: 'one place where a service is offered (RFC 2782)' })

const record = z
  .strictObject({
    name: recordName,
    address: ips.optional().meta({ description: 'A and AAAA records; no reverse names, unlike hosts' }),
    cname: domain.optional().meta({ description: 'the name of this site that it is an alias of' }),
    txt: z
      .union([recordText, z.array(recordText).min(1).max(16)], {
        error: 'expected a text or a list of up to 16',
      })
      .transform((value): readonly string[] => [value].flat())
      .optional()
      .meta({ description: 'a TXT record for each text' }),
    srv: z.array(service).min(1).max(100).optional().meta({
      description: 'where a service is offered; the name is _service._protocol.<domain>',
    }),
    ns: z.array(domain).min(1).max(13).optional().meta({
      description: 'the name servers of a zone of somebody else that begins here (a delegation)',
    }),
    ttlSeconds: ttlSeconds
      .optional()
      .meta({ description: "instead of dns.ttlSeconds, for this name's records" }),
  })
  .meta({ description: 'more records of one name' })

export const dnsSection = z
  .strictObject({
    serve: z.boolean().default(true).meta({ description: 'false: names are served elsewhere' }),
    forward: z.array(ip).default([]).meta({ description: 'resolvers that are asked for all other names' }),
    forwardZones: z
      .array(forwardZone)
      .default([])
      .meta({ description: 'other resolvers for the names in certain zones; the longest zone decides' }),
    clients: z
      .array(cidr)
      .optional()
      .meta({ description: 'networks that may ask for other names; the subnets when absent' }),
    nameServers: z
      .array(domain)
      .min(1)
      .optional()
      .meta({ description: 'names of the NS records; ns1.<zone> when absent' }),
    contact: mailbox
      .optional()
      .meta({ description: 'mailbox of the SOA record with a dot for the @; root.<zone> when absent' }),
    ttlSeconds: ttlSeconds.default(3600).meta({ description: 'how long others may remember an answer' }),
    records: z.array(record).default([]).meta({ description: 'names besides those of nodes and hosts' }),
    secondaries: z.array(ipv4).default([]).meta({
      description: 'name servers that copy the zones: told of changes, and alone allowed to transfer',
    }),
    nsid: z.boolean().default(false).meta({
      description: 'true: who asks for it by EDNS is told the name of this machine (RFC 5001)',
    }),
    serial: number32.optional().meta({
      description: 'of the SOA records; when the file was last changed (seconds since 1970) when absent',
    }),
  })
  .meta({ description: 'names: those of the clusters and hosts, and who resolves the rest' })
