/** Sections `network` of one node, as an administrator writes them, and the models that are built from them. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { NodeModel } from '../../src/plan/model.ts'
import { exampleModel, exampleSite } from './model.ts'

export type NetworkCase = {
  readonly name: string
  /** Whether the node also has an IPv6 address. */
  readonly ipv6?: boolean
  readonly network: object
}

export const networkCases = parse(
  readFileSync(new URL('../fixtures/networks/cases.yaml', import.meta.url), 'utf8'),
) as readonly NetworkCase[]

/** @param more keys of the node */
export function networkNode(
  { ipv6 = false, network }: Omit<NetworkCase, 'name'>,
  more: object = {},
): NodeModel {
  const site = exampleSite()
  const nodes = site.clusters[0]?.nodes ?? []
  const address = ipv6 ? ['192.0.2.21', '2001:db8::21'] : '192.0.2.21'
  nodes[2] = { ...nodes[2], mac: ['00:00:5e:00:53:21', '00:00:5e:00:53:22'], address, network, ...more }
  const node = exampleModel(site).nodes.find(({ name }) => name === 'w1')
  if (node === undefined) throw new Error('the example site has no w1')
  return node
}
