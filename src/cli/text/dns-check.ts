/** The result of `slipway check --dns`, for a terminal and as JSON. Pure. */
import { driftCodes, type DriftCode } from '../../drift/codes.ts'
import type { CheckedServer, DriftReport, Expectation, RecordResult, Severity } from '../../drift/report.ts'
import { formatServer } from '../../drift/servers.ts'
import { listSome, pluralize } from '../../text/format.ts'
import { alignColumns, clip, printable, wrap } from '../../text/lines.ts'
import { paint, type OutputStyle, type Style } from './output.ts'

/** Further problems of one server are only in the JSON. */
const maxProblems = 20
const maxValues = 4
/** A server can send texts of any length. */
const maxLength = 500

const styles: Readonly<Record<Severity, Style>> = { ok: 'green', warning: 'yellow', failure: 'red' }

/** @param sitePath the site file, for the command that prints the records */
export function driftLines(report: DriftReport, sitePath: string, output: OutputStyle): string[] {
  const { servers, records, zones } = report
  const label = (severity: Severity): string => paint(output, styles[severity], `${severity}:`)
  const overview = alignColumns(
    servers.map((server) => {
      const own = counted(records.filter((each) => each.server === server))
      const fine = own.filter(({ severity }) => severity === 'ok').length
      return [
        formatServer(server),
        server.usedBy.join(', '),
        `${fine} of ${pluralize(own.length, 'record')} ok`,
      ]
    }),
  )
  return [
    'Names at each server:',
    '',
    ...servers.flatMap((server, index) => [
      `  ${overview[index] ?? ''}`,
      ...problemsOf(records.filter((each) => each.server === server)).map(
        ({ severity, text }) => `    ${label(severity)} ${clip(printable(text), maxLength)}`,
      ),
    ]),
    ...(zones.length === 0 ? [] : ['', 'Zones:', '']),
    ...zones.map(
      ({ zone, severity, message }) =>
        `  ${label(severity)} ${clip(printable(`${zone}: ${message}`), maxLength)}`,
    ),
    ...adviceLines(report, sitePath, output),
  ]
}

/** Leaves out names that have no record of a type, and should have none. */
function counted(records: readonly RecordResult[]): readonly RecordResult[] {
  return records.filter(({ expectation, found }) => found.length > 0 || expectation.values.length > 0)
}

type Problem = { readonly severity: Severity; readonly text: string }

/** Returns one line for each record with a problem, or for a zone whose records all have the same. */
function problemsOf(results: readonly RecordResult[]): Problem[] {
  const byZone = Map.groupBy(counted(results), ({ expectation }) => expectation.zone)
  const zones = [...byZone].map(([zone, records]) => ({ zone, records, common: commonProblem(records) }))
  // A server that has the same problem with every zone, such as one that does not respond, gets one line.
  const everywhere = zones.length > 1 ? commonProblem(zones.flatMap(({ records }) => records)) : undefined
  if (everywhere !== undefined) {
    return [{ severity: everywhere.severity, text: `all zones: ${problemText(everywhere)}` }]
  }
  const problems = zones.flatMap(({ zone, records, common }): Problem[] => {
    if (common !== undefined && records.length > 1) {
      return [{ severity: common.severity, text: `all of ${zone}: ${problemText(common)}` }]
    }
    return records
      .filter(({ severity }) => severity !== 'ok')
      .map((each) => ({ severity: each.severity, text: `${nameOf(each.expectation)}: ${problemText(each)}` }))
  })
  if (problems.length <= maxProblems) return problems
  const rest = problems.slice(maxProblems)
  const severity = rest.some((each) => each.severity === 'failure') ? 'failure' : 'warning'
  return [
    ...problems.slice(0, maxProblems),
    { severity, text: `${pluralize(rest.length, 'more problem')}; --json prints all` },
  ]
}

/** @returns the first record if all have the same problem, which is not about their data */
function commonProblem(records: readonly RecordResult[]): RecordResult | undefined {
  const [first] = records
  if (first === undefined || !['missing', 'lame', 'unresponsive', 'malformed'].includes(first.status))
    return undefined
  const isSame = ({ status, severity, reason }: RecordResult) =>
    status === first.status && severity === first.severity && reason === first.reason
  return records.every(isSame) ? first : undefined
}

function nameOf({ name, query, type }: Expectation): string {
  return `${name} ${type}${query === name ? '' : ` (queried as ${query})`}`
}

function problemText({ status, found, reason = '', expectation }: RecordResult): string {
  const expected = expectation.values.length === 0 ? 'none' : listSome(expectation.values, maxValues)
  switch (status) {
    case 'different':
    case 'extra':
      return `${listSome(found, maxValues)}; expected ${expected}`
    case 'lame':
      return `not resolved (${reason})`
    case 'malformed':
      return `invalid answer (${reason})`
    default:
      return `${status} (${reason})`
  }
}

function adviceLines({ records, zones }: DriftReport, sitePath: string, output: OutputStyle): string[] {
  const problems = [...records, ...zones].filter(({ severity }) => severity !== 'ok')
  const codes = new Set(problems.flatMap(({ code }): DriftCode[] => (code === undefined ? [] : [code])))
  if (codes.size === 0) return []
  const isData = ({ status }: RecordResult) => ['missing', 'different', 'extra'].includes(status)
  const changed = records.filter(isData)
  const isOwn = ({ usedBy }: CheckedServer) => usedBy.includes('this server')
  const lines = [
    ...[...codes].map((code) => `${driftCodes[code].remedy} (${code}).`),
    ...(changed.some(({ server }) => isOwn(server))
      ? ['This server serves an older or another site file: run slipway reload.']
      : []),
    ...(changed.some(({ server }) => !isOwn(server))
      ? [
          `The records for another server: slipway render --site ${sitePath} zones --format FORMAT, where FORMAT is bind, dnsmasq, infoblox, route53, or external-dns.`,
        ]
      : []),
  ]
  return ['', 'What to do:', '', ...lines.flatMap((line) => bullet(line, output.columns))]
}

function bullet(text: string, columns: number): string[] {
  return wrap(text, Math.max(40, columns - 4)).map((line, index) => `${index === 0 ? '  - ' : '    '}${line}`)
}

/** Returns all results, including those without a problem. */
export function driftJson({ servers, records, zones }: DriftReport): object {
  return {
    servers: servers.map((server) => ({
      server: formatServer(server),
      usedBy: server.usedBy,
      required: server.isRequired,
    })),
    records: records.map(({ server, expectation, status, severity, code, found, reason }) => ({
      server: formatServer(server),
      zone: expectation.zone,
      name: expectation.name,
      query: expectation.query,
      type: expectation.type,
      status,
      severity,
      code,
      expected: expectation.values,
      found,
      reason,
    })),
    zones,
  }
}
