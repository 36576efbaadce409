/** The plan: the answers of all services, compiled from one site. It is immutable and replaced as a whole. */
import type { DhcpPlan } from './dhcp/plan.ts'
import type { DnsPlan } from './dns/plan.ts'
import type { Finding } from './findings.ts'
import type { HaproxyPlan } from './haproxy/plan.ts'
import type { HttpPlan } from './http/plan.ts'
import type { InstallPlan } from './install.ts'
import type { Endpoint, NodeModel } from './model.ts'
import type { TftpPlan } from './tftp.ts'

export type Plan = {
  /** The site's name. */
  readonly site: string
  readonly endpoint: Endpoint
  readonly nodes: readonly NodeModel[]
  readonly dhcp: DhcpPlan
  readonly tftp: TftpPlan
  readonly http: HttpPlan
  readonly install: InstallPlan
  /** Absent if another server provides DNS (`dns.serve: false`). */
  readonly dns: DnsPlan | undefined
  /** Absent if the site has no section `haproxy`. */
  readonly haproxy: HaproxyPlan | undefined
  /** Errors first, then warnings. */
  readonly findings: readonly Finding[]
}
