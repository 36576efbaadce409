/**
 * Compares the machines that BMCs report with the site file. With the BMC of another machine, slipway would switch the power of
 * that one. Pure.
 */
import type { Inventory } from '../bmc/machine.ts'
import { nodeOfMac, ownerOf, type Owner } from '../bmc/owner.ts'
import { isPowerRefusal } from '../bmc/power.ts'
import { macsText, type NodeModel } from '../plan/model.ts'
import { pluralize } from '../text/format.ts'
import { failure, ok, warning, type Finding } from './check.ts'
import type { BmcInventories } from './probes.ts'

type Declared = Pick<NodeModel, 'key' | 'mac' | 'otherMacs'>

/** @param nodes all nodes of the site, also those without a BMC @param found BMCs that could not be read are ignored */
export function compareMachines(nodes: readonly Declared[], found: BmcInventories): Finding[] {
  const machines = [...found].flatMap(([node, result]) =>
    isPowerRefusal(result) ? [] : [{ node, machine: result }],
  )
  const byKey = new Map(nodes.map((each) => [each.key, each] as const))
  const problems: Finding[] = []
  let matching = 0
  for (const { node, machine } of machines) {
    const declared = byKey.get(node)
    // IPMI has no MAC addresses, and some BMCs report none while the machine is off.
    if (declared === undefined || machine.macs.length === 0) continue
    const owner = ownerOf(node, machine.macs, (mac) => nodeOfMac(nodes, mac))
    if (owner.kind === 'own') matching += 1
    else problems.push(differing(declared, machine, owner))
  }
  return [
    ...(matching > 0 ? [ok(`${pluralize(matching, 'BMC')} reported the declared MAC addresses`)] : []),
    ...problems,
    ...sameMachines(machines),
  ]
}

function differing(declared: Declared, machine: Inventory, owner: Owner): Finding {
  const expected = `not ${macsText(declared)}${identityText(machine)}`
  const reports = `${declared.key}: its BMC reports`
  return owner.kind === 'other'
    ? failure('preflight.bmc-other-machine', `${reports} ${owner.mac} of ${owner.node}, ${expected}`)
    : warning('preflight.bmc-mac-differs', `${reports} ${machine.macs.join(', ')}, ${expected}`)
}

function identityText({ model, serial, uuid }: Inventory): string {
  const facts = [model, serial && `serial number ${serial}`, uuid && `UUID ${uuid}`]
  const known = facts.filter((fact) => fact !== undefined && fact !== '')
  return known.length === 0 ? '' : ` (${known.join(', ')})`
}

function sameMachines(
  machines: readonly { readonly node: string; readonly machine: Inventory }[],
): Finding[] {
  const byUuid = Map.groupBy(machines, ({ machine }) => machine.uuid)
  return [...byUuid].flatMap(([uuid, group]): Finding[] => {
    const [first] = group
    if (uuid === undefined || first === undefined || group.length < 2) return []
    const names = group.map(({ node }) => node).join(', ')
    const text = `${names}: their BMCs report the same machine${identityText(first.machine)}`
    return [warning('preflight.bmc-same-machine', text)]
  })
}
