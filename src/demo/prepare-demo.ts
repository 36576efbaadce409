/** Makes the demo's folder: site file, stand-ins, and loaders where the machine has none. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LoaderName } from '../plan/facts.ts'
import { loadSite } from '../site/load.ts'
import { formatProblem } from '../site/problem.ts'
import type { Site } from '../site/schema.ts'
import { surveySite } from '../survey/survey.ts'
import { demoSite } from './demo-site.ts'
import { writeLoader, writeStandIns } from './stand-ins.ts'

const config = fileURLToPath(new URL('../../config', import.meta.url))

/** Which key of `tftp.loaders` a loader of the example's nodes is set by, and its stand-in's name. */
const loaderKinds: readonly { key: 'bios' | 'x64'; name: LoaderName; file: string }[] = [
  { key: 'bios', name: 'bios/undionly.kpxe', file: 'loaders/undionly.kpxe' },
  { key: 'x64', name: 'efi/snponly.efi', file: 'loaders/snponly.efi' },
]

export type Demo = {
  readonly sitePath: string
  /** Names of loaders that are stand-ins, because the machine has no `ipxe` package. */
  readonly standInLoaders: readonly LoaderName[]
}

/** @param folder where everything of the demo goes; made when it is not there */
export async function prepareDemo(folder: string, ports: Site['server']['ports']): Promise<Demo> {
  await mkdir(folder, { recursive: true })
  const example = await readFile(join(config, 'site.example.yaml'), 'utf8')
  const sitePath = join(folder, 'site.yaml')
  const schemaPath = relative(resolve(folder), join(config, 'site.schema.json'))
  const write = (loaders: Readonly<Record<string, string>>): string =>
    demoSite(example, { ports, loaders, schemaPath })

  const { loaders } = await surveySite(load(write({}), sitePath))
  const missing = loaderKinds.filter(({ name }) => loaders.get(name)?.kind !== 'found')
  for (const { name, file } of missing) await writeLoader(name, join(folder, file))
  const text = write(Object.fromEntries(missing.map(({ key, file }) => [key, file])))
  await writeStandIns(load(text, sitePath))
  await writeFile(sitePath, text)
  return { sitePath, standInLoaders: missing.map(({ name }) => name) }
}

/** @throws {TypeError} when the example that came with the program is not a site: our bug */
function load(text: string, sitePath: string): Site {
  const loaded = loadSite(text, resolve(sitePath))
  if (loaded.kind === 'site') return loaded.site
  throw new TypeError(`the example site has problems: ${loaded.problems.map(formatProblem).join('; ')}`)
}
