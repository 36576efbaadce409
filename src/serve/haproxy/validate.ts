/** Validates a configuration with `haproxy -c` before it replaces the file. */
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { isRunning } from '../../host/files.ts'
import { runCommand, type CommandResult } from '../../host/command.ts'
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'

export type ConfigCheck = Pick<CommandResult, 'kind'> & { readonly reason: string }

/** The target of the text, and the other files of the configuration. */
type Target = Pick<HaproxyPlan, 'file' | 'with'>

const timeoutMs = 10_000

/**
 * Never rejects.
 *
 * @param plan names the other files of the configuration, if there are any
 * @param program HAProxy, by name or by path
 * @returns `missing` where it is not installed; `failed` with HAProxy's error as the `reason`
 */
export function validateConfig(text: string, plan: Target, program = 'haproxy'): Promise<ConfigCheck> {
  // The other files may be unreadable.
  return validate(text, plan, program).catch((error: unknown) => ({
    kind: 'failed',
    reason: (error as Error).message,
  }))
}

const temporaryPrefix = 'slipway-haproxy-'

/** Removes the directories of processes that were killed while they validated a file. */
async function removeOfKilled(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(temporaryPrefix))
  for (const name of names) {
    const pid = Number(/^\d+/.exec(name.slice(temporaryPrefix.length))?.[0])
    if (pid > 0 && !isRunning(pid)) await rm(join(tmpdir(), name), { recursive: true, force: true })
  }
}

async function validate(text: string, plan: Target, program: string): Promise<ConfigCheck> {
  await removeOfKilled()
  const directory = await mkdtemp(join(tmpdir(), `${temporaryPrefix}${process.pid}-`))
  try {
    const candidate = join(directory, basename(plan.file))
    await writeFile(candidate, text)
    const files = await filesWith(plan, candidate)
    const options = ['-c', ...files.flatMap((file) => ['-f', file])]
    const { kind, ending, output } = await runCommand(program, options, timeoutMs)
    return { kind, reason: alerts(output.replaceAll(`${directory}/`, '')) || ending }
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** Returns the files that HAProxy reads, with the candidate in place of its target. */
async function filesWith(plan: Target, candidate: string): Promise<string[]> {
  if (plan.with.length === 0) return [candidate]
  const files: string[] = []
  for (const path of plan.with) {
    const isFolder = path !== plan.file && (await stat(path)).isDirectory()
    files.push(...(isFolder ? await filesOf(path, plan.file) : [path]))
  }
  return files.map((file) => (file === plan.file ? candidate : file))
}

/** As HAProxy does: names that end in `.cfg` and do not start with a dot, in byte order. */
async function filesOf(folder: string, ours: string): Promise<string[]> {
  const paths = (await readdir(folder))
    .filter((name) => name.endsWith('.cfg') && !name.startsWith('.'))
    .map((name) => join(folder, name))
  const all = ours.startsWith(`${folder}/`) ? [...new Set([...paths, ours])] : paths
  return all.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** Returns the alerts of HAProxy without the notices around them. */
function alerts(output: string): string {
  return output
    .split('\n')
    .filter((line) => line.startsWith('[ALERT]'))
    .map((line) => line.replace(/^\[ALERT\]\s*\(\d+\) : /, ''))
    .join('; ')
}
