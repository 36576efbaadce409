/** Names of clusters, nodes, and hosts: unique, not too long, and not hidden by another cluster's wildcard. */
import { declaredClusters, declaredGroups, machines, nodesOf, repetitions } from '../declared.ts'
import type { RuleViolation, Rule } from '../problem.ts'

const uniqueClusterNames: Rule = {
  code: 'site.cluster-name-taken',
  needs: [],
  check: (site) =>
    repetitions([...declaredClusters(site), ...declaredGroups(site)], ({ cluster }) => cluster.name).map(
      ({ first, again }) => ({
        path: [...again.path, 'name'],
        expected: 'a unique name: logs, URLs, and commands identify clusters and groups by it',
        other: [...first.path, 'name'],
      }),
    ),
}

/** The names of the API count too: a node called `api` would hide that of its cluster. */
const uniqueFullNames: Rule = {
  code: 'site.name-taken',
  needs: [],
  check(site) {
    const claimed = [
      ...declaredClusters(site).flatMap(({ path, domain }) => [
        { path: [...path, 'loadBalancer', 'api'], name: `api.${domain}` },
        { path: [...path, 'loadBalancer'], name: `api-int.${domain}` },
      ]),
      ...machines(site).map(({ path, name }) => ({ path: [...path, 'name'], name })),
    ]
    return repetitions(claimed, ({ name }) => name)
      .filter(({ again }) => again.path.at(-1) === 'name')
      .map(({ first, again }) => ({
        path: again.path,
        expected: `a unique name: ${again.name} is already in use`,
        other: first.path,
      }))
  },
}

/** Kubernetes copies the name of a node into the label `kubernetes.io/hostname`, which is limited to 63 characters. */
const nodeNameLength: Rule = {
  code: 'site.node-name-too-long',
  needs: [],
  check: (site) =>
    declaredClusters(site)
      .flatMap(nodesOf)
      .flatMap(({ path, node, fqdn }): RuleViolation[] =>
        fqdn.length <= 63
          ? []
          : [
              {
                path: [...path, node.fqdn === undefined ? 'name' : 'fqdn'],
                message: `${fqdn} has ${fqdn.length} characters, more than the 63 that a node name may have`,
              },
            ],
      ),
}

const hostsQualified: Rule = {
  code: 'site.host-name-not-qualified',
  needs: [],
  check: (site) =>
    site.hosts.flatMap(({ name }, index): RuleViolation[] =>
      name.includes('.')
        ? []
        : [
            {
              path: ['hosts', index, 'name'],
              expected: `a fully qualified name such as ${name}.example.net`,
            },
          ],
    ),
}

/** A single host below `apps.<cluster>` may be intended; a whole cluster below it is an error. */
const belowApps: Rule = {
  code: 'site.name-below-apps',
  needs: [],
  check(site) {
    const clusters = declaredClusters(site)
    return clusters.flatMap(({ path, domain }) =>
      clusters
        .filter((other) => `.${domain}`.endsWith(`.apps.${other.domain}`))
        .map((other) => ({
          path: [...path, 'name'],
          message: `the wildcard *.apps.${other.domain} would also answer for names of ${domain}`,
          other: [...other.path, 'name'],
        })),
    )
  },
}

export const nameRules = [uniqueClusterNames, uniqueFullNames, nodeNameLength, hostsQualified, belowApps]
