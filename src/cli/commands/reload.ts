/** `slipway reload`: the running slipway reads its site file again, and says here what became of it. */
import { parseArgs } from 'node:util'
import type { Reloaded } from '../../serve/control/routes.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { askControl, controlHelp, controlOptions, controlPath, ControlProblem } from '../client.ts'
import { toResult } from './status.ts'

/**
 * HAProxy judges its file for 10 s at most, is reloaded within 40, and reloaded again with its old file in
 * another 40 (src/serve/haproxy); and somebody else's reload may come first.
 */
const reloadTimeoutMs = 2 * 90_000

export const reload: Command = {
  name: 'reload',
  summary: 'have the running slipway read its site file again',
  usage: `usage: slipway reload [--json] [--control PATH]

Has the running slipway read its site file again, as systemctl reload slipway does,
and says what became of it. One with problems is not taken over: the old plan keeps
serving, and each problem is told with its place. It may take as long as HAProxy
takes to reload.

${controlHelp}

Exit code 0: taken over. 1: not taken over, or slipway cannot be asked. 2: usage.`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    if (positionals.length > 0) throw new UsageError('reload takes no names: slipway knows its site file')
    return toResult(terminal, async () => {
      const reloaded = await reloadSite(controlPath(values.control))
      if (values.json) terminal.out(JSON.stringify(reloaded, undefined, 2))
      else tellReload(reloaded, terminal)
      return reloaded.outcome === 'swapped' ? ExitCode.fine : ExitCode.problems
    })
  },
}

/** @throws {ControlProblem} when slipway cannot be asked, or does not say what became of it in time */
export async function reloadSite(path: string): Promise<Reloaded> {
  try {
    return await askControl<Reloaded>(path, '/v1/reload', 'POST', reloadTimeoutMs)
  } catch (error) {
    if (!(error instanceof ControlProblem) || error.refusal?.reasons === undefined) throw error
    return { outcome: 'kept', reasons: error.refusal.reasons }
  }
}

export function tellReload(reloaded: Reloaded, terminal: Terminal): void {
  if (reloaded.outcome === 'kept') {
    for (const reason of reloaded.reasons) terminal.err(reason)
    terminal.err('slipway: site not reloaded, the old plan keeps serving')
    return
  }
  const { nodes, troubles } = reloaded
  terminal.out(`site reloaded: ${nodes} ${nodes === 1 ? 'node' : 'nodes'}`)
  for (const trouble of troubles) terminal.err(`! ${trouble}`)
}
