/** Roles within a cluster, and the addresses where its load balancer listens. */
import { formatIp } from '../../proto/address/ip.ts'
import {
  declaredClusters,
  declaredNodes,
  loadBalancerAddresses,
  masterCount,
  nodesOf,
  repetitions,
} from '../declared.ts'
import type { Violation, Rule } from '../violation.ts'
import { folderOf, resolvePath } from '../file-paths.ts'

const oneBootstrap: Rule = {
  needs: [],
  check: (site) =>
    declaredClusters(site).flatMap((declared) => {
      const bootstraps = nodesOf(declared).filter(({ node }) => node.role === 'bootstrap')
      return repetitions(bootstraps, ({ node }) => node.role).map(({ first, again }) => ({
        path: [...again.path, 'role'],
        expected: `another role: ${first.node.name} is the bootstrap, a cluster has one`,
        other: [...first.path, 'role'],
      }))
    }),
}

/** Workers alone are a hosted cluster, or more of them for a running one; a bootstrap needs what it boots up. */
const bootstrapHasMasters: Rule = {
  needs: ['clusters'],
  check: (site) =>
    declaredClusters(site)
      .filter(({ cluster }) => masterCount(cluster) === 0)
      .filter(({ cluster }) => cluster.nodes.some(({ role }) => role === 'bootstrap'))
      .map(({ path }) => ({
        path: [...path, 'nodes'],
        got: 'a bootstrap and no master',
        expected: 'the masters that it hands the cluster over to',
      })),
}

/** It holds the whole control plane and bootstraps itself. */
const singleAlone: Rule = {
  needs: [],
  check: (site) =>
    declaredClusters(site).flatMap((declared): Violation[] => {
      const nodes = nodesOf(declared)
      const single = nodes.find(({ node }) => node.role === 'single')
      if (single === undefined) return []
      return nodes
        .filter((each) => each !== single && !['worker', 'infra'].includes(each.node.role))
        .map(({ path }) => ({
          path: [...path, 'role'],
          expected: `worker or infra: ${single.node.name} is single, so it is the cluster's only control-plane node and needs no bootstrap`,
          other: [...single.path, 'role'],
        }))
    }),
}

/** Only who bootstraps itself is known to be reached at its own address. */
const entrancesGiven: Rule = {
  needs: ['clusters'],
  check: (site) =>
    declaredClusters(site)
      .filter(({ cluster }) => cluster.loadBalancer === undefined)
      .filter(({ cluster }) => !cluster.nodes.some(({ role }) => role === 'single'))
      .map(({ path }) => ({
        path: [...path, 'loadBalancer'],
        message:
          'missing, expected the addresses of api, api-int and *.apps (only those of a node with the role single are known)',
      })),
}

/** A load balancer has addresses of its own, except where the API is reached at the nodes themselves. */
const loadBalancerApart: Rule = {
  needs: ['clusters'],
  check: (site) =>
    declaredClusters(site)
      .filter(({ cluster }) => masterCount(cluster) > 0)
      .flatMap((declared) =>
        loadBalancerAddresses(declared).flatMap(({ path, address }): Violation[] => {
          const at = declaredNodes(site).find(({ node }) => node.address.includes(address))
          if (at === undefined || (at.cluster === declared.cluster && masterCount(at.cluster) === 1))
            return []
          const expected = `an address of the load balancer: it is ${at.fqdn}'s, and only a single-node cluster is reached at its node`
          return [{ path, got: formatIp(address), expected, other: [...at.path, 'address'] }]
        }),
      ),
}

/** Who approves asks the cluster, and needs what opens it. */
const kubeconfigGiven: Rule = {
  needs: [],
  check: (site) =>
    declaredClusters(site)
      .filter(({ cluster }) => cluster.approve !== 'off' && cluster.ignition === undefined)
      .filter(({ cluster }) => cluster.kubeconfig === undefined)
      .map(({ path }) => ({
        path: [...path, 'approve'],
        expected: "kubeconfig beside it: without ignition nothing says where the cluster's is",
      })),
}

export const clusterRules = [
  oneBootstrap,
  bootstrapHasMasters,
  singleAlone,
  entrancesGiven,
  loadBalancerApart,
  kubeconfigGiven,
]

/** HAProxy's file among others, the ways to reload it, and what sharing its addresses needs. */

/** HAProxy takes files from a folder whose names end in `.cfg` and do not begin with a dot. */
const fileIsAmongThose: Rule = {
  needs: ['haproxy'],
  check({ haproxy }): Violation[] {
    if (haproxy === undefined || haproxy.with.length === 0) return []
    // Only to compare them: relative ones are made absolute when the site is known to be fine.
    const absolute = (path: string): string => resolvePath('', path)
    const file = absolute(haproxy.file)
    const beside = haproxy.with.map(absolute)
    if (beside.includes(file)) return []
    const path = ['haproxy', 'file']
    const other = ['haproxy', 'with']
    if (!beside.includes(folderOf(file))) {
      return [{ path, expected: 'one of the files of haproxy.with, or a file in one of its folders', other }]
    }
    const isRead = /\/[^/.][^/]*\.cfg$/.test(file)
    const expected = 'a name that ends in .cfg: HAProxy reads no other files of a folder'
    return isRead ? [] : [{ path, expected, other }]
  },
}

const oneWayToReload: Rule = {
  needs: ['haproxy'],
  check: ({ haproxy }) =>
    haproxy?.reload === undefined || haproxy.masterSocket === undefined
      ? []
      : [
          {
            path: ['haproxy', 'masterSocket'],
            at: 'key',
            message: 'haproxy is reloaded by a command or by its master socket, not by both',
            other: ['haproxy', 'reload'],
          },
        ],
}

const keepalivedIsComplete: Rule = {
  needs: ['server', 'haproxy', 'keepalived'],
  check({ server, haproxy, keepalived }): Violation[] {
    if (keepalived === undefined) return []
    const flaw = (message: string): Violation => ({ path: ['keepalived'], at: 'key', message })
    const flaws: Violation[] = []
    if (haproxy === undefined) {
      flaws.push(flaw('keepalived shares the addresses of the load balancer: the section haproxy is missing'))
    }
    if (server.peers.every((peer) => peer === server.address)) {
      flaws.push(flaw('keepalived needs another machine to share with: name it in server.peers'))
    }
    if (keepalived.interface === undefined && server.interface === undefined) {
      flaws.push(flaw('keepalived needs the interface of the shared addresses: add keepalived.interface'))
    }
    return flaws
  },
}

export const balancerRules = [fileIsAmongThose, oneWayToReload, keepalivedIsComplete]
