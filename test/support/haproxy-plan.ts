/** HAProxy plans of sites that tests write in one line for each node. */
import { compileHaproxy } from '../../src/plan/haproxy/compile.ts'
import type { AddedFileFact } from '../../src/plan/facts.ts'
import { buildModel } from '../../src/plan/model.ts'
import { siteSchema } from '../../src/site/schema.ts'

const noFacts = { images: new Map(), ignition: new Map(), loaders: new Map() }

export type ClusterText = {
  name?: string
  loadBalancer?: object
  nodes: readonly string[]
  more?: Record<string, object>
}

/**
 * Compiles the HAProxy plan of clusters given as `name role address` lines.
 *
 * @param clusters nodes as `name role address…`; a role in brackets is of a node that is taken out
 * @param statsUsers the file with the users of the statistics page, or its content
 */
export function compileClusters(
  clusters: readonly ClusterText[],
  changes: object = {},
  statsUsers?: string | AddedFileFact,
) {
  let macs = 0
  const site = siteSchema.parse({
    site: 'ocp45-lab',
    server: { address: '172.16.0.101' },
    subnets: [{ cidr: '172.16.0.0/24' }],
    images: { rhcos: { dir: '/images' } },
    clusters: clusters.map(({ name = 'ocp45', loadBalancer, nodes, more = {} }) => ({
      name,
      domain: 'example.localdomain',
      ignition: '/ignition',
      image: 'rhcos',
      disk: '/dev/sda',
      loadBalancer: loadBalancer ?? {
        api: '172.16.0.111',
        apiInternal: '172.16.0.110',
        ingress: '172.16.0.111',
      },
      nodes: nodes.map((text) => {
        const [name = '', word = '', ...address] = text.split(' ')
        const role = word.replaceAll(/[()]/g, '')
        const mac = `00:00:5e:00:53:${String(++macs).padStart(2, '0')}`
        return { name, role, mac, address, balance: word === role, ...more[name] }
      }),
    })),
    haproxy: { file: '/etc/haproxy/haproxy.cfg', reload: 'systemctl reload haproxy' },
    ...changes,
  })
  const facts = { ...noFacts, ...(statsUsers !== undefined && { statsUsers: fileOf(statsUsers) }) }
  return compileHaproxy(buildModel(site, facts))
}

function fileOf(text: string | AddedFileFact): AddedFileFact {
  if (typeof text !== 'string') return text
  const content = new TextEncoder().encode(text)
  return { kind: 'found', path: '/etc/slipway/stats-users', octets: content.length, content }
}
