/** Writes a new site file for `init` and `import`, which never replace a file. */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { root } from '../host/root.ts'
import { fileProblem } from '../text/file-problem.ts'
import type { HelpRow } from './command.ts'

export const outputRow: HelpRow = ['--output FILE', 'file to write; an existing file is never overwritten']

/** Editors find the schema beside the program, because no copy of it is beside the new file. */
const schema = `$schema=${fileURLToPath(new URL('config/site.schema.json', root))}`

/** Returns why the file was not written, a sentence; undefined if it was. */
export async function writeNewSite(path: string, text: string): Promise<string | undefined> {
  try {
    await writeFile(path, text.replace('$schema=./site.schema.json', schema), { flag: 'wx', mode: 0o644 })
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return reasons[code ?? '']?.(path) ?? fileProblem('write', path, error)
  }
}

const reasons: Readonly<Record<string, (path: string) => string>> = {
  EEXIST: (path) => `${path} exists and is not overwritten: name another file with --output`,
  ENOENT: (path) => `the directory of ${path} does not exist: create it first`,
  EACCES: (path) =>
    `no permission to write ${path}: run the command with sudo, or name another file with --output`,
}
