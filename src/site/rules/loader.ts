/** Boot loaders that cannot boot a machine: they exist for one architecture only, or run no script of another installer. */
import { scriptOf } from '../boot-script.ts'
import { declaredNodes, isBooted } from '../declared.ts'
import type { RuleViolation, Rule } from '../problem.ts'
import type { Architecture, Loader, Site } from '../schema.ts'

const uefi: readonly Architecture[] = ['x86_64', 'aarch64']

const architecturesOf: Readonly<Record<Loader, readonly Architecture[]>> = {
  ipxe: uefi,
  snponly: uefi,
  shim: uefi,
  'shim-ipxe': uefi,
  grub: [...uefi, 'ppc64le'],
  auto: [...uefi, 'ppc64le', 's390x'],
  // Firmware of ppc64le and s390x reads the configuration itself.
  pxelinux: ['x86_64', 'ppc64le', 's390x'],
  'u-boot': ['aarch64'],
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
      if (!isBooted(cluster, node) || loader === undefined || image === undefined) return []
      const possible = architecturesOf[loader]
      if (possible.includes(image.architecture)) return []
      const owner = node.loader === undefined ? path.slice(0, 2) : path
      const expected = `a loader for ${image.architecture}, the architecture of ${node.name}: ${loader} is for ${new Intl.ListFormat('en').format(possible)}`
      return [{ path: [...owner, 'loader'], expected }]
    }),
}

export const loaderRules = [loaderArchitecture, scriptLoader]
