/** `slipway csr list`: certificate signing requests that slipway leaves pending, each with its full reason. */
import { parseArgs } from 'node:util'
import type { PendingCsrs, PendingCsr } from '../../cluster/csr/approver.ts'
import { ExitCode, UsageError, type Command } from '../command.ts'
import { toResult, askControl } from '../client.ts'
import { controlOptions, controlPath, controlRow, jsonRow } from '../target.ts'
import { formatDuration } from '../../text/format.ts'
import { wrap, clip, printable } from '../../text/lines.ts'
import { paint, type OutputStyle } from '../text/output.ts'

export const csr: Command = {
  name: 'csr',
  help: {
    usage: ['csr [list] [--json] [--control PATH]'],
    about: [
      'Lists pending certificate signing requests and why slipway does not approve them.',
      'Queries the running slipway for every cluster with "approve: declared" or "approve: dry-run", oldest request first. ' +
        'Approve one by hand with "oc adm certificate approve NAME".',
    ],
    options: [controlRow, jsonRow],
    exit: [
      ['0', 'success'],
      ['1', 'slipway is not running, or refused the request'],
      ['2', 'invalid command line'],
    ],
    isPaged: true,
    examples: ['csr list', 'csr list --json'],
  },

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: controlOptions,
    })
    if (positionals.length > 1 || (positionals[0] ?? 'list') !== 'list')
      throw new UsageError('expected: list')
    return toResult(terminal, async () => {
      const clusters = await askControl<PendingCsrs[]>(controlPath(values.control), '/v1/csrs')
      if (values.json) terminal.out(JSON.stringify(clusters, undefined, 2))
      else for (const line of csrLines(clusters, Date.now(), terminal)) terminal.out(line)
      return ExitCode.fine
    })
  },
}

/** @param now milliseconds since 1970, like the times of the requests */
export function csrLines(clusters: readonly PendingCsrs[], now: number, output: OutputStyle): string[] {
  if (clusters.length === 0)
    return ['slipway does not approve certificate requests of any cluster (key "approve")']
  return clusters.flatMap((cluster, index) => [
    ...(index === 0 ? [] : ['']),
    paint(output, 'bold', headline(cluster)),
    ...(cluster.trouble === undefined ? [] : indented(`! ${cluster.trouble}`, output)),
    ...cluster.requests.flatMap((request) => [
      clip(`  ${requestText(request, now)}`, Math.max(output.columns, 60)),
      ...indented(request.reason, output),
    ]),
  ])
}

function headline({ cluster, approve, approved, requests }: PendingCsrs): string {
  const mode = approve === 'dry-run' ? 'dry run' : `${approved} approved`
  return `${cluster}: ${requests.length === 0 ? 'none' : requests.length} pending, ${mode}`
}

/** Omits the group of the signer, which is the same for all requests. */
function requestText({ name, createdAt, signer, username }: PendingCsr, now: number): string {
  const age = createdAt === 0 ? 'at an unknown time' : `${formatDuration(Math.max(0, now - createdAt))} ago`
  return printable(`${name}  ${signer.replace(/^kubernetes\.io\//, '')}  ${username}  ${age}`)
}

function indented(text: string, output: OutputStyle): string[] {
  return wrap(printable(text), Math.max(20, output.columns - 4)).map((line) => `    ${line}`)
}
