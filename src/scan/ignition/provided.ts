/** Checks an Ignition file that a running cluster provides: whether a new machine can join the cluster with it. */
import { formatMinute } from '../../plan/ignition/age.ts'
import type { IgnitionDocument } from '../../plan/ignition/document.ts'
import { mergeSources } from '../../plan/ignition/pointer.ts'
import { clusterDomain } from '../../plan/model.ts'
import { formatIp } from '../../proto/address/ip.ts'
import { endpointsOf } from '../../site/endpoints.ts'
import type { Cluster } from '../../site/schema.ts'
import { decodeIgnition } from './decode.ts'

/** `problem` is the rest of a sentence that starts with the name of the file. */
export type ProvidedFileCheck = { readonly document: IgnitionDocument } | { readonly problem: string }

/**
 * @param path name of the file
 * @param now milliseconds since 1970
 */
export function checkProvidedFile(
  cluster: Cluster,
  path: string,
  octets: Uint8Array,
  now: number,
): ProvidedFileCheck {
  // A running cluster writes version 3.
  const decoded = decodeIgnition(octets, true)
  if ('problem' in decoded) return decoded
  const sources = mergeSources(JSON.parse(Buffer.from(octets).toString('utf8')))
  if (sources.length === 0) return { problem: 'does not point to a configuration' }
  const unexpected = sources.find((source) => !isConfigUrl(cluster, source))
  if (unexpected !== undefined) {
    const expected = `https://api-int.${clusterDomain(cluster)}:22623/config/…`
    return { problem: `points to ${JSON.stringify(unexpected.slice(0, 100))}, expected ${expected}` }
  }
  const { certificates, contents } = decoded
  const end = Math.max(...certificates.map(({ notAfter }) => notAfter))
  if (certificates.length > 0 && end <= now) {
    return { problem: `trusts only a certificate authority that expired at ${formatMinute(end)}` }
  }
  return { document: { path, octets, certificates, ...contents } }
}

/** Reports whether a URL is that of the machine configuration server, by the name or an address of the API. */
function isConfigUrl(cluster: Cluster, source: string): boolean {
  if (!URL.canParse(source)) return false
  const { protocol, hostname, port, pathname } = new URL(source)
  const { api, apiInternal } = endpointsOf(cluster)
  const hosts = [`api-int.${clusterDomain(cluster)}`, ...[...apiInternal, ...api].map(formatIp)]
  return (
    protocol === 'https:' &&
    port === '22623' &&
    hosts.includes(hostname.replace(/^\[(.*)\]$/, '$1')) &&
    /^\/config\/[\w.-]+$/.test(pathname)
  )
}
