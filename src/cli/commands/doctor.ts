/** `slipway doctor`: checks the running slipway, and writes a support bundle without secrets. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { codeRegistries } from '../../codes.ts'
import type { ClusterStatus } from '../../cluster/report.ts'
import type { NodeReport } from '../../install/reports.ts'
import { runChecks, type CheckResult } from '../../preflight/check.ts'
import { checks } from '../../preflight/checks.ts'
import { systemProbes, type Probes } from '../../preflight/probes.ts'
import { explain, prepare, type Prepared } from '../../prepare.ts'
import { controlCodes } from '../../serve/control/codes.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { askControl, toResult } from '../client.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { fileProblem } from '../../text/file-problem.ts'
import { packBundle, type BundleFile } from '../support-bundle.ts'
import { isRemote, requireLocal } from '../server-options.ts'
import { controlPath, controlRow } from '../target.ts'
import { refusalLines } from '../text/checks.ts'
import { hasNotice } from '../text/cluster.ts'
import { summaryJson } from '../text/site-summary.ts'
import { checkOptions, checkRows, contextOf, exitCodeOf, printResults } from './preflight.ts'
import { readVersion } from './version.ts'

export const doctor: Command = {
  name: 'doctor',
  help: {
    usage: ['doctor [--bundle FILE] [--registry HOST]… [--state DIR] [--json] [--control PATH]'],
    about: [
      'Checks the running slipway and its machine.',
      'Runs the checks of "slipway preflight" again and adds the current problems and warnings of the running slipway, ' +
        'and the requests that it refused since its start, by code.',
      'With --bundle, it also writes a support bundle (.tar.gz): versions, results, status, plan, nodes, the last lines ' +
        'of the log, and metrics. Tokens, passwords, keys, kubeconfigs, pull secrets, and the contents of files are ' +
        'removed. Names and addresses remain: read the bundle before you send it.',
    ],
    options: [
      ['--bundle FILE', 'write a support bundle to FILE, which must not exist'],
      controlRow,
      ...checkRows.filter(([term]) => ['--registry HOST', '--state DIR', '--json'].includes(term)),
    ],
    exit: [
      ['0', 'no failure (there may be warnings)'],
      ['1', 'a failure, or slipway is not running'],
      ['2', 'invalid command line'],
    ],
    examples: ['doctor', 'doctor --bundle slipway-support.tar.gz'],
  },

  run: (args, terminal) => runDoctor(args, terminal, systemProbes),
}

type RunningStatus = {
  readonly site: string
  readonly siteFile: string
  readonly uptimeSeconds: number
  readonly problems: readonly ActiveProblem[]
  readonly warnings: readonly string[]
  readonly warningCodes: readonly string[]
  readonly refusals: Readonly<Record<string, number>>
  readonly nodes: readonly NodeReport[]
  readonly clusters?: readonly ClusterStatus[]
}

/** @param probes what the checks ask this machine; tests replace it */
export async function runDoctor(
  args: readonly string[],
  terminal: Terminal,
  probes: Probes,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...checkOptions, bundle: { type: 'string' } },
  })
  if (positionals.length > 0) throw new UsageError('expected no arguments: doctor checks the running slipway')
  const { bundle, json } = values
  if (bundle === '') throw new UsageError('--bundle: expected the name of a file')
  return toResult(terminal, async () => {
    const control = controlPath(values.control)
    const status = await askControl<RunningStatus>(control, '/v1/status')
    if (isRemote(control)) {
      if (bundle !== undefined) requireLocal(control, 'doctor --bundle')
      const results = ofStatus(status)
      printResults(results, json ? { site: status.site, refusals: status.refusals } : undefined, terminal)
      return exitCodeOf(results)
    }
    const prepared = await prepare(status.siteFile)
    const results = merged([
      ...ofStatus(status),
      ...(prepared.kind === 'ready'
        ? await runChecks(checks, contextOf(prepared, values, probes, true))
        : explain(prepared).map(invalidSite)),
    ])
    const { refusals } = status
    printResults(results, json ? { site: status.site, refusals } : undefined, terminal)
    if (!json) for (const line of refusalLines(refusals, meanings(), status.uptimeSeconds)) terminal.out(line)
    if (bundle !== undefined) {
      const files = await bundleFiles({ control, status, prepared, results, probes })
      try {
        await writeFile(bundle, packBundle(files, Date.now()), { mode: 0o600, flag: 'wx' })
      } catch (error) {
        terminal.err(`slipway doctor: ${fileProblem('write', bundle, error)}`)
        return ExitCode.problems
      }
      terminal.err(`support bundle written to ${bundle}: read it before you send it`)
    }
    return exitCodeOf(results)
  })
}

/** Returns the current problems and warnings as results. */
function ofStatus({ problems, warnings, warningCodes, clusters = [] }: RunningStatus): CheckResult[] {
  const found = remedies()
  const remedyOf = (code: string) => {
    const remedy = found.get(code)
    return remedy === undefined ? {} : { remedy }
  }
  return [
    ...problems.map(({ code, text }): CheckResult => {
      return { check: 'status', status: 'failure', code, text, ...remedyOf(code) }
    }),
    ...warnings.map((text, index): CheckResult => {
      const code = warningCodes[index] as string
      return { check: 'status', status: 'warning', code, text, ...remedyOf(code) }
    }),
    ...clusters
      .filter(hasNotice)
      .map(({ cluster, trouble = '', code = 'cluster.unreachable' }): CheckResult => {
        return {
          check: 'cluster',
          status: 'warning',
          code,
          text: `${cluster}: ${trouble}`,
          ...remedyOf(code),
        }
      }),
    ...(problems.length === 0
      ? [{ check: 'status', status: 'ok', text: 'slipway runs and reports no problem' } as const]
      : []),
  ]
}

/** The running slipway keeps its plan, and cannot start with the file. */
function invalidSite(text: string): CheckResult {
  const code = 'server.reload-rejected'
  const { remedy } = controlCodes[code]
  return { check: 'site', status: 'failure', code, text, remedy }
}

/** The checks find again what the running slipway reports about its files. */
function merged(results: readonly CheckResult[]): CheckResult[] {
  const keyOf = ({ code, text }: CheckResult) => `${code} ${text}`
  return [...new Map([...results].reverse().map((result) => [keyOf(result), result])).values()].reverse()
}

function remedies(): ReadonlyMap<string, string> {
  return new Map(codeRegistries.flatMap(Object.entries).map(([code, { remedy }]) => [code, remedy]))
}

function meanings(): ReadonlyMap<string, string> {
  return new Map(codeRegistries.flatMap(Object.entries).map(([code, { meaning }]) => [code, meaning]))
}

type BundleSources = {
  readonly control: string
  readonly status: RunningStatus
  readonly prepared: Prepared
  readonly results: readonly CheckResult[]
  readonly probes: Probes
}

/** The timelines of more nodes would not be read. */
const maxNodes = 200
const logLines = 2000

async function bundleFiles(sources: BundleSources): Promise<BundleFile[]> {
  const { control, status, prepared, results, probes } = sources
  const journal = ['-u', 'slipway.service', '-n', String(logLines), '-o', 'cat', '--no-pager']
  const [version, log] = await Promise.all([readVersion(), probes.run('journalctl', journal)])
  const nodes: unknown[] = []
  for (const { node } of status.nodes.slice(0, maxNodes)) {
    nodes.push(await askControl(control, `/v1/nodes/${node}`).catch((error: unknown) => String(error)))
  }
  const isReady = prepared.kind === 'ready'
  const { address, port } = isReady ? prepared.plan.http : { address: '', port: 0 }
  const metrics = isReady ? await probes.httpText(`http://${address}:${port}/metrics`) : undefined
  return [
    { name: 'versions.json', content: { ...version, platform: process.platform, release: process.arch } },
    { name: 'checks.json', content: results },
    { name: 'status.json', content: status },
    isReady
      ? { name: 'plan.json', content: summaryJson(prepared.plan) }
      : { name: 'site-errors.txt', content: explain(prepared).join('\n') },
    { name: 'nodes.json', content: nodes },
    { name: 'log.txt', content: log.kind === 'done' ? log.output : `journalctl: ${log.ending}` },
    { name: 'metrics.txt', content: metrics ?? 'not available' },
  ]
}
