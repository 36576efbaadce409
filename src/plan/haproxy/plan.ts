/**
 * The plan of HAProxy: its file, how to reload it, front ends, and back ends. render.ts renders the text with the nodes
 * that are drained at that time.
 */
import type { CheckPreset } from '../../site/schema.ts'
import type { LoadBalancedService } from './front-end.ts'

export type HaproxyPlan = {
  /** The site's name. */
  readonly site: string
  /** The path of the configuration. */
  readonly file: string
  /** All files of HAProxy in order, when `file` is only a part of its configuration; else empty. */
  readonly with: readonly string[]
  readonly reload: Reload | undefined
  /** The stats socket of HAProxy. */
  readonly socket: string
  /** The port on 127.0.0.1 that shows that HAProxy runs. With it, another machine may hold the addresses. */
  readonly healthPort: number | undefined
  readonly frontends: readonly Frontend[]
  readonly backends: readonly Backend[]
}

/** A shell command, or the socket of HAProxy's master process. */
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
  /** The names that clients use; `*.` matches all names below. */
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
  /** Gets connections only while no other server is up. */
  readonly isBackup: boolean
  /** Disabled by the site file. */
  readonly isOut: boolean
}
