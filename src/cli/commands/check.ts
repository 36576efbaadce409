/** `slipway check SITE`: everything about a site that can be known without serving it. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { kubeconfigFindings } from '../../cluster/kubeconfig/file.ts'
import { systemClock } from '../../host/clock.ts'
import { inOrder } from '../../plan/findings.ts'
import { renderHaproxy } from '../../plan/haproxy/render.ts'
import { ignitionFindings } from '../../plan/ignition/findings.ts'
import { prepare, type Prepared } from '../../prepare.ts'
import { validateConfig } from '../../serve/haproxy/validate.ts'
import { formatProblem, showProblem } from '../../site/problem.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { findingLine, haproxyFinding, summaryJson, summaryLines } from '../text/site-summary.ts'

export const check: Command = {
  name: 'check',
  summary: 'say what a site file compiles to, or every problem it has',
  usage: `usage: slipway check [--json] SITE

Reads the site file, looks for the images, Ignition files, kubeconfigs and loaders
that it names, lets HAProxy judge its configuration where it is installed, and says
what would be served: counts per service, a line per node, the loader for each
firmware. Or every problem, each with its place.

  --json   the same for programs

Exit code 0: nothing to complain of but warnings. 1: problems. 2: usage.`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false } },
    })
    const [sitePath, ...more] = positionals
    if (sitePath === undefined || more.length > 0) throw new UsageError('check takes one site file')
    const prepared = withTime(await withVerdict(await prepare(sitePath)), systemClock.now())
    if (values.json) terminal.out(JSON.stringify(toJson(prepared), undefined, 2))
    else await toTerminal(prepared, sitePath, terminal)
    const isFine =
      prepared.kind === 'ready' && prepared.plan.findings.every(({ severity }) => severity === 'warning')
    return isFine ? ExitCode.fine : ExitCode.problems
  },
}

/** The plan's findings and what HAProxy itself finds in the configuration that would be written. */
async function withVerdict(prepared: Prepared): Promise<Prepared> {
  if (prepared.kind !== 'ready' || prepared.plan.haproxy === undefined) return prepared
  const { haproxy } = prepared.plan
  const finding = haproxyFinding(await validateConfig(renderHaproxy(haproxy), haproxy))
  const findings = [...prepared.plan.findings, ...(finding === undefined ? [] : [finding])]
  return { ...prepared, plan: { ...prepared.plan, findings } }
}

/** And how old its Ignition files are, and whether its clusters can be asked. */
function withTime(prepared: Prepared, now: number): Prepared {
  if (prepared.kind !== 'ready') return prepared
  const { model, plan } = prepared
  const more = [...ignitionFindings(plan, now), ...kubeconfigFindings(model.site.clusters, now)]
  return { ...prepared, plan: { ...plan, findings: inOrder([...plan.findings, ...more]) } }
}

async function toTerminal(prepared: Prepared, sitePath: string, terminal: Terminal): Promise<void> {
  if (prepared.kind === 'ready') {
    for (const line of summaryLines(prepared.plan)) terminal.out(line)
    if (prepared.plan.findings.length > 0) terminal.err('')
    for (const finding of prepared.plan.findings) terminal.err(findingLine(finding))
    return
  }
  if (prepared.kind === 'unreadable') {
    terminal.err(prepared.message)
    return
  }
  // With the line itself for a person; plain where another program reads the places.
  const text = terminal.usesColor ? await readFile(sitePath, 'utf8') : undefined
  for (const problem of prepared.problems) {
    terminal.err(text === undefined ? formatProblem(problem) : showProblem(problem, text))
  }
  terminal.err(prepared.problems.length === 1 ? '1 problem' : `${prepared.problems.length} problems`)
}

function toJson(prepared: Prepared): object {
  if (prepared.kind === 'ready') return summaryJson(prepared.plan)
  if (prepared.kind === 'problems') return { problems: prepared.problems }
  return { unreadable: prepared.message, code: prepared.code }
}
