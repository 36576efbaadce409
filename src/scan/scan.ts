/**
 * What lies on the disk for a site: images, Ignition files and what is added to them, boot loaders and TFTP's own
 * folder. Everything is looked at, nothing is changed, and what is wrong becomes a fact. It never throws, whatever
 * the disk is like.
 */
import type { Facts, ImageFacts, AddedFileFact } from '../plan/facts.ts'
import type { Cluster, Site } from '../site/schema.ts'
import { folderProblem, missing, openFile, readOpened, reasonOf } from './file.ts'
import { scanIgnition } from './ignition/scan.ts'
import { scanImage } from './images.ts'
import { packagedLoaders, scanLoaders, type LoaderPlaces } from './loaders.ts'

/** @param places where boot loaders are looked for that the site does not name */
export async function scanSite(site: Site, places: LoaderPlaces = packagedLoaders): Promise<Facts> {
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
    addedFiles: await surveyAddedFiles(site),
    loaders: await scanLoaders(loaders, places),
    ...(tftpRootProblem === undefined ? {} : { tftpRootProblem }),
  }
}

/** An image whose kernel is missing says nothing about its style. The site's rules have seen to it that each is known. */
function bootsOnlyLive(cluster: Cluster, images: ReadonlyMap<string, ImageFacts>): boolean {
  return cluster.nodes.every((node) => {
    const { style, kernel } = images.get((node.image ?? cluster.image) as string) as ImageFacts
    return style === 'live' && kernel.kind === 'found'
  })
}

/** The files on this machine that a site copies to nodes, each read once. */

/** Each goes to its node inside an Ignition file, which the node keeps in its memory. */
const mostOctets = 1024 * 1024

export async function surveyAddedFiles(site: Site): Promise<ReadonlyMap<string, AddedFileFact>> {
  const places = site.clusters.flatMap((cluster) => [cluster, ...cluster.nodes])
  const paths = places.flatMap(({ files = [], networkKeyfiles = [] }) => [
    ...files.flatMap(({ from }) => (from === undefined ? [] : [from])),
    ...networkKeyfiles,
  ])
  const facts = [...new Set(paths)].map(async (path) => [path, await addedFile(path)] as const)
  return new Map(await Promise.all(facts))
}

async function addedFile(path: string): Promise<AddedFileFact> {
  try {
    const { file, octets } = await openFile(path)
    if (octets > mostOctets) {
      await file.close()
      throw new Error(`is too large, with ${octets} octets; ${mostOctets} fit into an Ignition file`)
    }
    const content = await readOpened(file, octets).finally(() => file.close())
    return { kind: 'found', path, octets, content }
  } catch (error) {
    return missing(path, `${path} ${reasonOf(error)}`)
  }
}
