/** An Ignition file that a running cluster gives for its new machines: whether a machine can join that cluster with it. */
import { formatMinute } from '../../plan/ignition/age.ts'
import type { IgnitionDocument } from '../../plan/ignition/document.ts'
import { mergeSources } from '../../plan/ignition/pointer.ts'
import { clusterDomain } from '../../plan/model.ts'
import { formatIp } from '../../proto/address/ip.ts'
import { endpointsOf } from '../../site/endpoints.ts'
import type { Cluster } from '../../site/schema.ts'
import { decodeIgnition } from './decode.ts'

/** `problem`: the rest of a sentence that begins with the file's name. */
export type JudgedGiven = { readonly document: IgnitionDocument } | { readonly problem: string }

/**
 * @param path what it is called
 * @param now milliseconds since 1970
 */
export function checkProvidedFile(
  cluster: Cluster,
  path: string,
  octets: Uint8Array,
  now: number,
): JudgedGiven {
  // What a running cluster writes is of version 3.
  const decoded = decodeIgnition(octets, true)
  if ('problem' in decoded) return decoded
  const sources = mergeSources(JSON.parse(Buffer.from(octets).toString('utf8')))
  if (sources.length === 0) return { problem: 'leads to no configuration' }
  const stray = sources.find((source) => !leadsTo(cluster, source))
  if (stray !== undefined) {
    const expected = `https://api-int.${clusterDomain(cluster)}:22623/config/…`
    return { problem: `leads to ${JSON.stringify(stray.slice(0, 100))}, expected ${expected}` }
  }
  const { certificates, contents } = decoded
  const end = Math.max(...certificates.map(({ notAfter }) => notAfter))
  if (certificates.length > 0 && end <= now) {
    return { problem: `trusts an authority that ended at ${formatMinute(end)}` }
  }
  return { document: { path, octets, certificates, ...contents } }
}

/** By the name or by an address of its API: where the machine configuration server is reached. */
function leadsTo(cluster: Cluster, source: string): boolean {
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
