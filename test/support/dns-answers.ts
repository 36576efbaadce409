/** Answers of name servers as they are decoded, for tests that ask no server. */
import type { DnsReply } from '../../src/drift/compare.ts'
import type { AskServer, DnsQuestion } from '../../src/drift/exchange.ts'
import type { DecodedAnswer } from '../../src/proto/dns/message.ts'
import type { RecordData, ResourceRecord } from '../../src/proto/dns/record.ts'
import { RecordType } from '../../src/proto/dns/registry.ts'
import { address } from './dhcp-message.ts'

export function record(owner: string, data: RecordData): ResourceRecord {
  return { owner, ttlSeconds: 60, data }
}

export function a(owner: string, text: string): ResourceRecord {
  return record(owner, { type: 'A', address: address(text) })
}

export function ns(owner: string, target: string): ResourceRecord {
  return record(owner, { type: 'NS', target })
}

export function soa(owner: string): ResourceRecord {
  const times = { serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 }
  return record(owner, { type: 'SOA', mname: `ns.${owner}`, rname: `root.${owner}`, ...times })
}

/** A record of a type that is not decoded. */
export function other(owner: string, type: 'DS' | 'DNSKEY') {
  return {
    owner,
    ttlSeconds: 60,
    data: { type: 'other', code: RecordType[type], rdata: new Uint8Array() },
  } as const
}

/** An answer of a resolver, with the given differences. */
export function reply(differences: Partial<DecodedAnswer> = {}): DnsReply {
  const answer: DecodedAnswer = {
    id: 1,
    rcode: 0,
    isAuthoritative: false,
    isTruncated: false,
    isRecursionAvailable: true,
    question: undefined,
    answers: [],
    authority: [],
    additional: [],
    edns: undefined,
    ...differences,
  }
  return { kind: 'answer', answer }
}

export const silence: DnsReply = { kind: 'unresponsive', reason: 'no answer in 3.0 s' }

/** Servers by address; each returns its answer, or nothing for NXDOMAIN. Records the questions as `address name type`. */
export function fakeServers(
  servers: Readonly<Record<string, (question: DnsQuestion) => DnsReply | undefined>>,
): { readonly ask: AskServer; readonly asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    ask(server, question) {
      asked.push(`${server.address} ${question.name} ${question.type}`)
      const answerOf = servers[server.address] ?? (() => silence)
      return Promise.resolve(answerOf(question) ?? reply({ rcode: 3 }))
    },
  }
}
