/**
 * The plan: the answers of all services, compiled from one site, immutable, and replaced as a whole. Compiling is pure and
 * deterministic, so that golden files can contain whole plans. It has steps, because a reload of a large site must not delay
 * answers: no step takes more than a few tens of milliseconds for 5,000 nodes.
 */
import { masterCount } from '../site/declared.ts'
import type { Cluster } from '../site/schema.ts'
import { defined } from '../text/defined.ts'
import { inOrder, type Finding } from '../text/codes.ts'
import { listSome } from '../text/format.ts'
import { compileApi, type ApiPlan } from './api.ts'
import { compileBmcs, type BmcPlans } from './bmc.ts'
import type { PlanFinding } from './codes.ts'
import { dhcpSteps } from './dhcp/compile.ts'
import type { DhcpPlan } from './dhcp/plan.ts'
import { dnsSteps } from './dns/compile.ts'
import type { DnsPlan } from './dns/plan.ts'
import { compileDhcpv6 } from './dhcpv6/compile.ts'
import type { Dhcpv6Plan } from './dhcpv6/plan.ts'
import { compileHaproxy } from './haproxy/compile.ts'
import type { HaproxyPlan } from './haproxy/plan.ts'
import { compileHooks, type HookPlan } from './hooks.ts'
import { httpSteps } from './http/compile.ts'
import type { HttpPlan } from './http/plan.ts'
import { installSteps, type InstallPlan } from './install.ts'
import type { Endpoint, Model, MemberModel, NodeModel } from './model.ts'
import { networkFindings } from './network/findings.ts'
import { runSteps } from './steps.ts'
import { compileSyslog, type SyslogPlan } from './syslog.ts'
import { compileTftp, type TftpPlan } from './tftp.ts'

/** @param previous the plan that is served now; zones that did not change keep their serials */
export function compile(model: Model, previous?: Plan): Plan {
  return runSteps(compileSteps(model, previous))
}

/** Compiles as {@link compile} does, with a pause after each step. */
export function* compileSteps(model: Model, previous?: Plan): Generator<void, Plan> {
  const dhcp = yield* dhcpSteps(model)
  yield
  const tftp = compileTftp(model)
  const http = yield* httpSteps(model)
  yield
  const dns = yield* dnsSteps(model, previous?.dns)
  yield
  const haproxy = compileHaproxy(model)
  yield
  const install = yield* installSteps(model)
  const bmcs = compileBmcs(model)
  const findings = [
    ...clusterFindings(model, bmcs),
    ...networkFindings(model),
    ...[dhcp, tftp, http, dns, haproxy].flatMap((part) => part.findings),
  ]
  return {
    site: model.site.site,
    endpoint: model.endpoint,
    nodes: model.nodes,
    members: model.members,
    dhcp: dhcp.plan,
    ...defined({ dhcpv6: compileDhcpv6(model) }),
    tftp: tftp.plan,
    http: http.plan,
    install,
    dns: dns.plan,
    haproxy: haproxy.plan,
    api: compileApi(model.site),
    hooks: compileHooks(model.site),
    ...defined({ syslog: compileSyslog(model) }),
    bmcs,
    findings: inOrder(findings),
  }
}

export type Plan = {
  /** The site's name. */
  readonly site: string
  readonly endpoint: Endpoint
  readonly nodes: readonly NodeModel[]
  /** All declared nodes, including those that slipway does not boot. */
  readonly members: readonly MemberModel[]
  readonly dhcp: DhcpPlan
  /** Absent without `subnets6`. */
  readonly dhcpv6?: Dhcpv6Plan
  readonly tftp: TftpPlan
  readonly http: HttpPlan
  readonly install: InstallPlan
  /** Absent if another server provides DNS (`dns.serve: false`). */
  readonly dns: DnsPlan | undefined
  /** Absent if the site has no section `haproxy`. */
  readonly haproxy: HaproxyPlan | undefined
  /** Absent if the site has no section `api`. */
  readonly api: ApiPlan | undefined
  /** In the order of the site file. */
  readonly hooks: readonly HookPlan[]
  /** Absent if the site has no section `syslog`. */
  readonly syslog?: SyslogPlan
  readonly bmcs: BmcPlans
  /** Errors first, then warnings. */
  readonly findings: readonly Finding[]
}

/** Reports what is probably not intended in a cluster: its number of control-plane nodes, and its domain. */
export function clusterFindings({ site }: Pick<Model, 'site'>, bmcs: BmcPlans): PlanFinding[] {
  return site.clusters.flatMap((cluster) => [...controlPlaneSize(cluster, bmcs), ...repeatedName(cluster)])
}

/**
 * etcd needs a majority, so a second member reduces the availability. Two masters need an arbiter, or fencing: each switches
 * the other one off through its BMC, by Redfish (openshift-install, `controlPlane.fencing`). Such a cluster has no workers.
 */
function controlPlaneSize(cluster: Cluster, bmcs: BmcPlans): PlanFinding[] {
  const { nodes } = cluster
  if (masterCount(cluster) !== 2 || nodes.some(({ role }) => role === 'arbiter')) return []
  const masters = nodes.filter(({ role }) => role === 'master')
  const withoutRedfish = masters
    .map(({ name }) => name)
    .filter((name) => bmcs.get(`${cluster.name}/${name}`)?.protocol !== 'redfish')
  if (withoutRedfish.length === masters.length) {
    const message =
      'it has 2 control-plane nodes, and OpenShift needs 1 or 3, or 2 with an arbiter or fencing: add a node with the role master or arbiter, set bmc for both masters if they use fencing, or remove one'
    return [finding('cluster.control-plane-size', cluster, message)]
  }
  const workers = nodes.filter(({ role }) => role === 'worker' || role === 'infra')
  const messages = [
    ...withoutRedfish.map((name) => `fencing needs the BMC of both masters, by Redfish: set bmc for ${name}`),
    ...(workers.length === 0
      ? []
      : [
          `a cluster of two masters with fencing has no workers: remove ${listSome(
            workers.map(({ name }) => name),
            3,
          )}`,
        ]),
  ]
  return messages.map((message) => finding('cluster.fencing-incomplete', cluster, message))
}

function repeatedName(cluster: Cluster): PlanFinding[] {
  const { name, domain } = cluster
  if (!`${domain}.`.startsWith(`${name}.`)) return []
  const message = `domain repeats the name of the cluster, so the API is api.${name}.${domain}: remove ${name}. from domain if the API should be api.${domain}`
  return [finding('cluster.domain-repeats-name', cluster, message)]
}

function finding(code: PlanFinding['code'], { name }: Cluster, message: string): PlanFinding {
  return { code, severity: 'warning', about: `cluster ${name}`, message }
}
