/** The example site with an image for IBM Power or IBM Z. */
import type { Facts, FoundFile } from '../../src/plan/facts.ts'
import type { Model } from '../../src/plan/model.ts'
import { exampleModel, exampleSite, found, liveImage } from './model.ts'

/** @param loader of its cluster @param names of the files beside the image @param settings of its cluster */
export function otherArchitectureModel(
  architecture: string,
  loader?: string,
  names: readonly string[] = ['core.elf'],
  settings: object = {},
): Model {
  const site = exampleSite()
  site.images = { rhcos: { dir: '/srv/rhcos', architecture } as { dir: string } }
  Object.assign(site.clusters[0]!, settings)
  if (loader !== undefined) Object.assign(site.clusters[0]!, { loader })
  const signed = new Map(names.map((name) => [name, found(`/srv/rhcos/${name}`) as FoundFile]))
  const images: Facts['images'] = new Map([['rhcos', { ...liveImage('/srv/rhcos'), signed }]])
  return exampleModel(site, { images })
}
