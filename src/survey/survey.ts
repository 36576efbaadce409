/**
 * What lies on the disk for a site: images, Ignition files and what is added to them, boot loaders and TFTP's own
 * folder. Everything is looked at, nothing is changed, and what is wrong becomes a fact. It never throws, whatever
 * the disk is like.
 */
import type { Facts, ImageFacts } from '../plan/facts.ts'
import type { Cluster, Site } from '../site/schema.ts'
import { surveyAddedFiles } from './added-files.ts'
import { folderProblem } from './file.ts'
import { surveyIgnition } from './ignition/survey.ts'
import { surveyImage } from './images.ts'
import { packagedLoaders, surveyLoaders, type LoaderPlaces } from './loaders.ts'

/** @param places where boot loaders are looked for that the site does not name */
export async function surveySite(site: Site, places: LoaderPlaces = packagedLoaders): Promise<Facts> {
  const images = new Map(
    await Promise.all(
      Object.entries(site.images).map(async ([name, image]) => [name, await surveyImage(image)] as const),
    ),
  )
  const ignition = new Map(
    await Promise.all(
      site.clusters.map(
        async (cluster) =>
          [cluster.name, await surveyIgnition(cluster, bootsOnlyLive(cluster, images))] as const,
      ),
    ),
  )
  const { root, loaders } = site.tftp
  const tftpRootProblem = root === undefined ? undefined : await folderProblem(root)
  return {
    images,
    ignition,
    addedFiles: await surveyAddedFiles(site),
    loaders: await surveyLoaders(loaders, places),
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
