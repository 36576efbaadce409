/** The site that the guide builds by hand: as the project's example has it, and as plain data to be changed. */
import { readFileSync } from 'node:fs'
import { buildModel, type Model } from '../../../src/plan/model.ts'
import { loadSite } from '../../../src/site/load.ts'
import { siteSchema } from '../../../src/site/schema.ts'

/** The guide serves its whole base domain. */
export const zones = ['example.localdomain']

const noFacts = { images: new Map(), ignition: new Map(), loaders: new Map() }

/** config/site.example.yaml */
export function exampleModel(): Model {
  const file = new URL('../../../config/site.example.yaml', import.meta.url)
  const loaded = loadSite(readFileSync(file, 'utf8'), file.pathname)
  if (loaded.kind === 'site') return buildModel(loaded.site, noFacts)
  throw new Error(`the example site has ${loaded.problems.length} problems`)
}

/** As far as names go: nodes, load balancer, name server. Plain data before the schema: change what a test is about, then build. */
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
      zones,
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

/** The guide's site with hosts of many addresses, of both families, and below apps. */
export function crowdedModel(): Model {
  const many = Array.from({ length: 40 }, (_, index) => `172.16.0.${150 + index}`)
  const more = Array.from({ length: 100 }, (_, index) => `2001:db8::${(index + 1).toString(16)}`)
  return guideModel((site) => {
    site.hosts.push(
      { name: 'many.example.localdomain', address: [...many, ...more] },
      { name: 'two.example.localdomain', address: ['172.16.0.51', '172.16.0.52'] },
      { name: 'dual.example.localdomain', address: ['172.16.0.53', '2001:db8:0:1::53'] },
      { name: 'own.apps.ocp45.example.localdomain', address: '172.16.0.54' },
      { name: 'x.deep.apps.ocp45.example.localdomain', address: '172.16.0.55' },
    )
  })
}
