/** The licenses of the packages that a release contains. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

type Manifest = { readonly name?: string; readonly version?: string; readonly license?: string }

/** Returns the name, version, and license text of every package below a node_modules directory, ordered by name. */
export async function thirdPartyNotices(modules: string): Promise<string> {
  const names = await readdir(modules, { recursive: true })
  const directories = names
    .filter((name) => /(^|\/)(@[^/]+\/)?[^/@]+\/package\.json$/.test(name) && isPackage(name))
    .map((name) => join(modules, name, '..'))
    .sort()
  const notices: string[] = []
  for (const directory of directories) {
    const { name, version, license } = JSON.parse(
      await readFile(join(directory, 'package.json'), 'utf8'),
    ) as Manifest
    if (name === undefined || version === undefined) continue
    const file = (await readdir(directory)).find((each) => /^(licen[cs]e|copying)/i.test(each))
    const text = file === undefined ? '' : `\n${(await readFile(join(directory, file), 'utf8')).trim()}\n`
    notices.push(`${name} ${version} (${license ?? 'license in the text below'})\n${text}`)
  }
  return [...new Set(notices)].join(`\n${'-'.repeat(80)}\n\n`)
}

/** A package is directly below a node_modules directory, or below a scope in it. */
function isPackage(manifest: string): boolean {
  const parts =
    `node_modules/${manifest}`
      .split('/node_modules/')
      .at(-1)
      ?.replace(/^node_modules\//, '')
      .split('/') ?? []
  return parts.length === (parts[0]?.startsWith('@') === true ? 3 : 2)
}
