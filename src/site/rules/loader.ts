/** Boot loaders that exist for one architecture only. */
import { declaredNodes, isBooted } from '../declared.ts'
import type { RuleViolation, Rule } from '../problem.ts'
import type { Loader, Site } from '../schema.ts'

const architectureOf: Readonly<Partial<Record<Loader, string>>> = {
  pxelinux: 'x86_64',
  'u-boot': 'aarch64',
}

const loaderArchitecture: Rule = {
  code: 'site.loader-architecture',
  needs: ['images'],
  check: (site: Site) =>
    declaredNodes(site).flatMap(({ path, cluster, node }): RuleViolation[] => {
      const loader = node.loader ?? cluster.loader
      const image = site.images[node.image ?? cluster.image ?? '']
      const wanted = loader && architectureOf[loader]
      if (!isBooted(cluster, node) || wanted === undefined || image === undefined) return []
      if (image.architecture === wanted) return []
      const owner = node.loader === undefined ? path.slice(0, 2) : path
      const expected = `a loader for ${image.architecture}, the architecture of ${node.name}: ${loader ?? ''} is for ${wanted}`
      return [{ path: [...owner, 'loader'], expected }]
    }),
}

export const loaderRules = [loaderArchitecture]
