/** Compiles the plan of the name server: zones from the model, prepared answers from the zones. */
import { formatIp, formatIpv4, type Cidr } from '../../proto/address/ip.ts'
import { forwardZoneNames } from '../../site/zones.ts'
import type { PlanFinding } from '../findings.ts'
import type { Model } from '../model.ts'
import { nameFindings } from './findings.ts'
import { compileForwarding, localZones } from './local-zones.ts'
import { declaredNames, isValidZoneName } from './names.ts'
import type { DnsPlan, Zone } from './plan.ts'
import { compileNames } from './responses.ts'
import { reverseNames, reverseZoneNames } from './reverse.ts'
import { runSteps } from '../steps.ts'
import { withSerial } from './serial.ts'
import { buildZones } from './zones.ts'

/**
 * @param previous the plan served until now: the serial of a changed zone rises above its serial there
 * @returns no plan when another server serves the names (`dns.serve: false`)
 */
export function compileDns(model: Model, previous?: DnsPlan): Compiled {
  return runSteps(dnsSteps(model, previous))
}

type Compiled = { readonly plan: DnsPlan | undefined; readonly findings: readonly PlanFinding[] }

export function* dnsSteps(model: Model, previous?: DnsPlan): Generator<void, Compiled> {
  const { site, endpoint } = model
  if (!site.dns.serve) return { plan: undefined, findings: [] }

  const names = declaredNames(model)
  const reversed = reverseNames(model)
  const forward = forwardZoneNames(site)
  const reverse = reverseZoneNames(model, reversed)
  yield
  const built = buildZones(model, { forward: forward.filter(isValidZoneName), reverse }, names, reversed)
  yield
  const zones = built.map((zone) => withSerial(zone, model.serial, zoneOf(previous, zone.name)))
  const own = new Set(zones.map((zone) => zone.name))
  const all = [...zones, ...localZones.filter((zone) => !own.has(zone.name))]
  yield
  const table = yield* compileNames(all)
  yield
  return {
    plan: {
      listen: { address: formatIpv4(endpoint.address), port: endpoint.ports.dns },
      zones: all,
      names: table,
      secondaries: site.dns.secondaries.map((address) => ({ address: formatIpv4(address), port: 53 })),
      ...compileForwarding(model),
      clients: site.dns.clients ?? site.subnets.map((subnet): Cidr => subnet.cidr),
      isNamed: site.dns.nsid,
      nodeByAddress: new Map(
        model.nodes.flatMap((node) => node.addresses.map((address) => [formatIp(address), node.key])),
      ),
    },
    findings: nameFindings(model, { names, forward, reversed, reverse }),
  }
}

function zoneOf(plan: DnsPlan | undefined, name: string): Zone | undefined {
  return plan?.zones.find((zone) => zone.name === name)
}
