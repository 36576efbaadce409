/** What `slipway node add` advises for a cluster whose nodes boot the files of the agent-based installer. */
import { styleOf } from '../plan/image-files.ts'
import { listFolder } from './file.ts'
import type { Site } from '../site/schema.ts'

/** Returns the command that creates the boot files for an added node, if the image of its cluster has such files. */
export async function nodeImageAdvice(
  site: Site,
  cluster: string | undefined,
  macs: readonly string[],
): Promise<string | undefined> {
  const found = cluster === undefined ? site.clusters[0] : site.clusters.find(({ name }) => name === cluster)
  const image = site.images[found?.image ?? '']
  if (image === undefined) return undefined
  const folder = await listFolder(image.dir)
  if (folder.kind === 'unlisted' || styleOf(folder.names) !== 'agent') return undefined
  return `oc adm node-image create --mac-address=${macs.join(',')} --pxe --dir=${image.dir}`
}
