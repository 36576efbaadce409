/** Small models for tests: a site as an administrator writes it, and facts as the scan returns them. */
import {
  loaderNames,
  type Facts,
  type FileFact,
  type IgnitionFact,
  type IgnitionKind,
  type ImageFacts,
} from '../../src/plan/facts.ts'
import type { IgnitionContents } from '../../src/plan/ignition/document.ts'
import { buildModel, type Model } from '../../src/plan/model.ts'
import { siteSchema } from '../../src/site/schema.ts'

type SiteInput = ReturnType<typeof exampleSite>

/**
 * One cluster with a node of each role: `ocp45/bs`, `ocp45/m1`, `ocp45/w1` and `ocp45/i1`, in
 * 192.0.2.0/24 (RFC 5737). Plain data before the schema: change what a test is about, then build.
 */
export function exampleSite() {
  return {
    site: 'lab',
    server: { address: '192.0.2.2' } as Record<string, unknown>,
    subnets: [{ cidr: '192.0.2.0/24', gateway: '192.0.2.1' }],
    images: { rhcos: { dir: '/srv/rhcos' } } as Record<string, { dir: string }>,
    clusters: [
      {
        name: 'ocp45',
        domain: 'example.net',
        image: 'rhcos',
        ignition: '/srv/ignition',
        loadBalancer: { api: '192.0.2.3', ingress: '192.0.2.3' },
        disk: '/dev/sda',
        nodes: [
          { name: 'bs', role: 'bootstrap', mac: '00:00:5e:00:53:10', address: '192.0.2.10' },
          { name: 'm1', role: 'master', mac: '00:00:5e:00:53:11', address: ['192.0.2.11', '2001:db8::11'] },
          { name: 'w1', role: 'worker', mac: '00:00:5e:00:53:21', address: '192.0.2.21' },
          { name: 'i1', role: 'infra', mac: '00:00:5e:00:53:31', address: '192.0.2.31' },
        ] as Record<string, unknown>[],
      },
    ],
  }
}

export function found(path: string, octets = 1000): FileFact {
  return { kind: 'found', path, octets }
}

export function missing(path: string, problem: string): Extract<FileFact, { kind: 'missing' }> {
  return { kind: 'missing', code: 'image.file-missing', path, problem }
}

export function liveImage(dir: string): ImageFacts {
  return {
    style: 'live',
    kernel: found(`${dir}/rhcos-live-kernel-x86_64`),
    initramfs: found(`${dir}/rhcos-live-initramfs.x86_64.img`),
    rootfs: found(`${dir}/rhcos-live-rootfs.x86_64.img`),
  }
}

/** The files of OpenShift 4.5. */
export function installerImage(dir: string): ImageFacts {
  return {
    style: 'installer',
    kernel: found(`${dir}/rhcos-installer-kernel-x86_64`),
    initramfs: found(`${dir}/rhcos-installer-initramfs.x86_64.img`),
    metal: found(`${dir}/rhcos-metal.x86_64.raw.gz`),
  }
}

/** What the agent-based installer writes; the arguments are those of its iPXE script. */
export function agentImage(dir: string) {
  return {
    style: 'agent',
    kernel: found(`${dir}/agent.x86_64-vmlinuz`),
    initramfs: found(`${dir}/agent.x86_64-initrd.img`),
    rootfs: found(`${dir}/agent.x86_64-rootfs.img`),
    kernelArguments: ['rw', 'ignition.firstboot', 'fips=1'],
  } as const satisfies ImageFacts
}

/** Everything that the site names is there: live images, all Ignition files, all loaders. */
export function completeFacts(site: SiteInput): Facts {
  return {
    images: new Map(Object.entries(site.images).map(([name, { dir }]) => [name, liveImage(dir)])),
    ignition: new Map(site.clusters.map((cluster) => [cluster.name, ignitionFiles(cluster.ignition)])),
    loaders: new Map(loaderNames.map((name) => [name, found(`/usr/lib/ipxe/${name}`)])),
  }
}

export function ignitionFiles(dir: string): Record<IgnitionKind, IgnitionFact> {
  return {
    bootstrap: ignitionFile(`${dir}/bootstrap.ign`),
    master: ignitionFile(`${dir}/master.ign`),
    arbiter: ignitionFile(`${dir}/arbiter.ign`),
    single: ignitionFile(`${dir}/bootstrap-in-place-for-live-iso.ign`),
    worker: ignitionFile(`${dir}/worker.ign`),
  }
}

/** @param contents beside its version, 3.2.0 */
export function ignitionFile(
  path: string,
  contents: Partial<IgnitionContents> = {},
  octets = 1000,
): IgnitionFact {
  return { kind: 'found', path, octets, contents: { version: '3.2.0', unread: 0, ...contents } }
}

/** @param facts what differs from {@link completeFacts} */
export function exampleModel(site: SiteInput = exampleSite(), facts: Partial<Facts> = {}): Model {
  return buildModel(siteSchema.parse(site), { ...completeFacts(site), ...facts })
}
