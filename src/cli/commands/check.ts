/** `slipway check`: validates a site file and shows what it serves, without serving it. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { kubeconfigFindings } from '../../cluster/kubeconfig/file.ts'
import { checkDrift } from '../../drift/check.ts'
import { createAskServer } from '../../drift/exchange.ts'
import { hasFailure, type CheckedServer, type DriftReport } from '../../drift/report.ts'
import { parseServer, readResolvConf, serversOf } from '../../drift/servers.ts'
import { createAttachedNetworks } from '../../host/attached-networks.ts'
import { systemClock } from '../../host/clock.ts'
import { createSockets } from '../../host/sockets.ts'
import { inOrder, type Finding } from '../../text/codes.ts'
import { detachedSubnets } from '../../plan/dhcp/attachment.ts'
import { formatIpv4 } from '../../proto/address/ip.ts'
import { renderHaproxy } from '../../plan/haproxy/render.ts'
import { agentFindings } from '../../plan/agent-age.ts'
import { ignitionFindings } from '../../plan/ignition/findings.ts'
import { prepare, type Prepared, type Ready } from '../../prepare.ts'
import { validateConfig } from '../../serve/haproxy/apply.ts'
import { formatProblem, showProblem } from '../../site/problem.ts'
import { readYaml } from '../../site/yaml.ts'
import { fencingFindings, readFencing, type Fencing } from '../../preflight/fencing.ts'
import { fileProblem } from '../../text/file-problem.ts'
import { pluralize } from '../../text/format.ts'
import { foldLine } from '../../text/lines.ts'
import { ExitCode, UsageError, type Command, type Terminal } from '../command.ts'
import { jsonRow, siteFile, siteOptions, siteRows } from '../target.ts'
import { driftJson, driftLines } from '../text/dns-check.ts'
import {
  findingPosition,
  type Position,
  findingLine,
  haproxyFinding,
  summaryJson,
  summaryLines,
} from '../text/site-summary.ts'

export const check: Command = {
  name: 'check',
  help: {
    usage: [
      'check [--json] [--dns] [--dns-server ADDRESS[:PORT]]… [--install-config FILE] [--site FILE | FILE]',
    ],
    about: [
      'Validates a site file and shows what it serves.',
      'Reads the site file and looks for the images, Ignition files, kubeconfigs, and boot loaders that it names. ' +
        'If HAProxy is installed, HAProxy validates its new configuration. Prints the services, the nodes, and ' +
        'the boot loader of each firmware, or every problem with its line and column. Nothing is served or changed.',
      'With --dns, it also queries the name servers that nodes and administrators use: this server, the resolvers of the ' +
        'subnets, the peers, the secondaries, the resolvers in dns.forward, and those in /etc/resolv.conf. It compares ' +
        'their answers with the site, and checks the delegation of each cluster in its parent zone. It also lists ' +
        'reverse names on other servers that the reverse zones of this server hide.',
    ],
    options: [
      ...siteRows,
      ['--dns', 'query the name servers and compare their answers with the site'],
      ['--dns-server ADDRESS[:PORT]', 'query only this name server, which implies --dns; can be repeated'],
      [
        '--install-config FILE',
        'also compare the BMCs for fencing in this install-config.yaml with the site',
      ],
      jsonRow,
    ],
    exit: [
      ['0', 'no errors (there may be warnings)'],
      ['1', 'errors, or failures of --dns'],
      ['2', 'invalid command line'],
    ],
    isPaged: true,
    examples: [
      'check site.yaml',
      'check --json site.yaml',
      'check site.yaml --dns',
      'check site.yaml --dns-server 10.0.0.53',
    ],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...siteOptions,
        json: { type: 'boolean', default: false },
        dns: { type: 'boolean', default: false },
        'dns-server': { type: 'string', multiple: true, default: [] },
        'install-config': { type: 'string' },
      },
    })
    if (positionals.length > 1) throw new UsageError('expected one site file')
    const servers = values['dns-server'].map(serverOf)
    const sitePath = await siteFile(values, positionals[0])
    const fencing = await readInstallConfig(values['install-config'])
    const prepared = await withLocalFindings(
      await withHaproxyCheck(await prepare(sitePath)),
      systemClock.now(),
      fencing,
    )
    const isWanted = values.dns || servers.length > 0
    const drift = isWanted && prepared.kind === 'ready' ? await queryServers(prepared, servers) : undefined
    if (values.json) terminal.out(JSON.stringify(toJson(prepared, drift), undefined, 2))
    else await toTerminal(prepared, sitePath, terminal)
    if (!values.json && drift !== undefined) {
      for (const line of ['', ...driftLines(drift, sitePath, terminal)]) terminal.out(line)
    }
    const isClean = prepared.kind === 'ready' && prepared.plan.findings.length === 0
    if (!values.json && isClean && (drift === undefined || !hasFailure(drift))) {
      for (const line of ['', 'No problems.']) terminal.out(line)
    }
    const isValid =
      prepared.kind === 'ready' && prepared.plan.findings.every(({ severity }) => severity === 'warning')
    return isValid && (drift === undefined || !hasFailure(drift)) ? ExitCode.fine : ExitCode.problems
  },
}

function serverOf(text: string): CheckedServer {
  const server = parseServer(text)
  if (server !== undefined) return server
  throw new UsageError(`--dns-server ${JSON.stringify(text)}: expected an address, or an address and a port`)
}

/** @param given the servers of the command line, if any */
async function queryServers({ model, plan }: Ready, given: readonly CheckedServer[]): Promise<DriftReport> {
  const servers = given.length > 0 ? given : serversOf(model, await readResolvConf())
  const ask = createAskServer({ sockets: createSockets({}), clock: systemClock })
  return checkDrift({ model, plan: plan.dns, servers, ask })
}

/** @throws {UsageError} when the file cannot be used */
async function readInstallConfig(path: string | undefined): Promise<Fencing | undefined> {
  if (path === undefined) return undefined
  try {
    return readFencing(await readFile(path, 'utf8'))
  } catch (error) {
    const isSystem = error instanceof Error && 'code' in error
    const reason = isSystem ? fileProblem('read', path, error) : `${path} ${(error as Error).message}`
    throw new UsageError(`--install-config: ${reason}`)
  }
}

/** Adds what HAProxy finds in the configuration that slipway would write. */
async function withHaproxyCheck(prepared: Prepared): Promise<Prepared> {
  if (prepared.kind !== 'ready' || prepared.plan.haproxy === undefined) return prepared
  const { haproxy } = prepared.plan
  const finding = haproxyFinding(await validateConfig(renderHaproxy(haproxy), haproxy))
  const findings = [...prepared.plan.findings, ...(finding === undefined ? [] : [finding])]
  return { ...prepared, plan: { ...prepared.plan, findings } }
}

/** Adds the age of the Ignition files, the state of the kubeconfigs, and the networks of this machine. */
async function withLocalFindings(
  prepared: Prepared,
  now: number,
  fencing: Fencing | undefined,
): Promise<Prepared> {
  if (prepared.kind !== 'ready') return prepared
  const { model, plan } = prepared
  // systemd can bind DHCP to any interface, so all of them count.
  const isAttached = createAttachedNetworks(systemClock, true)
  const more = [
    ...ignitionFindings(plan, now),
    ...agentFindings(model, now),
    ...(fencing === undefined ? [] : fencingFindings(fencing, model)),
    ...(await kubeconfigFindings(model.site.clusters, now)),
    ...detachedSubnets(plan.dhcp, (network) => isAttached(network, formatIpv4(plan.dhcp.server))),
  ]
  return { ...prepared, plan: { ...plan, findings: inOrder([...plan.findings, ...more]) } }
}

async function toTerminal(prepared: Prepared, sitePath: string, terminal: Terminal): Promise<void> {
  // A file or another program gets each fact on one line.
  const fold = (line: string) => (terminal.rows === undefined ? [line] : foldLine(line, terminal.columns))
  if (prepared.kind === 'ready') {
    for (const line of summaryLines(prepared.plan).flatMap(fold)) terminal.out(line)
    if (prepared.plan.findings.length > 0) terminal.err('')
    const positionOf = findingPositions(prepared)
    for (const finding of prepared.plan.findings) {
      const line = findingLine(finding, sitePath, positionOf(finding), terminal)
      for (const each of fold(line)) terminal.err(each)
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
    const [first = '', ...excerpt] = (
      text === undefined ? formatProblem(problem) : showProblem(problem, text)
    ).split('\n')
    for (const line of [...fold(first), ...excerpt]) terminal.err(line)
  }
  terminal.err(pluralize(prepared.problems.length, 'problem'))
}

/** Returns a function that finds the position of a finding in the site file. */
function findingPositions({ model, file }: Ready): (finding: Finding) => Position | undefined {
  const { tree } = readYaml(file.text.replace(/^\ufeff/, ''))
  return (finding) => tree && findingPosition(finding, model.site, tree)
}

function toJson(prepared: Prepared, drift: DriftReport | undefined): object {
  const dns = drift === undefined ? {} : { dns: driftJson(drift) }
  if (prepared.kind === 'ready') return { ...summaryJson(prepared.plan, findingPositions(prepared)), ...dns }
  if (prepared.kind === 'problems') return { problems: prepared.problems }
  return { unreadable: prepared.message, code: prepared.code }
}
