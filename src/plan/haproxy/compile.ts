/** From the model to haproxy.cfg, and what its operator should know before HAProxy says it less clearly. */
import type { Finding } from '../findings.ts'
import type { Model } from '../model.ts'
import { formatEndpoint, frontEnds, servicePorts, type FrontEnd } from './front-end.ts'
import type { HaproxyPlan } from './plan.ts'
import { renderHaproxy } from './render.ts'

/** @returns no plan when the site has no `haproxy` section, or when nothing in it needs balancing */
export function compileHaproxy(model: Model): {
  plan: HaproxyPlan | undefined
  findings: readonly Finding[]
} {
  const { site, nodes } = model
  if (site.haproxy === undefined) return { plan: undefined, findings: [] }
  const all = site.clusters.flatMap((cluster) => frontEnds(cluster, nodes))
  if (all.length === 0) {
    // HAProxy refuses to start without a front end.
    const message = 'no cluster has an address to balance, so no file is written; remove the section'
    return { plan: undefined, findings: [{ severity: 'warning', about: 'haproxy', message }] }
  }
  const { file, reload } = site.haproxy
  const text = renderHaproxy(site.site, all, site.clusters.length > 1)
  return { plan: { file, reload, text }, findings: [...nobodyBehind(model), ...takenTwice(model, all)] }
}

function nobodyBehind({ site, nodes }: Model): Finding[] {
  return site.clusters.flatMap(({ name }): Finding[] => {
    const hasControlPlane = nodes.some(
      ({ cluster, role }) => cluster === name && ['bootstrap', 'master', 'single'].includes(role),
    )
    const message = 'neither a bootstrap nor a master node is declared: no front ends on 6443 and 22623'
    return hasControlPlane ? [] : [{ severity: 'warning', about: `haproxy, ${name}`, message }]
  })
}

/** HAProxy would refuse to start, or take the port from this server. */
function takenTwice({ endpoint }: Model, all: readonly FrontEnd[]): Finding[] {
  const holders = new Map([
    [formatEndpoint(endpoint.address, endpoint.ports.http), "this server's HTTP"],
    [formatEndpoint(endpoint.address, endpoint.ports.dns), "this server's DNS"],
  ])
  const findings: Finding[] = []
  for (const { cluster, service, addresses } of all) {
    for (const address of addresses) {
      const wanted = formatEndpoint(address, servicePorts[service])
      const holder = holders.get(wanted)
      if (holder !== undefined) {
        const remedy = 'give the load balancer an address of its own'
        const message = `${service} wants ${wanted}, which is ${holder}: ${remedy}`
        findings.push({ severity: 'error', about: `haproxy, ${cluster}`, message })
      }
      holders.set(wanted, `${service} of ${cluster}`)
    }
  }
  return findings
}
