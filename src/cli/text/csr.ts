/** Certificate requests that are left pending, for a terminal: each with the whole reason below it. Pure. */
import type { PendingCsr, PendingCsrs } from '../../cluster/csr/approver.ts'
import { formatDuration } from '../../text/duration.ts'
import { wrap } from '../../text/wrap.ts'
import { paint, type OutputStyle } from './output.ts'
import { clip } from '../../text/clip.ts'
import { printable } from '../../text/printable.ts'

/** @param now milliseconds since 1970, as the requests' times */
export function csrLines(clusters: readonly PendingCsrs[], now: number, paper: OutputStyle): string[] {
  if (clusters.length === 0) return ['no cluster of the site has its certificate requests approved (approve)']
  return clusters.flatMap((cluster, index) => [
    ...(index === 0 ? [] : ['']),
    paint(paper, 'bold', headline(cluster)),
    ...(cluster.trouble === undefined ? [] : indented(`! ${cluster.trouble}`, paper)),
    ...cluster.requests.flatMap((request) => [
      clip(`  ${requestText(request, now)}`, Math.max(paper.columns, 60)),
      ...indented(request.reason, paper),
    ]),
  ])
}

function headline({ cluster, approve, approved, requests }: PendingCsrs): string {
  const mode = approve === 'dry-run' ? 'dry run' : `${approved} approved`
  return `${cluster}: ${requests.length === 0 ? 'none' : requests.length} pending, ${mode}`
}

/** The signer's group is the same for all that a cluster knows. */
function requestText({ name, createdAt, signer, username }: PendingCsr, now: number): string {
  const age = createdAt === 0 ? 'of an unknown time' : `${formatDuration(Math.max(0, now - createdAt))} ago`
  return printable(`${name}  ${signer.replace(/^kubernetes\.io\//, '')}  ${username}  ${age}`)
}

function indented(text: string, paper: OutputStyle): string[] {
  return wrap(printable(text), Math.max(20, paper.columns - 4)).map((line) => `    ${line}`)
}
