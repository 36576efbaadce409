/** config/site.example.yaml, with all files that it names. */
import { readFileSync } from 'node:fs'
import { loaderNames, type Facts } from '../../src/plan/facts.ts'
import { buildModel, type Model } from '../../src/plan/model.ts'
import { loadSite } from '../../src/site/load.ts'
import { found, ignitionFiles, liveImage } from './model.ts'

/** @param edit changes the text of the file @param facts differences from a disk with all files */
export function exampleSiteModel(
  edit: (text: string) => string = (text) => text,
  facts: Partial<Facts> = {},
): Model {
  const file = new URL('../../config/site.example.yaml', import.meta.url)
  const loaded = loadSite(edit(readFileSync(file, 'utf8')), '/etc/slipway/site.yaml')
  if (loaded.kind === 'problems') throw new Error(JSON.stringify(loaded.problems))
  return buildModel(loaded.site, {
    images: new Map([['rhcos-4.17', liveImage('/images/rhcos-4.17')]]),
    ignition: new Map([['ocp45', ignitionFiles('/ignition')]]),
    loaders: new Map(loaderNames.map((name) => [name, found(`/usr/lib/ipxe/${name}`)])),
    ...facts,
  })
}
