/** Model in, plan out: pure and deterministic, so that a golden file can hold a whole plan. */
import { compileDhcp } from './dhcp/compile.ts'
import { compileDns } from './dns/compile.ts'
import { compileHaproxy } from './haproxy/compile.ts'
import { compileHttp } from './http.ts'
import { inOrder } from './findings.ts'
import type { Model } from './model.ts'
import type { Plan } from './plan.ts'
import { compileTftp } from './tftp.ts'

/** @param previous what was served until now, so that what changed can be told from it */
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
    dns: dns.plan,
    haproxy: haproxy.plan,
    findings: inOrder(findings),
  }
}
