/** `slipway check`: validates a site file and shows what it serves, without serving it. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { kubeconfigFindings } from '../../cluster/kubeconfig/file.ts'
import { systemClock } from '../../host/clock.ts'
import { inOrder, type Finding } from '../../text/codes.ts'
import { renderHaproxy } from '../../plan/haproxy/render.ts'
import { ignitionFindings } from '../../plan/ignition/findings.ts'
import { prepare, type Prepared, type Ready } from '../../prepare.ts'
import { validateConfig } from '../../serve/haproxy/apply.ts'
import { formatProblem, showProblem } from '../../site/problem.ts'
import { readYaml } from '../../site/yaml.ts'
import { pluralize } from '../../text/format.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { jsonRow, siteFile, siteOptions, siteRows } from '../target.ts'
import { findingPosition, type Position } from '../text/finding-position.ts'
import { findingLine, haproxyFinding, summaryJson, summaryLines } from '../text/site-summary.ts'

export const check: Command = {
  name: 'check',
  help: {
    usage: ['check [--json] [--site FILE | FILE]'],
    about: [
      'Validates a site file and shows what it serves.',
      'Reads the site file and looks for the images, Ignition files, kubeconfigs, and boot loaders that it names. ' +
        'If HAProxy is installed, it also validates its configuration. Prints the services, the nodes, and ' +
        'the boot loader of each firmware, or every problem with its line and column. Nothing is served or changed.',
    ],
    options: [...siteRows, jsonRow],
    exit: [
      ['0', 'no errors (there may be warnings)'],
      ['1', 'errors'],
      ['2', 'invalid command line'],
    ],
    examples: ['check site.yaml', 'check --json site.yaml'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...siteOptions, json: { type: 'boolean', default: false } },
    })
    if (positionals.length > 1) throw new UsageError('expected one site file')
    const sitePath = await siteFile(values, positionals[0])
    const prepared = withAges(await withHaproxyCheck(await prepare(sitePath)), systemClock.now())
    if (values.json) terminal.out(JSON.stringify(toJson(prepared), undefined, 2))
    else await toTerminal(prepared, sitePath, terminal)
    const isFine =
      prepared.kind === 'ready' && prepared.plan.findings.every(({ severity }) => severity === 'warning')
    return isFine ? ExitCode.fine : ExitCode.problems
  },
}

/** Adds what HAProxy finds in the configuration that slipway would write. */
async function withHaproxyCheck(prepared: Prepared): Promise<Prepared> {
  if (prepared.kind !== 'ready' || prepared.plan.haproxy === undefined) return prepared
  const { haproxy } = prepared.plan
  const finding = haproxyFinding(await validateConfig(renderHaproxy(haproxy), haproxy))
  const findings = [...prepared.plan.findings, ...(finding === undefined ? [] : [finding])]
  return { ...prepared, plan: { ...prepared.plan, findings } }
}

/** Adds the age of the Ignition files and the state of the kubeconfigs. */
function withAges(prepared: Prepared, now: number): Prepared {
  if (prepared.kind !== 'ready') return prepared
  const { model, plan } = prepared
  const more = [...ignitionFindings(plan, now), ...kubeconfigFindings(model.site.clusters, now)]
  return { ...prepared, plan: { ...plan, findings: inOrder([...plan.findings, ...more]) } }
}

async function toTerminal(prepared: Prepared, sitePath: string, terminal: Terminal): Promise<void> {
  if (prepared.kind === 'ready') {
    for (const line of summaryLines(prepared.plan)) terminal.out(line)
    if (prepared.plan.findings.length > 0) terminal.err('')
    const positionOf = findingPositions(prepared)
    for (const finding of prepared.plan.findings) {
      terminal.err(findingLine(finding, sitePath, positionOf(finding)))
    }
    return
  }
  if (prepared.kind === 'unreadable') {
    terminal.err(prepared.message)
    return
  }
  // On a terminal the line of the file follows; other programs get plain positions.
  const text = terminal.usesColor ? await readFile(sitePath, 'utf8') : undefined
  for (const problem of prepared.problems) {
    terminal.err(text === undefined ? formatProblem(problem) : showProblem(problem, text))
  }
  terminal.err(pluralize(prepared.problems.length, 'problem'))
}

/** Returns a function that finds the position of a finding in the site file. */
function findingPositions({ model, file }: Ready): (finding: Finding) => Position | undefined {
  const { tree } = readYaml(file.text.replace(/^\ufeff/, ''))
  return (finding) => tree && findingPosition(finding, model.site, tree)
}

function toJson(prepared: Prepared): object {
  if (prepared.kind === 'ready') return summaryJson(prepared.plan, findingPositions(prepared))
  if (prepared.kind === 'problems') return { problems: prepared.problems }
  return { unreadable: prepared.message, code: prepared.code }
}
