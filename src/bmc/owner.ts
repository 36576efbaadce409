/** Whose machine a BMC has, by the MAC addresses that it reports. Pure. */
import type { NodeModel } from '../plan/model.ts'

/** `unknown`: it reports no MAC address of a declared node. */
export type Owner =
  | { readonly kind: 'own' | 'unknown' }
  | { readonly kind: 'other'; readonly node: string; readonly mac: string }

/** @param node key of the node that declares the BMC @param nodeOf returns the key of the node with a MAC address */
export function ownerOf(
  node: string,
  macs: readonly string[],
  nodeOf: (mac: string) => string | undefined,
): Owner {
  let other: Owner | undefined
  for (const mac of macs) {
    const owner = nodeOf(mac)
    if (owner === node) return { kind: 'own' }
    if (owner !== undefined) other ??= { kind: 'other', node: owner, mac }
  }
  return other ?? { kind: 'unknown' }
}

/** Returns the key of the node with a MAC address. */
export function nodeOfMac(
  nodes: readonly Pick<NodeModel, 'key' | 'mac' | 'otherMacs'>[],
  mac: string,
): string | undefined {
  return nodes.find((each) => each.mac === mac || each.otherMacs?.some((other) => other === mac))?.key
}
