/** Pending certificate signing requests: each with its full reason below. Pure. */
import type { PendingCsr, PendingCsrs } from '../../cluster/csr/approver.ts'
import { formatDuration } from '../../text/format.ts'
import { wrap, clip } from '../../text/lines.ts'
import { paint, type OutputStyle } from './output.ts'
import { printable } from '../../text/printable.ts'

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
