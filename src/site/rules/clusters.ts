/** Roles in a cluster, the addresses of its load balancer, and the sections haproxy and keepalived. */
import { formatIp } from '../../proto/address/ip.ts'
import {
  declaredClusters,
  declaredNodes,
  loadBalancerAddresses,
  masterCount,
  nodesOf,
  repetitions,
} from '../declared.ts'
import type { RuleViolation, Rule } from '../problem.ts'
import type { Cluster } from '../schema.ts'
import { folderOf, resolvePath } from '../file-paths.ts'

const oneBootstrap: Rule = {
  code: 'site.bootstrap-repeated',
  needs: [],
  check: (site) =>
    declaredClusters(site).flatMap((declared) => {
      const bootstraps = nodesOf(declared).filter(({ node }) => node.role === 'bootstrap')
      return repetitions(bootstraps, ({ node }) => node.role).map(({ first, again }) => ({
        path: [...again.path, 'role'],
        expected: `another role: a cluster has one bootstrap node, and that is ${first.node.name}`,
        other: [...first.path, 'role'],
      }))
    }),
}

/** Workers alone belong to a hosted cluster, or are added to a running one. A bootstrap node needs masters. */
const bootstrapHasMasters: Rule = {
  code: 'site.bootstrap-without-masters',
  needs: ['clusters'],
  check: (site) =>
    declaredClusters(site)
      .filter(({ cluster }) => masterCount(cluster) === 0)
      .filter(({ cluster }) => cluster.nodes.some(({ role }) => role === 'bootstrap'))
      .map(({ path }) => ({
        path: [...path, 'nodes'],
        got: 'a bootstrap node and no master',
        expected: 'at least one master, which replaces the bootstrap node',
      })),
}

/**
 * An arbiter is the third etcd member beside two masters; a cluster of another shape does not accept one. Alone it replaces
 * the arbiter of a running cluster.
 */
const arbiterHasTwoMasters: Rule = {
  code: 'site.arbiter-without-pair',
  needs: ['clusters'],
  check: (site) =>
    declaredClusters(site)
      .filter(({ cluster }) => ![0, 2].includes(masterCount(cluster)))
      .flatMap((declared) => nodesOf(declared))
      .filter(
        ({ node, cluster }) =>
          node.role === 'arbiter' && !cluster.nodes.some(({ role }) => role === 'single'),
      )
      .map(({ path, cluster }) => ({
        path: [...path, 'role'],
        expected: `another role: an arbiter belongs to a cluster with two masters, and ${cluster.name} has ${masterCount(cluster)}`,
      })),
}

/** A node with the role single runs the whole control plane and bootstraps itself. */
const singleAlone: Rule = {
  code: 'site.single-not-alone',
  needs: [],
  check: (site) =>
    declaredClusters(site).flatMap((declared): RuleViolation[] => {
      const nodes = nodesOf(declared)
      const single = nodes.find(({ node }) => node.role === 'single')
      if (single === undefined) return []
      return nodes
        .filter((each) => each !== single && !['worker', 'infra'].includes(each.node.role))
        .map(({ path }) => ({
          path: [...path, 'role'],
          expected: `worker or infra: ${single.node.name} has the role single, so the cluster has no other control-plane node and no bootstrap node`,
          other: [...single.path, 'role'],
        }))
    }),
}

/** Only a node with the role single is known to be reached at its own address. */
const endpointsGiven: Rule = {
  code: 'site.endpoints-missing',
  needs: ['clusters'],
  check: (site) =>
    declaredClusters(site)
      .filter(({ cluster }) => cluster.loadBalancer === undefined)
      .filter(({ cluster }) => !cluster.nodes.some(({ role }) => role === 'single'))
      .map(({ path, cluster }) => ({
        path: [...path, 'loadBalancer'],
        message: `missing, expected the addresses of api, api-int, and *.apps (they may be omitted only with a node of the role single)${singleHint(cluster)}`,
      })),
}

/** A lone master is probably meant as a single-node cluster. */
function singleHint(cluster: Cluster): string {
  const lone = cluster.nodes.find(({ role }) => role === 'master')
  const isAlone = masterCount(cluster) === 1 && !cluster.nodes.some(({ role }) => role === 'bootstrap')
  return lone !== undefined && isAlone ? `; for a single-node cluster, set role: single for ${lone.name}` : ''
}

/** A load balancer has its own addresses, except where the API is reached at the node itself. */
const separateLoadBalancer: Rule = {
  code: 'site.load-balancer-on-node',
  needs: ['clusters'],
  check: (site) =>
    declaredClusters(site)
      .filter(({ cluster }) => masterCount(cluster) > 0)
      .flatMap((declared) =>
        loadBalancerAddresses(declared).flatMap(({ path, address }): RuleViolation[] => {
          const owner = declaredNodes(site).find(({ node }) => node.address.includes(address))
          const isSingleNode = owner?.cluster === declared.cluster && masterCount(declared.cluster) === 1
          if (owner === undefined || isSingleNode) return []
          const expected = `the address of a load balancer: this is the address of ${owner.fqdn}, and only a single-node cluster is reached at its node`
          return [{ path, got: formatIp(address), expected, other: [...owner.path, 'address'] }]
        }),
      ),
}

/** Approval of certificate requests needs access to the cluster. */
const kubeconfigGiven: Rule = {
  code: 'site.kubeconfig-missing',
  needs: [],
  check: (site) =>
    declaredClusters(site)
      .filter(({ cluster }) => cluster.approve !== 'off' && cluster.ignition === undefined)
      .filter(({ cluster }) => cluster.kubeconfig === undefined)
      .map(({ path }) => ({
        path: [...path, 'approve'],
        expected: 'kubeconfig beside it: without ignition, slipway does not know where the kubeconfig is',
      })),
}

export const clusterRules = [
  oneBootstrap,
  bootstrapHasMasters,
  arbiterHasTwoMasters,
  singleAlone,
  endpointsGiven,
  separateLoadBalancer,
  kubeconfigGiven,
]

/** From a directory, HAProxy reads the files whose names end in `.cfg` and do not start with a dot. */
const haproxyFileRead: Rule = {
  code: 'site.haproxy-file-unused',
  needs: ['haproxy'],
  check({ haproxy }): RuleViolation[] {
    if (haproxy === undefined || haproxy.with.length === 0) return []
    // Only to compare them: relative paths become absolute once the site has no problems.
    const absolute = (path: string): string => resolvePath('', path)
    const file = absolute(haproxy.file)
    const read = haproxy.with.map(absolute)
    if (read.includes(file)) return []
    const path = ['haproxy', 'file']
    const other = ['haproxy', 'with']
    if (!read.includes(folderOf(file))) {
      return [
        { path, expected: 'one of the files of haproxy.with, or a file in one of its directories', other },
      ]
    }
    const isRead = /\/[^/.][^/]*\.cfg$/.test(file)
    const expected = 'a name that ends in .cfg: HAProxy reads no other files in a directory'
    return isRead ? [] : [{ path, expected, other }]
  },
}

const oneReloadMethod: Rule = {
  code: 'site.haproxy-reload-ambiguous',
  needs: ['haproxy'],
  check: ({ haproxy }) =>
    haproxy?.reload === undefined || haproxy.masterSocket === undefined
      ? []
      : [
          {
            path: ['haproxy', 'masterSocket'],
            at: 'key',
            message: 'expected either reload or masterSocket, not both',
            other: ['haproxy', 'reload'],
          },
        ],
}

const completeKeepalived: Rule = {
  code: 'site.keepalived-incomplete',
  needs: ['server', 'haproxy', 'keepalived'],
  check({ server, haproxy, keepalived }): RuleViolation[] {
    if (keepalived === undefined) return []
    const reasons = [
      haproxy === undefined &&
        'keepalived shares the addresses of the load balancer: add the section haproxy',
      server.peers.every((peer) => peer === server.address) &&
        'keepalived needs another machine that shares the addresses: add it to server.peers',
      keepalived.interface === undefined &&
        server.interface === undefined &&
        'keepalived needs the interface of the shared addresses: add keepalived.interface',
    ].filter((reason) => reason !== false)
    return reasons.map((message) => ({ path: ['keepalived'], at: 'key', message }))
  },
}

/** A bind line of a frontend that HAProxy does not have would have no effect. */
const bindUsed: Rule = {
  code: 'site.load-balancer-bind-unused',
  needs: ['haproxy'],
  check: (site) =>
    declaredClusters(site).flatMap(({ cluster: { loadBalancer }, path }) =>
      Object.keys(loadBalancer?.bind ?? {}).flatMap((service): RuleViolation[] => {
        const part = service.startsWith('worker') ? 'ingress' : 'api'
        const at = { path: [...path, 'loadBalancer', 'bind', service], at: 'key' } as const
        if (site.haproxy === undefined)
          return [{ ...at, message: 'HAProxy is not configured: add the section haproxy, or remove bind' }]
        if (loadBalancer?.external.includes(part) !== true) return []
        const message = `another machine balances ${part}: remove ${service}, or ${part} from external`
        return [{ ...at, message, other: [...path, 'loadBalancer', 'external'] }]
      }),
    ),
}

export const balancerRules = [haproxyFileRead, oneReloadMethod, completeKeepalived, bindUsed]
