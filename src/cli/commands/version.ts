/** `slipway version`: the versions of slipway and of the Node.js that runs it. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { root } from '../../host/root.ts'
import { ExitCode, type Command } from '../command.ts'
import { jsonRow } from '../target.ts'

/** The release: version, and the commit that a package was built from; a checkout does not record its commit. */
export type Version = { readonly version: string; readonly commit?: string; readonly node: string }

export const version: Command = {
  name: 'version',
  help: {
    usage: ['version [--json]'],
    about: [
      'Prints the version of slipway, the commit that its package was built from, and the version of Node.js.',
    ],
    options: [jsonRow],
    exit: [
      ['0', 'success'],
      ['2', 'invalid command line'],
    ],
    examples: ['version', 'version --json'],
  },

  async run(args, terminal) {
    const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } })
    const found = await readVersion()
    if (values.json) terminal.out(JSON.stringify(found))
    else {
      const { version: name, commit, node } = found
      terminal.out(`slipway ${name}${commit === undefined ? '' : ` (commit ${commit})`}, Node.js ${node}`)
    }
    return ExitCode.fine
  },
}

export async function readVersion(): Promise<Version> {
  const manifest = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { version: string }
  // Written by packaging/build.
  const commit = await readFile(new URL('dist/commit', root), 'utf8').catch(() => '')
  return {
    version: manifest.version,
    ...(commit.trim() === '' ? {} : { commit: commit.trim() }),
    node: process.versions.node,
  }
}
