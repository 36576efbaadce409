/** The site that the guide builds by hand, as far as names go: nodes, load balancer, name server. */
import type { Model } from '../../../src/plan/model.ts'
import { buildModel } from '../../../src/plan/model.ts'
import { siteSchema } from '../../../src/site/schema.ts'

const noFacts = { images: new Map(), ignition: new Map(), loaders: new Map() }

/** Plain data before the schema: change what a test is about, then build. */
export function guideSite() {
  const node = (name: string, role: string, last: string, address: unknown) => ({
    name,
    role,
    mac: `00:50:56:96:${last}`,
    address,
  })
  return {
    site: 'ocp45-lab',
    server: { address: '172.16.0.101' } as Record<string, unknown>,
    subnets: [{ cidr: '172.16.0.0/24' }] as Record<string, unknown>[],
    dns: {
      forward: ['192.168.124.1'],
      clients: ['172.16.0.0/24', '192.168.124.0/24'],
    } as Record<string, unknown>,
    images: { rhcos: { dir: '/srv/rhcos' } },
    clusters: [
      {
        name: 'ocp45',
        domain: 'example.localdomain',
        image: 'rhcos',
        ignition: '/srv/ignition',
        disk: '/dev/sda',
        loadBalancer: { api: '172.16.0.111', apiInternal: '172.16.0.110', ingress: '172.16.0.111' } as Record<
          string,
          unknown
        >,
        nodes: [
          node('bs', 'bootstrap', '11:c2', '172.16.0.11'),
          node('m1', 'master', '37:c8', '172.16.0.21'),
          node('m2', 'master', 'ec:a7', '172.16.0.22'),
          node('m3', 'master', 'e5:2f', '172.16.0.23'),
          node('w1', 'worker', '6b:da', '172.16.0.31'),
          node('w2', 'worker', 'c1:c5', '172.16.0.32'),
          node('w3', 'worker', 'e3:f5', '172.16.0.33'),
        ],
      },
    ],
    hosts: [{ name: 'ns1.example.localdomain', address: '172.16.0.102' }] as Record<string, unknown>[],
  }
}

/** @param change edits the guide's site before it is built */
export function guideModel(change: (site: ReturnType<typeof guideSite>) => void = () => undefined): Model {
  const site = guideSite()
  change(site)
  return buildModel(siteSchema.parse(site), noFacts)
}
