/** Queries the names of the site as a booted machine does: over UDP, with EDNS, and from a new port for each query. */
import { randomInt } from 'node:crypto'
import type { Clock } from '../host/clock.ts'
import type { Sockets } from '../host/udp.ts'
import { formatIp, isIpv4, type Ip, formatIpv4, type Ipv4 } from '../proto/address/ip.ts'
import { MalformedPacket } from '../proto/bytes.ts'
import { decodeAnswer, encodeQuery, type DecodedAnswer } from '../proto/dns/message.ts'
import { ednsUdpOctets, ResponseCode } from '../proto/dns/registry.ts'
import { BootProblem } from './timeline.ts'
import { endpointsOf } from '../site/declared.ts'
import { clusterDomain, type Model, type NodeModel } from '../plan/model.ts'

export type DnsClient = {
  readonly sockets: Sockets
  readonly clock: Clock
  readonly source: string
  readonly server: { readonly address: string; readonly port: number }
}

const timeoutMs = [1000, 2000]

/**
 * Sends one query and compares the answer with the site.
 *
 * @returns the size of the answer in octets
 * @throws {BootProblem} when they differ
 */
export async function checkName(client: DnsClient, question: DnsQuestion): Promise<number> {
  const { name, type, expected } = question
  const { server } = client
  const problem = (wanted: string, came: string): BootProblem =>
    new BootProblem(
      `${wanted} for ${name} ${type} from ${server.address}:${server.port}`,
      came,
      `${question.source} in the site file, and dig @${server.address} -p ${server.port} ${name} ${type}`,
    )
  const { answer, octets } = await ask(client, question, problem)
  if (answer.rcode !== ResponseCode.noError) throw problem('NOERROR', `response code ${answer.rcode}`)
  if (!answer.isAuthoritative) throw problem('an authoritative answer', 'an answer without the AA flag')
  const wanted = [...expected].sort().join(', ')
  const came = answer.answers.map(recordText).sort().join(', ')
  if (came !== wanted) throw problem(wanted, came === '' ? 'no records' : came)
  return octets
}

async function ask(
  { sockets, clock, source, server }: DnsClient,
  { name, type }: DnsQuestion,
  problem: (expected: string, came: string) => BootProblem,
): Promise<{ answer: DecodedAnswer; octets: number }> {
  const id = randomInt(0x10000)
  const query = encodeQuery({ id, name, type, udpOctets: ednsUdpOctets })
  const port = await sockets.bindUdp({ address: source, port: 0 })
  const { promise, resolve, reject } = Promise.withResolvers<{ answer: DecodedAnswer; octets: number }>()
  let attempt = 0
  let timer = { cancel: () => {} }
  const send = (): void => {
    const delay = timeoutMs[attempt++]
    if (delay === undefined) {
      reject(problem('an answer', 'no answer'))
      return
    }
    timer = clock.after(delay, send)
    port.send(query, server.address, server.port)
  }
  port.receive((batch) => {
    for (const { payload } of batch) {
      try {
        const answer = decodeAnswer(payload)
        // RFC 5452 §9.1: an answer matches its query by id and question.
        if (answer.id === id && answer.question?.name === name) resolve({ answer, octets: payload.length })
      } catch (error) {
        reject(error instanceof MalformedPacket ? problem('a readable answer', error.message) : error)
      }
    }
  })
  send()
  return promise.finally(() => {
    timer.cancel()
    return port.close()
  })
}

function recordText({ data }: DecodedAnswer['answers'][number]): string {
  if ('address' in data) return formatIp(data.address)
  return 'target' in data ? data.target : data.type
}

// The DNS names that a node needs to be installed, and the answers that the site declares.

export type DnsQuestion = {
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'PTR'
  /** All records of the answer, in any order. */
  readonly expected: readonly string[]
  /** Where in the site the expectation comes from. */
  readonly source: string
}

/**
 * Returns queries for the name and the reverse name of the node, `api`, `api-int`, and a name under `apps`, for the address
 * families that have an address.
 */
export function dnsQuestions(node: NodeModel, model: Model): DnsQuestion[] {
  const source = `address of ${node.key}`
  const reverse: DnsQuestion[] = node.addresses.filter(isIpv4).map((address) => ({
    name: reverseName(address),
    type: 'PTR',
    expected: [node.fqdn],
    source,
  }))
  const own = [...addressQuestions(node.fqdn, node.addresses, source), ...reverse]
  const cluster = model.site.clusters.find(({ name }) => name === node.cluster)
  if (cluster === undefined) return own
  const { api, apiInternal, ingress } = endpointsOf(cluster)
  const domain = clusterDomain(cluster)
  const balancer = `loadBalancer of ${cluster.name}`
  return [
    ...own,
    ...addressQuestions(`api.${domain}`, api, balancer),
    ...addressQuestions(`api-int.${domain}`, apiInternal, balancer),
    ...addressQuestions(`console-openshift-console.apps.${domain}`, ingress, balancer),
  ]
}

function addressQuestions(name: string, addresses: readonly Ip[], source: string): DnsQuestion[] {
  const question = (type: 'A' | 'AAAA', expected: readonly Ip[]): DnsQuestion[] =>
    expected.length === 0 ? [] : [{ name, type, expected: expected.map(formatIp), source }]
  return [
    ...question('A', addresses.filter(isIpv4)),
    ...question(
      'AAAA',
      addresses.filter((address) => !isIpv4(address)),
    ),
  ]
}

/** RFC 1035 §3.5 */
function reverseName(address: Ipv4): string {
  return `${formatIpv4(address).split('.').reverse().join('.')}.in-addr.arpa`
}
