/** `slipway plan`: what a site file would change, compared with the running slipway or with another site. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readLastGood } from '../../last-good.ts'
import type { Changes } from '../../plan/changes/change.ts'
import { compareSites } from '../../plan/changes/compare.ts'
import { planSummary, summarize } from '../../plan/changes/summary.ts'
import { explain, prepare, type Ready } from '../../prepare.ts'
import type { Compared } from '../../serve/control/site-routes.ts'
import { readSite, unreadableSite } from '../../site-file.ts'
import { askControl, ControlProblem, toResult } from '../client.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { isRemote } from '../server-options.ts'
import {
  controlPath,
  controlRow,
  jsonRow,
  siteFile,
  siteOptions,
  siteRow,
  stateDirectory,
} from '../target.ts'
import { changeLines } from '../text/changes.ts'

/** As other planning tools use it. */
const changesExit = 2

/** Compiling a large site takes longer than other requests. */
const planTimeoutMs = 60_000

export const plan: Command = {
  name: 'plan',
  // 2 means changes.
  usageExit: ExitCode.problems,
  help: {
    usage: ['plan [--json] [--against FILE] [--state DIR] [--control PATH] [--site FILE | FILE]'],
    about: [
      'Shows what a site file would change, and for which machines.',
      'Compares the site file with the site that slipway serves: nodes, addresses, DNS records, HAProxy servers, ' +
        'images, and services that need a restart. A line with "!" names a consequence. Nothing is changed. If slipway ' +
        'is not running, the command compares with the last valid site in the state directory.',
    ],
    options: [
      siteRow,
      ['--against FILE', 'compare with this site file instead of the running slipway'],
      ['--state DIR', 'state directory (default: $STATE_DIRECTORY, else /var/lib/slipway)'],
      controlRow,
      jsonRow,
    ],
    exit: [
      ['0', 'no changes'],
      ['1', 'the site file has errors, there is no site to compare with, or the command line is invalid'],
      ['2', 'there are changes'],
    ],
    isPaged: true,
    examples: ['plan site.yaml', 'plan --json /etc/slipway/site.yaml', 'plan --against old.yaml new.yaml'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...siteOptions,
        json: { type: 'boolean', default: false },
        against: { type: 'string' },
        state: { type: 'string' },
      },
    })
    if (positionals.length > 1) throw new UsageError('expected one site file')
    const { against } = values
    // The service reads the file itself, because this user might not be allowed to read it.
    const isServed = (values.site ?? positionals[0] ?? process.env['SLIPWAY_SITE']) === undefined
    const control = controlPath(values.control)
    const isOnServer = isServed && against === undefined && isRemote(control)
    const sitePath = isOnServer
      ? `the site file of ${control}`
      : resolve(await siteFile(values, positionals[0]))
    return toResult(terminal, async () => {
      const compared =
        against === undefined
          ? await compareWithRunning(sitePath, isServed, control, stateDirectory(values.state))
          : await compareFiles(sitePath, await prepareFile(against), against)
      const { changes } = compared
      if (values.json)
        terminal.out(JSON.stringify({ ...compared, summary: summarize(changes) }, undefined, 2))
      else print(compared, sitePath, terminal)
      return changes.items.length === 0 ? ExitCode.fine : changesExit
    })
  },
}

type Comparison = {
  /** What the site file is compared with. */
  readonly against: string
  readonly changes: Changes
  readonly troubles: readonly string[]
}

/** @throws {ControlProblem} if the site file has errors, or there is no site to compare with */
async function compareWithRunning(
  sitePath: string,
  isServed: boolean,
  control: string,
  directory: string,
): Promise<Comparison> {
  try {
    const body = isServed ? undefined : { path: sitePath, text: await readText(sitePath) }
    const compared = await askControl<Extract<Compared, { outcome: 'compared' }>>(
      ...([control, '/v1/plan', 'POST', planTimeoutMs, body] as const),
    )
    return { against: 'the running slipway', changes: compared.changes, troubles: compared.troubles }
  } catch (error) {
    if (!(error instanceof ControlProblem) || !error.isNotRunning) throw withReasons(error)
  }
  const kept = await readLastGood(directory, sitePath)
  if (kept === undefined) {
    throw new ControlProblem(
      `slipway is not running at ${control}, and ${directory} has no readable site of ${sitePath}: name a site file with --against FILE`,
    )
  }
  return compareFiles(sitePath, kept, 'the last valid site; slipway is not running')
}

async function compareFiles(sitePath: string, before: Ready, against: string): Promise<Comparison> {
  const after = await prepareFile(sitePath)
  const errors = after.plan.findings.filter(({ severity }) => severity === 'error')
  return {
    against,
    changes: compareSites(before, after),
    troubles: errors.map(({ about, message }) => `${about}: ${message}`),
  }
}

async function prepareFile(path: string): Promise<Ready> {
  const prepared = await prepare(path)
  if (prepared.kind === 'ready') return prepared
  throw new ControlProblem(explain(prepared).join('\n'))
}

async function readText(path: string): Promise<string> {
  try {
    return (await readSite(path)).text
  } catch (error) {
    throw new ControlProblem(unreadableSite(path, error as NodeJS.ErrnoException))
  }
}

/** Puts each error of the site file on a line. */
function withReasons(error: unknown): unknown {
  const reasons = error instanceof ControlProblem ? error.refusal?.reasons : undefined
  return reasons === undefined ? error : new ControlProblem(reasons.join('\n'))
}

function print({ against, changes, troubles }: Comparison, sitePath: string, terminal: Terminal): void {
  const lines = changeLines(changes, terminal)
  terminal.out(`${sitePath}, compared with ${against}:`)
  if (lines.length > 0) terminal.out('')
  for (const line of lines) terminal.out(line)
  terminal.out('')
  terminal.out(planSummary(changes))
  for (const trouble of troubles) terminal.err(`! ${trouble}`)
}
