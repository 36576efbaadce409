/** HTTPS for everything that contains secrets: where it listens, its certificate, and its URLs (docs/decisions/0054). Pure. */
import { formatIpv4, formatIp } from '../proto/address/ip.ts'
import { httpsPort } from '../site/declared.ts'
import type { TlsSection } from '../site/tls-section.ts'
import type { InstallRole } from './facts.ts'
import { absoluteUrl, urlPaths } from './urls.ts'
import { httpBase, type Endpoint, type NodeModel } from './model.ts'

export type TlsPlan = {
  readonly port: number
  /** Addresses that the certificate must contain, because the URLs do. */
  readonly addresses: readonly string[]
  /** Files of the certificate; absent if slipway generates a CA. */
  readonly files?: CertificateFiles
}

/** `ca`: the file with the CA certificates that nodes trust; by default the last certificate of `certificate`. */
export type CertificateFiles = {
  readonly certificate: string
  readonly key: string
  readonly ca?: string
}

/** @returns nothing without `server.tls` */
export function compileTls({ address, address6, ports, tls }: Endpoint): TlsPlan | undefined {
  if (tls === undefined) return undefined
  const addresses = [formatIpv4(address), ...(address6 === undefined ? [] : [formatIp(address6)])]
  const files = filesOf(tls)
  return { port: httpsPort({ ports }), addresses, ...(files && { files }) }
}

function filesOf({ ca, certificate, key }: TlsSection): CertificateFiles | undefined {
  if (certificate === undefined || key === undefined) return undefined
  return { certificate, key, ...(ca !== undefined && { ca }) }
}

type Client = Pick<NodeModel, 'bootsOverIpv6'>

/** Returns the URL of a path that contains secrets: over HTTPS if the site has it. */
export function secretUrl(endpoint: Endpoint, path: string, node?: Client): string {
  return (endpoint.tls === undefined ? httpBase(endpoint, node) : httpsBase(endpoint, node)) + path
}

/** Returns the URL that a boot script without HTTPS names for the Ignition file of a role. */
export function ignitionUrlOf(endpoint: Endpoint, node: NodeModel, role: InstallRole): string {
  // A single node starts with a file that contains the CA and the URL of the one of its role.
  return role === 'single' && endpoint.tls !== undefined
    ? absoluteUrl(endpoint, urlPaths.secureLiveIgnition(node, role), node)
    : secretUrl(endpoint, urlPaths.ignition(node, role), node)
}

/** Returns `https://172.16.0.101:8444`, with the port if it is not 443. */
export function httpsBase(endpoint: Endpoint, node?: Client): string {
  const url = new URL(httpBase(endpoint, node))
  const port = httpsPort(endpoint)
  return `https://${url.hostname}${port === 443 ? '' : `:${port}`}`
}
