/** The answer files that slipway sends for the sites in config/examples, as files for validators. */
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { absoluteUrl, tokenPlaceholder, urlPaths } from '../../../src/plan/urls.ts'
import { buildModel, type Model, type NodeModel } from '../../../src/plan/model.ts'
import { answersOf } from '../../../src/plan/systems/answers.ts'
import { loadSite } from '../../../src/site/load.ts'
import { formatProblem } from '../../../src/site/problem.ts'
import type { OtherSystem } from '../../../src/site/other-systems.ts'
import { systemFacts } from '../../support/systems.ts'

const examples = new URL('../../../config/examples/', import.meta.url)

/** @param texts answer files by path, in place of those of config/answers */
export function exampleModel(name: string, texts: Readonly<Record<string, string>> = {}): Model {
  const loaded = loadSite(
    readFileSync(new URL(`${name}.yaml`, examples), 'utf8'),
    `/etc/slipway/${name}.yaml`,
  )
  if (loaded.kind !== 'site') throw new Error(loaded.problems.map(formatProblem).join('\n'))
  const { site } = loaded
  const { images = new Map(), ...others } = systemFacts(site, texts)
  return buildModel(site, { images, ignition: new Map(), loaders: new Map(), ...others })
}

export function nodesWith(model: Model, os: OtherSystem): NodeModel[] {
  return model.nodes.filter(({ system }) => system?.os === os)
}

/** Returns the URL of a file of a machine, with the placeholder of the token. */
export function answerUrl({ endpoint }: Model, node: NodeModel, name: string): string {
  return absoluteUrl(endpoint, urlPaths.answers(node, name), node)
}

/** Writes a file of a machine, with a token, to a directory, and returns its path. */
export async function writeAnswer(dir: string, model: Model, node: NodeModel, name: string): Promise<string> {
  const answer = answersOf(model, node).find((each) => each.name === name)
  if (answer === undefined) throw new Error(`${node.key} gets no ${name}`)
  const text = answer.text.replaceAll(tokenPlaceholder, 'Hk3vYw9Qx-0bTt_LmZr1aA')
  await mkdir(dir, { recursive: true })
  const path = join(dir, name)
  await writeFile(path, text)
  return path
}
