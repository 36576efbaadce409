/** Finds the files of PXELINUX for nodes with `loader: pxelinux`: in tftp.root, or where packages install them. */
import { pxelinuxNames, type FileFact, type PxelinuxName } from '../plan/facts.ts'
import { declaredClusters, nodesOf } from '../site/declared.ts'
import type { Site } from '../site/schema.ts'
import { missing, scanFile } from './file.ts'

/** Paths in Debian's `pxelinux` and `syslinux-common`, then in Fedora's `syslinux-nonlinux`. */
export const packagedPxelinux: Readonly<Record<PxelinuxName, readonly string[]>> = {
  'bios/lpxelinux.0': ['/usr/lib/PXELINUX/lpxelinux.0', '/usr/share/syslinux/lpxelinux.0'],
  'bios/ldlinux.c32': ['/usr/lib/syslinux/modules/bios/ldlinux.c32', '/usr/share/syslinux/ldlinux.c32'],
}

const remedy =
  'install it (apt install pxelinux syslinux-common, or dnf install syslinux-nonlinux), or copy it into tftp.root'

/** Returns no facts for a site without such nodes. */
export async function scanPxelinux(
  site: Site,
  paths: Readonly<Record<PxelinuxName, readonly string[]>> = packagedPxelinux,
): Promise<readonly (readonly [PxelinuxName, FileFact])[]> {
  const isUsed = declaredClusters(site).some((declared) =>
    [declared.cluster, ...nodesOf(declared).map(({ node }) => node)].some(
      ({ loader }) => loader === 'pxelinux',
    ),
  )
  if (!isUsed) return []
  const { root } = site.tftp
  return Promise.all(
    pxelinuxNames.map(async (name) => {
      const places = [...(root === undefined ? [] : [`${root}/${name}`]), ...paths[name]]
      return [name, await firstOf(name, places)] as const
    }),
  )
}

async function firstOf(name: PxelinuxName, paths: readonly string[]): Promise<FileFact> {
  const facts = await Promise.all(paths.map((path) => scanFile(path, 'tftp.loader-missing')))
  const found = facts.find(({ kind }) => kind === 'found')
  const problem = `no ${name} at ${paths.join(' or ')}: ${remedy}`
  return found ?? missing('tftp.loader-missing', String(paths.at(-1)), problem)
}
