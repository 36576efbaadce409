/** What a command works on: the running slipway (its control socket), a site file, or one of its nodes. */
import { existsSync } from 'node:fs'
import { askControl, ControlProblem } from './client.ts'
import { UsageError, type HelpRow } from './command.ts'
import { isRemote } from './server-options.ts'
import type { NodeReport } from '../install/reports.ts'
import { findNode, namedNodes } from '../plan/find-node.ts'
import type { NodeModel } from '../plan/model.ts'

/** Options of every command that queries the running slipway. */
export const controlOptions = {
  control: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

export const controlRow: HelpRow = [
  '--control PATH',
  'control socket of the running slipway (default: $SLIPWAY_CONTROL, else /run/slipway/control.sock)',
]

export const jsonRow: HelpRow = ['--json', 'print JSON']

/** Returns the control socket, or the URL of a server. */
export function controlPath(given: string | undefined, environment = process.env): string {
  return (
    given ?? environment['SLIPWAY_SERVER'] ?? environment['SLIPWAY_CONTROL'] ?? '/run/slipway/control.sock'
  )
}

/** Returns the state directory: the given one, that of the service, or the default. */
export function stateDirectory(given: string | undefined, environment = process.env): string {
  return given ?? (firstDirectory(environment['STATE_DIRECTORY']) || '/var/lib/slipway')
}

/** Returns the first of several directories: systemd separates StateDirectory= and RuntimeDirectory= with colons. */
export function firstDirectory(directories = ''): string {
  return directories.split(':')[0] as string
}

/** Options of every command that reads a site file. */
export const siteOptions = { site: { type: 'string' }, control: { type: 'string' } } as const

/** Where the packages expect the site file. */
export const installedSite = '/etc/slipway/site.yaml'

export const siteRow: HelpRow = [
  '--site FILE',
  `site file (default: $SLIPWAY_SITE, else the file that the running slipway serves, else ${installedSite})`,
]

export const siteRows: readonly HelpRow[] = [siteRow, controlRow]

type SiteValues = { readonly site?: string | undefined; readonly control?: string | undefined }

/**
 * Returns the site file to read: the given one, $SLIPWAY_SITE, the one that the running slipway serves, or the installed one.
 *
 * @param positional the site file as an argument, where the command line has one
 * @param installed used if slipway does not run and the file exists
 * @throws {UsageError} when there is none, or two
 */
export async function siteFile(
  { site, control }: SiteValues,
  positional: string | undefined,
  environment = process.env,
  installed = installedSite,
): Promise<string> {
  if (site !== undefined && positional !== undefined) {
    throw new UsageError(`two site files: --site ${site} and ${positional}`)
  }
  const given = site ?? positional ?? environment['SLIPWAY_SITE']
  if (given !== undefined && given !== '') return given
  const target = controlPath(control, environment)
  if (isRemote(target)) {
    throw new UsageError(
      `no site file: add --site FILE, because the file that ${target} serves is not on this machine`,
    )
  }
  try {
    const status = await askControl<{ readonly siteFile?: string }>(target, '/v1/status')
    if (status.siteFile !== undefined) return status.siteFile
  } catch (error) {
    if (!(error instanceof ControlProblem)) throw error
  }
  if (existsSync(installed)) return installed
  throw new UsageError('no site file: add --site FILE, or set SLIPWAY_SITE; no running slipway was found')
}

type EditValues = SiteValues & { readonly file: string | undefined; readonly isDry: boolean }

/**
 * Returns the site file that a command changes; undefined if it is the site file of a server, which the API changes.
 *
 * @throws {UsageError} for a file of this machine with a server, except to print the change
 */
export async function editedFile(
  command: string,
  { file, isDry, ...values }: EditValues,
  environment = process.env,
): Promise<string | undefined> {
  if (!isRemote(controlPath(values.control, environment))) return siteFile(values, file, environment)
  if (!isSiteGiven(values, file, environment)) return undefined
  if (isDry) return siteFile(values, file, environment)
  throw new UsageError(
    `with --server, ${command} changes the site file of the server: remove --site FILE, or unset SLIPWAY_SITE`,
  )
}

/** Whether the command line or the environment names a site file. */
export function isSiteGiven(
  { site }: SiteValues,
  positional: string | undefined,
  environment = process.env,
): boolean {
  return (site ?? positional ?? environment['SLIPWAY_SITE']) !== undefined
}

/**
 * @param file an argument where a site file is expected
 * @param name the argument behind it, where the name of a node is expected
 * @throws {UsageError} when the two are swapped
 */
export function requireOrder(command: string, file: string, name: string): void {
  if (looksLikeFile(file) || !looksLikeFile(name)) return
  throw new UsageError(`${file} is a node, not a site file; did you mean: slipway ${command} ${name} ${file}`)
}

/** Names of nodes contain no period, paths of files do or exist. */
function looksLikeFile(text: string): boolean {
  return text.includes('.') || existsSync(text)
}

/** Splits off the site file at the end of the arguments. */
export function splitSite(
  positionals: readonly string[],
  { site }: SiteValues,
): { readonly names: readonly string[]; readonly file: string | undefined } {
  const last = positionals.at(-1)
  const isFile = site === undefined && last !== undefined && looksLikeFile(last)
  return isFile ? { names: positionals.slice(0, -1), file: last } : { names: positionals, file: undefined }
}

/** @throws {UsageError} when no node has this name, with a suggestion, or when several do */
export function chooseNode<Named extends Pick<NodeModel, 'key' | 'name'>>(
  { nodes }: { readonly nodes: readonly Named[] },
  name: string,
): Named {
  const found = findNode(nodes, name)
  if (typeof found === 'string') throw new UsageError(found)
  return found
}

/**
 * Returns the keys of the named nodes, each once, in the order of the names.
 *
 * @param others keys of nodes that can be named too, beside those that slipway boots
 */
export async function nodeKeys(
  path: string,
  names: readonly string[],
  others: readonly string[] = [],
): Promise<string[]> {
  const reports = await askControl<NodeReport[]>(path, '/v1/nodes')
  const nodes = namedNodes([...reports.map(({ node }) => node), ...others])
  return [...new Set(names.map((name) => chooseNode({ nodes }, name).key))]
}
