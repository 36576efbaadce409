/**
 * Scans the files of a site: images, Ignition files, files to add to them, boot loaders, and tftp.root. It only reads,
 * never throws, and returns problems as facts.
 */
import type { Facts, ImageFacts, AddedFileFact } from '../plan/facts.ts'
import type { Cluster, Site } from '../site/schema.ts'
import { folderProblem, missing, openFile, readOpened, reasonOf } from './file.ts'
import { scanIgnition } from './ignition/scan.ts'
import { scanImage } from './images.ts'
import { defined } from '../text/defined.ts'
import { packagedLoaders, scanLoaders, type LoaderPaths } from './loaders.ts'

/** @param loaderPaths paths of boot loaders that the site does not name */
export async function scanSite(site: Site, loaderPaths: LoaderPaths = packagedLoaders): Promise<Facts> {
  const images = new Map(
    await Promise.all(
      Object.entries(site.images).map(async ([name, image]) => [name, await scanImage(image)] as const),
    ),
  )
  const ignition = new Map(
    await Promise.all(
      site.clusters.map(
        async (cluster) =>
          [cluster.name, await scanIgnition(cluster, bootsOnlyLive(cluster, images))] as const,
      ),
    ),
  )
  const { root, loaders } = site.tftp
  const tftpRootProblem = root === undefined ? undefined : await folderProblem(root)
  return {
    images,
    ignition,
    addedFiles: await scanAddedFiles(site),
    loaders: await scanLoaders(loaders, loaderPaths),
    ...defined({ tftpRootProblem }),
  }
}

/** The style of an image without a kernel is unknown. The rules ensure that each image is declared. */
function bootsOnlyLive(cluster: Cluster, images: ReadonlyMap<string, ImageFacts>): boolean {
  return cluster.nodes.every((node) => {
    const { style, kernel } = images.get((node.image ?? cluster.image) as string) as ImageFacts
    return style === 'live' && kernel.kind === 'found'
  })
}

/** Each is embedded in an Ignition file, which the node keeps in memory. */
const maxAddedFileBytes = 1024 * 1024

/** Reads each file that a site adds to nodes once. */
export async function scanAddedFiles(site: Site): Promise<ReadonlyMap<string, AddedFileFact>> {
  const owners = site.clusters.flatMap((cluster) => [cluster, ...cluster.nodes])
  const paths = owners.flatMap(({ files = [], networkKeyfiles = [] }) => [
    ...files.flatMap(({ from }) => (from === undefined ? [] : [from])),
    ...networkKeyfiles,
  ])
  const facts = [...new Set(paths)].map(async (path) => [path, await addedFile(path)] as const)
  return new Map(await Promise.all(facts))
}

async function addedFile(path: string): Promise<AddedFileFact> {
  try {
    const { file, octets } = await openFile(path)
    if (octets > maxAddedFileBytes) {
      await file.close()
      throw new Error(`is too large: ${octets} bytes, the maximum is ${maxAddedFileBytes}`)
    }
    const content = await readOpened(file, octets).finally(() => file.close())
    return { kind: 'found', path, octets, content }
  } catch (error) {
    return missing('ignition.added-file-unreadable', path, `${path} ${reasonOf(error)}`)
  }
}
