/** The API on the network: where it listens, the names that it answers to, and the users that it accepts. Pure. */
import { formatIp, formatIpv4 } from '../proto/address/ip.ts'
import type { Site } from '../site/schema.ts'

type Section = NonNullable<Site['api']>

/** What a user may do; each scope includes those before it. */
export type Scope = Section['clients'][number]['scope']

export type ApiPlan = {
  readonly address: string
  readonly port: number
  /** Names and addresses that a URL can have: those of this machine, and the declared ones. */
  readonly names: readonly string[]
  /** Files of the certificate and its key; absent if slipway generates them. */
  readonly files?: { readonly certificate: string; readonly key: string }
  /** Client certificates: the file with their CA, and their scopes by the names in them. */
  readonly clients?: { readonly ca: string; readonly scopes: ReadonlyMap<string, Scope> }
  readonly proxy?: ProxyPlan
}

/** A reverse proxy that authenticates users. */
export type ProxyPlan = {
  /** Addresses of the proxy. */
  readonly from: ReadonlySet<string>
  /** Path of a Unix socket for it. */
  readonly socket?: string
  /** In lower case. */
  readonly header: string
  readonly scopes: ReadonlyMap<string, Scope>
}

/** @returns nothing without a section `api` */
export function compileApi({ api, server }: Pick<Site, 'api' | 'server'>): ApiPlan | undefined {
  if (api === undefined) return undefined
  const { certificate, key, clientCA, clients, proxy } = api
  const address = formatIp(api.address)
  const own = [address, formatIpv4(server.address), ...(server.address6 ? [formatIp(server.address6)] : [])]
  return {
    address,
    port: api.port,
    names: [...new Set([...api.names, ...own, 'localhost', '127.0.0.1', '::1'])],
    ...(certificate !== undefined && key !== undefined && { files: { certificate, key } }),
    ...(clientCA !== undefined && { clients: { ca: clientCA, scopes: scopesOf(clients) } }),
    ...(proxy !== undefined && { proxy: compileProxy(proxy) }),
  }
}

function compileProxy({ from, socket, header, users }: NonNullable<Section['proxy']>): ProxyPlan {
  return {
    from: new Set(from.map(formatIp)),
    ...(socket !== undefined && { socket }),
    header,
    scopes: scopesOf(users),
  }
}

function scopesOf(users: Section['clients']): ReadonlyMap<string, Scope> {
  return new Map(users.map(({ name, scope }) => [name, scope]))
}
