/** The files of the administrator below /files: each path once for the site, a cluster, or a node. */
import { declaredClusters, nodesOf, repetitions } from '../declared.ts'
import type { Path, Rule, RuleViolation } from '../problem.ts'
import type { Site } from '../schema.ts'

type Owner = {
  readonly path: Path
  readonly http?: { readonly files: readonly { path: string }[] } | undefined
}

function owners(site: Site): Owner[] {
  return [
    { path: [], http: site.http },
    ...declaredClusters(site).flatMap((declared) => [
      { path: declared.path, http: declared.cluster.http },
      ...nodesOf(declared).map(({ path, node }) => ({ path, http: node.http })),
    ]),
  ]
}

/** If two entries had the same path, one of them would silently have no effect. */
const distinctServedFiles: Rule = {
  code: 'site.served-file-repeated',
  needs: ['http'],
  check: (site) =>
    owners(site).flatMap(({ path, http }) => {
      const files = (http?.files ?? []).map((file, index) => ({
        name: file.path,
        path: [...path, 'http', 'files', index, 'path'],
      }))
      return repetitions(files, ({ name }) => name).map(({ first, again }): RuleViolation => ({
        path: again.path,
        expected: `another path: /files/${again.name} is already declared`,
        other: first.path,
      }))
    }),
}

export const servedFileRules = [distinctServedFiles]
