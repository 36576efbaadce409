/** Compiles a model to a plan. Pure and deterministic, so that golden files can contain whole plans. */
import { compileDhcp } from './dhcp/compile.ts'
import { compileDns } from './dns/compile.ts'
import { compileHaproxy } from './haproxy/compile.ts'
import { compileHttp } from './http/compile.ts'
import { inOrder } from './findings.ts'
import { compileInstall } from './install.ts'
import type { Model } from './model.ts'
import type { Plan } from './plan.ts'
import { compileTftp } from './tftp.ts'

/** @param previous the plan that is served now; zones that did not change keep their serials */
export function compile(model: Model, previous?: Plan): Plan {
  const dhcp = compileDhcp(model)
  const tftp = compileTftp(model)
  const http = compileHttp(model)
  const dns = compileDns(model, previous?.dns)
  const haproxy = compileHaproxy(model)
  const findings = [dhcp, tftp, http, dns, haproxy].flatMap((slice) => slice.findings)
  return {
    site: model.site.site,
    endpoint: model.endpoint,
    nodes: model.nodes,
    dhcp: dhcp.plan,
    tftp: tftp.plan,
    http: http.plan,
    install: compileInstall(model),
    dns: dns.plan,
    haproxy: haproxy.plan,
    findings: inOrder(findings),
  }
}
