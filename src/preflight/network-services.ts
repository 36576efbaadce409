/** Other servers that the site depends on, or that must not answer: DHCP servers, resolvers, and registries. */
import { formatServer, serversOf } from '../drift/servers.ts'
import { pluralize } from '../text/format.ts'
import { formatCidr, formatIpv4 } from '../proto/address/ip.ts'
import { failure, ok, warning, type Check, type Finding } from './check.ts'
import { interfaceOf } from './machine.ts'

export const dhcpCheck: Check = {
  name: 'dhcp',
  async run(context) {
    const { model, plan, probes } = context
    const own = new Set([plan.dhcp.server, ...plan.dhcp.peers].map(formatIpv4))
    const findings: Finding[] = []
    // One after the other: all probes use the same port.
    for (const { cidr, dhcp, otherDhcpServers } of model.site.subnets) {
      const attached = interfaceOf(context, cidr)
      if (attached === undefined) continue
      const where = `${formatCidr(cidr)} (${attached.name})`
      const found = await probes.offers({ source: attached.address, ...plan.dhcp })
      if ('problem' in found) {
        findings.push(warning('preflight.not-checked', `${where} was not probed: ${found.problem}`))
        continue
      }
      const others = found.servers.filter((server) => !own.has(server))
      if (dhcp === 'proxy' && others.length === 0) {
        findings.push(warning('preflight.no-dhcp-server', `no DHCP server offers addresses on ${where}`))
      } else if (dhcp === 'full' && others.length > 0) {
        const text = `another DHCP server (${others.join(', ')}) offers addresses on ${where}`
        const isAllowed = otherDhcpServers === 'allow'
        findings.push(
          isAllowed
            ? ok(`${text}, which the site allows`)
            : failure('preflight.other-dhcp-server', `${text}, so slipway does not lease there`),
        )
      } else
        findings.push(
          ok(
            others.length === 0
              ? `no other DHCP server on ${where}`
              : `${others.join(', ')} leases addresses on ${where}`,
          ),
        )
    }
    return findings.length > 0 ? findings : [ok('no subnet is attached to this machine: nothing was probed')]
  },
}

export const resolverCheck: Check = {
  name: 'resolvers',
  async run({ plan, probes }) {
    const resolvers = plan.dns?.resolvers ?? []
    if (resolvers.length === 0) return [ok('the site has no resolvers')]
    const findings = await Promise.all(
      resolvers.map(async ({ address, port }) => {
        const problem = await probes.resolverProblem(address, port)
        if (problem === undefined) return ok(`${address} answers`)
        return failure('preflight.resolver-unreachable', `resolver ${address}: ${problem}`)
      }),
    )
    // A site works with one resolver; without any, its nodes cannot pull images.
    const isAnyAnswering = findings.some(({ status }) => status === 'ok')
    return findings.map((finding) =>
      isAnyAnswering && finding.status === 'failure' ? { ...finding, status: 'warning' } : finding,
    )
  },
}

/** The details, with every record, are in the output of `slipway check --dns`. */
export const namesCheck: Check = {
  name: 'dns',
  async run({ model, plan, probes, isServing }) {
    const own = formatIpv4(plan.endpoint.address)
    const servers = serversOf(model, await probes.resolvConf()).filter(
      ({ address, isRequired }) => isRequired && (isServing || address !== own),
    )
    if (servers.length === 0) return [ok('the nodes use only this name server')]
    const { records, zones } = await probes.compareNames(model, plan, servers)
    const wrong = (status: 'failure' | 'warning') => zones.filter(({ severity }) => severity === status)
    return [
      ...servers.map((server) => {
        const own = records.filter(
          (record) => record.server === server && record.expectation.values.length > 0,
        )
        const failed = own.filter(({ severity }) => severity === 'failure')
        const text = `${formatServer(server)} has ${own.length - failed.length} of ${pluralize(own.length, 'record')} of the site`
        return failed.length === 0 ? ok(text) : failure('preflight.names-differ', text)
      }),
      ...wrong('failure').map(({ zone, message }) =>
        failure('preflight.names-differ', `${zone}: ${message}`),
      ),
      ...wrong('warning').map(({ zone, message }) =>
        warning('preflight.names-differ', `${zone}: ${message}`),
      ),
    ]
  },
}

export const registryCheck: Check = {
  name: 'registry',
  async run({ registries, probes }) {
    return Promise.all(
      registries.map(async (registry) => {
        const answer = await probes.httpStatus(`https://${registry}/v2/`)
        // 401: the registry wants a token, so it is there (OCI distribution specification).
        if (answer.status === 200 || answer.status === 401) return ok(`${registry} answers`)
        const problem = answer.problem ?? `${registry}: status ${answer.status}`
        return warning('preflight.registry-unreachable', problem)
      }),
    )
  },
}
