/** Boot loaders that cannot boot a machine: they exist for one architecture only, or run no script of another installer. */
import { scriptOf } from '../boot-script.ts'
import { declaredNodes, isBooted } from '../declared.ts'
import type { Path, RuleViolation, Rule } from '../problem.ts'
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

/** The loaders that can report that another installer starts; s390x has none. */
const ableLoaders: Readonly<Partial<Record<Architecture, string>>> = {
  x86_64: 'snponly or ipxe',
  aarch64: 'ipxe',
  ppc64le: 'grub',
}

/** PXELINUX, U-Boot, and the firmware of s390x cannot report that. */
const scriptLoader: Rule = {
  code: 'site.loader-unsuitable',
  needs: ['images'],
  check: (site: Site) =>
    declaredNodes(site).flatMap(({ path, cluster, node }): RuleViolation[] => {
      const loader = node.loader ?? cluster.loader
      const script = scriptOf(cluster, node)
      if (script === undefined || !isBooted(cluster, node)) return []
      const architecture = site.images[node.image ?? String(cluster.image)]?.architecture ?? 'x86_64'
      const able = ableLoaders[architecture]
      if (able === undefined) {
        const owner = ownerOf(path, node.script)
        const expected = `no script for ${node.name}: the firmware of ${architecture} cannot boot that of another installer; start it without slipway, and set boot: none`
        return [{ path: [...owner, 'script'], expected }]
      }
      if (loader !== 'pxelinux' && loader !== 'u-boot') return []
      const owner = ownerOf(path, node.loader)
      const expected = `${able}, which can boot the script of another installer`
      return [{ path: [...owner, 'loader'], expected }]
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
      const owner = ownerOf(path, node.loader)
      const expected = `a loader for ${image.architecture}, the architecture of ${node.name}: ${loader} is for ${new Intl.ListFormat('en').format(possible)}`
      return [{ path: [...owner, 'loader'], expected }]
    }),
}

/** Returns the path of the node if it has a value of its own, or else that of its cluster. */
function ownerOf(path: Path, own: string | undefined): Path {
  return own === undefined ? path.slice(0, 2) : path
}

export const loaderRules = [loaderArchitecture, scriptLoader]
