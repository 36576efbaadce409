/** Names that must be unique, or short enough, or below the right one. */
import { declaredClusters, declaredNodes, machines, repetitions } from '../declared.ts'
import type { Violation, Rule } from '../violation.ts'

const clusterNames: Rule = {
  needs: [],
  check: (site) =>
    repetitions(declaredClusters(site), ({ cluster }) => cluster.name).map(({ first, again }) => ({
      path: [...again.path, 'name'],
      expected: 'a name of its own: logs, URLs and commands tell clusters apart by it',
      other: [...first.path, 'name'],
    })),
}

/** The API's names count too: a node called `api` would take the place of its cluster's. */
const fullNames: Rule = {
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
        expected: `a name of its own: ${again.name} is taken`,
        other: first.path,
      }))
  },
}

/** Kubernetes copies a node's name into the label `kubernetes.io/hostname`, which holds 63 characters. */
const nodeNameLength: Rule = {
  needs: [],
  check: (site) =>
    declaredNodes(site).flatMap(({ path, fqdn }): Violation[] =>
      fqdn.length <= 63
        ? []
        : [
            {
              path: [...path, 'name'],
              message: `${fqdn} has ${fqdn.length} characters, a node's name at most 63`,
            },
          ],
    ),
}

const hostsQualified: Rule = {
  needs: [],
  check: (site) =>
    site.hosts.flatMap(({ name }, index): Violation[] =>
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

/** A single host below `apps.<cluster>` is an exception that somebody wants; a whole cluster is a mistake. */
const belowApps: Rule = {
  needs: [],
  check(site) {
    const clusters = declaredClusters(site)
    return clusters.flatMap(({ path, domain }) =>
      clusters
        .filter((other) => `.${domain}`.endsWith(`.apps.${other.domain}`))
        .map((other) => ({
          path: [...path, 'name'],
          message: `the names of ${domain} are among those that *.apps.${other.domain} answers for`,
          other: [...other.path, 'name'],
        })),
    )
  },
}

export const nameRules = [clusterNames, fullNames, nodeNameLength, hostsQualified, belowApps]
