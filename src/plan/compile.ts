/**
 * The plan: the answers of all services, compiled from one site, immutable, and replaced as a whole. Compiling is pure and
 * deterministic, so that golden files can contain whole plans. It has steps, because a reload of a large site must not delay
 * answers: no step takes more than some tens of milliseconds for 5,000 nodes.
 */
import { clusterFindings } from './cluster-findings.ts'
import { compileDhcp } from './dhcp/compile.ts'
import { dnsSteps } from './dns/compile.ts'
import { compileHaproxy } from './haproxy/compile.ts'
import { httpSteps } from './http/compile.ts'
import { inOrder, type Finding } from '../text/codes.ts'
import { compileInstall, type InstallPlan } from './install.ts'
import type { Model, Endpoint, NodeModel } from './model.ts'
import { runSteps } from './steps.ts'
import { compileTftp, type TftpPlan } from './tftp.ts'
import type { DhcpPlan } from './dhcp/plan.ts'
import type { DnsPlan } from './dns/plan.ts'
import type { HaproxyPlan } from './haproxy/plan.ts'
import type { HttpPlan } from './http/plan.ts'

/** @param previous the plan that is served now; zones that did not change keep their serials */
export function compile(model: Model, previous?: Plan): Plan {
  return runSteps(compileSteps(model, previous))
}

/** Compiles as {@link compile} does, with a pause after each step. */
export function* compileSteps(model: Model, previous?: Plan): Generator<void, Plan> {
  const dhcp = compileDhcp(model)
  yield
  const tftp = compileTftp(model)
  const http = yield* httpSteps(model)
  yield
  const dns = yield* dnsSteps(model, previous?.dns)
  yield
  const haproxy = compileHaproxy(model)
  yield
  const install = compileInstall(model)
  const findings = [
    ...clusterFindings(model),
    ...[dhcp, tftp, http, dns, haproxy].flatMap((part) => part.findings),
  ]
  return {
    site: model.site.site,
    endpoint: model.endpoint,
    nodes: model.nodes,
    dhcp: dhcp.plan,
    tftp: tftp.plan,
    http: http.plan,
    install,
    dns: dns.plan,
    haproxy: haproxy.plan,
    findings: inOrder(findings),
  }
}

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
