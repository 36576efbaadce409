/** Boot loaders that cannot boot a machine: they exist for one architecture only, or run no script of another installer. */
import { scriptOf } from '../boot-script.ts'
import { declaredNodes, isBooted } from '../declared.ts'
import type { RuleViolation, Rule } from '../problem.ts'
import type { Loader, Site } from '../schema.ts'

const architectureOf: Readonly<Partial<Record<Loader, string>>> = {
  pxelinux: 'x86_64',
  'u-boot': 'aarch64',
}

/** These loaders cannot report that another installer starts. */
const scriptLoader: Rule = {
  code: 'site.loader-unsuitable',
  needs: [],
  check: (site: Site) =>
    declaredNodes(site).flatMap(({ path, cluster, node }): RuleViolation[] => {
      const loader = node.loader ?? cluster.loader
      const isUnsuitable = loader === 'pxelinux' || loader === 'u-boot'
      if (!isUnsuitable || scriptOf(cluster, node) === undefined || !isBooted(cluster, node)) return []
      const owner = node.loader === undefined ? path.slice(0, 2) : path
      return [
        {
          path: [...owner, 'loader'],
          expected: 'snponly or ipxe, which can boot the script of another installer',
        },
      ]
    }),
}

const loaderArchitecture: Rule = {
  code: 'site.loader-unsuitable',
  needs: ['images'],
  check: (site: Site) =>
    declaredNodes(site).flatMap(({ path, cluster, node }): RuleViolation[] => {
      const loader = node.loader ?? cluster.loader
      const image = site.images[node.image ?? String(cluster.image)]
      const wanted = loader && architectureOf[loader]
      if (!isBooted(cluster, node) || wanted === undefined || image === undefined) return []
      if (image.architecture === wanted) return []
      const owner = node.loader === undefined ? path.slice(0, 2) : path
      const expected = `a loader for ${image.architecture}, the architecture of ${node.name}: ${loader} is for ${wanted}`
      return [{ path: [...owner, 'loader'], expected }]
    }),
}

export const loaderRules = [loaderArchitecture, scriptLoader]
