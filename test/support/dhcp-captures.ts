/** DHCP messages of real firmware, loaders, and systems: test/fixtures/dhcp. */
import { readFileSync } from 'node:fs'
import { siteSchema } from '../../src/site/schema.ts'
import { buildModel } from '../../src/plan/model.ts'

export type Capture = {
  /** Sender and message: `OVMF PXE DISCOVER`. */
  readonly name: string
  readonly capture: string
  /** Option codes that another decoder found. */
  readonly optionOrder: readonly number[]
  readonly octets: Uint8Array
}

const file = new URL('../fixtures/dhcp/captures.json', import.meta.url)

export const captures: readonly Capture[] = (
  JSON.parse(readFileSync(file, 'utf8')) as (Omit<Capture, 'octets'> & { hex: string })[]
).map(({ hex, ...rest }) => ({ ...rest, octets: Uint8Array.from(Buffer.from(hex, 'hex')) }))

/** Returns a copy that the test can change. */
export function captured(name: string): Uint8Array {
  const capture = captures.find((candidate) => candidate.name === name)
  if (capture === undefined) throw new Error(`no capture is called ${name}`)
  return Uint8Array.from(capture.octets)
}

/**
 * Returns the site of the captures: the booting machine is a node, the one that runs clients is a host.
 *
 * @param subnet more keys of its subnet
 */
export function captureModel(subnet: { readonly dhcp?: 'proxy'; readonly relays?: readonly string[] } = {}) {
  const site = siteSchema.parse({
    site: 'captures',
    server: { address: '172.16.0.101' },
    subnets: [
      { cidr: '172.16.0.0/24', gateway: '172.16.0.1', ntp: ['172.16.0.101'], leaseSeconds: 3600, ...subnet },
    ],
    images: { rhcos: { dir: '/srv/rhcos' } },
    clusters: [
      {
        name: 'ocp4',
        domain: 'lab.local',
        image: 'rhcos',
        ignition: '/srv/ignition',
        loadBalancer: { api: '172.16.0.5', ingress: '172.16.0.6' },
        disk: '/dev/sda',
        nodes: [{ name: 'master-1', role: 'master', mac: '52:54:00:00:00:11', address: '172.16.0.11' }],
      },
    ],
    hosts: [{ name: 'cli-1.ocp4.lab.local', mac: '52:54:00:00:0c:01', address: '172.16.0.61' }],
  })
  return buildModel(site, { images: new Map(), ignition: new Map(), loaders: new Map() })
}
