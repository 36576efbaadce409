/** The DNS names that a node needs to be installed, and the answers that the site declares. */
import { formatIp, isIpv4, type Ip } from '../proto/address/ip.ts'
import { formatIpv4, type Ipv4 } from '../proto/address/ipv4.ts'
import { endpointsOf } from '../site/endpoints.ts'
import { clusterDomain, type Model, type NodeModel } from '../plan/model.ts'

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
  const own: DnsQuestion = {
    name: reverseName(node.address),
    type: 'PTR',
    expected: [node.fqdn],
    source: `address of ${node.key}`,
  }
  const cluster = model.site.clusters.find(({ name }) => name === node.cluster)
  if (cluster === undefined) return [own]
  const { api, apiInternal, ingress } = endpointsOf(cluster)
  const domain = clusterDomain(cluster)
  const balancer = `loadBalancer of ${cluster.name}`
  return [
    ...addressQuestions(node.fqdn, node.addresses, `address of ${node.key}`),
    own,
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
