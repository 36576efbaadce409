/** The files on this machine that a site copies to nodes, each read once. */
import type { AddedFileFact } from '../plan/facts.ts'
import type { Site } from '../site/schema.ts'
import { missing, openFile, readOpened, reasonOf } from './file.ts'

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
