/**
 * What serving does about HAProxy: one file, what reloads it, and who stands where in it. Data; the text
 * is rendered (render.ts) with whatever nodes are taken out at the moment.
 */
import type { CheckPreset } from '../../site/schema.ts'
import type { LoadBalancedService } from './front-end.ts'

export type HaproxyPlan = {
  /** The site's name. */
  readonly site: string
  /** Where the configuration is written. */
  readonly file: string
  /** What HAProxy is started with, in order, when the file is only a part of it; else nothing. */
  readonly with: readonly string[]
  readonly reload: Reload | undefined
  /** HAProxy's stats socket. */
  readonly socket: string
  /** Where HAProxy says on 127.0.0.1 that it runs. With it, its addresses may be another machine's for now. */
  readonly healthPort: number | undefined
  readonly frontends: readonly Frontend[]
  readonly backends: readonly Backend[]
}

/** The site's command, a line for a shell, or the socket of HAProxy's master process. */
export type Reload =
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'master'; readonly socket: string }

export type Frontend = {
  readonly name: string
  readonly service: LoadBalancedService
  /** `172.16.0.111:6443`, `[2001:db8::1]:6443` */
  readonly binds: readonly string[]
  /** One, or one for each of the clusters that share the addresses. */
  readonly routes: readonly Route[]
}

export type Route = {
  readonly backend: string
  /** What clients call it by; `*.` stands for any names below. */
  readonly names: readonly string[]
}

export type Backend = {
  readonly name: string
  readonly service: LoadBalancedService
  readonly checks: CheckPreset
  readonly servers: readonly BackendServer[]
}

export type BackendServer = {
  /** The node's key, `ocp45/m1`. */
  readonly node: string
  readonly name: string
  /** `172.16.0.21:6443` */
  readonly endpoint: string
  /** Gets connections only while none of the others is up. */
  readonly isBackup: boolean
  /** The site says that it gets none. */
  readonly isOut: boolean
}
