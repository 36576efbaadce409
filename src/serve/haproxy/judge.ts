/** HAProxy's own judgement of a configuration that is not in place yet. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand, type CommandResult } from '../../host/command.ts'

export type HaproxyVerdict = Pick<CommandResult, 'kind'> & { readonly reason: string }

const judgeTimeoutMs = 10_000

/**
 * @param program HAProxy, by name or by path
 * @returns `missing` where it is not installed; `failed` with its own words as the `reason`
 */
export async function judgeHaproxy(text: string, program = 'haproxy'): Promise<HaproxyVerdict> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-haproxy-'))
  try {
    const file = join(directory, 'haproxy.cfg')
    await writeFile(file, text)
    const { kind, ending, output } = await runCommand(program, ['-c', '-f', file], judgeTimeoutMs)
    return { kind, reason: alerts(output.replaceAll(`${directory}/`, '')) || ending }
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** HAProxy's own words for what is wrong: its alerts, without the notices around them. */
function alerts(output: string): string {
  return output
    .split('\n')
    .filter((line) => line.startsWith('[ALERT]'))
    .map((line) => line.replace(/^\[ALERT\]\s*\(\d+\) : /, ''))
    .join('; ')
}
