/** HAProxy's own judgement of a configuration that is not in place yet. */
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { runCommand, type CommandResult } from '../../host/command.ts'
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'

export type HaproxyVerdict = Pick<CommandResult, 'kind'> & { readonly reason: string }

/** Where the text will be, and among what. */
type Place = Pick<HaproxyPlan, 'file' | 'with'>

const judgeTimeoutMs = 10_000

/**
 * Never rejects.
 *
 * @param plan says among which other files the text will be, when it is not the whole
 * @param program HAProxy, by name or by path
 * @returns `missing` where it is not installed; `failed` with its own words as the `reason`
 */
export function validateConfig(text: string, plan: Place, program = 'haproxy'): Promise<HaproxyVerdict> {
  // Files of others among them may be out of reach.
  return judge(text, plan, program).catch((error: unknown) => ({
    kind: 'failed',
    reason: (error as Error).message,
  }))
}

async function judge(text: string, plan: Place, program: string): Promise<HaproxyVerdict> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-haproxy-'))
  try {
    const candidate = join(directory, basename(plan.file))
    await writeFile(candidate, text)
    const files = await filesWith(plan, candidate)
    const options = ['-c', ...files.flatMap((file) => ['-f', file])]
    const { kind, ending, output } = await runCommand(program, options, judgeTimeoutMs)
    return { kind, reason: alerts(output.replaceAll(`${directory}/`, '')) || ending }
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** What HAProxy reads when it is started with these, the candidate in place of the file that it will be. */
async function filesWith(plan: Place, candidate: string): Promise<string[]> {
  if (plan.with.length === 0) return [candidate]
  const files: string[] = []
  for (const path of plan.with) {
    const isFolder = path !== plan.file && (await stat(path)).isDirectory()
    files.push(...(isFolder ? await filesOf(path, plan.file) : [path]))
  }
  return files.map((file) => (file === plan.file ? candidate : file))
}

/** As HAProxy does: names that end in `.cfg` and do not begin with a dot, in the order of their octets. */
async function filesOf(folder: string, ours: string): Promise<string[]> {
  const paths = (await readdir(folder))
    .filter((name) => name.endsWith('.cfg') && !name.startsWith('.'))
    .map((name) => join(folder, name))
  const all = ours.startsWith(`${folder}/`) ? [...new Set([...paths, ours])] : paths
  return all.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** HAProxy's own words for what is wrong: its alerts, without the notices around them. */
function alerts(output: string): string {
  return output
    .split('\n')
    .filter((line) => line.startsWith('[ALERT]'))
    .map((line) => line.replace(/^\[ALERT\]\s*\(\d+\) : /, ''))
    .join('; ')
}
