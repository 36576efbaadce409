/**
 * Objects for a management cluster that hosts the control planes of a site: the images of its assisted service
 * (AgentServiceConfig, agent-install.openshift.io/v1beta1) and the machines (BareMetalHost, metal3.io/v1alpha1). Pure.
 */
import { stringify } from 'yaml'
import { bareMetalUrl } from '../../plan/bmc.ts'
import { installDevice, type DiskTarget } from '../../plan/disks/target.ts'
import { urlPaths } from '../../plan/urls.ts'
import type { ImageFacts } from '../../plan/facts.ts'
import { fileName } from '../../plan/boot/installation.ts'
import type { Model, NodeModel } from '../../plan/model.ts'
import { formatIpv4 } from '../../proto/address/ip.ts'
import type { Architecture } from '../../site/schema.ts'

export type Rendered =
  { readonly text: string; readonly warning?: string | undefined } | { readonly reason: string }

/** Kubernetes can parse YAML 1.1, in which some MAC addresses are base-60 numbers: this version quotes them. */
const asYaml11 = { version: '1.1', lineWidth: 0 } as const

/** The names that the assisted service uses. */
const architectures: Readonly<Record<Architecture, string>> = {
  x86_64: 'x86_64',
  aarch64: 'arm64',
  ppc64le: 'ppc64le',
  s390x: 's390x',
}

/** Returns all images that include a live ISO, or why there is none. */
export function agentServiceConfig(model: Model): Rendered {
  const osImages = []
  for (const [name, { architecture }] of Object.entries(model.site.images)) {
    const iso = isoOf(model.facts.images.get(name))
    if (iso === undefined) continue
    const openshiftVersion = /(?:^|[^\d.])(\d\.\d{1,2})(?!\d)/.exec(name)?.[1]
    if (openshiftVersion === undefined) {
      return {
        reason: `the name of image ${name} does not contain an OpenShift version; rename it, for example to rhcos-4.17`,
      }
    }
    osImages.push({
      openshiftVersion,
      // The RHCOS version in the name of the file, for example 417.94.202411261220-0 or 4.17.0.
      version: /\d+\.\d+\.\d+(?:-\d+)?/.exec(iso)?.[0] ?? openshiftVersion,
      cpuArchitecture: architectures[architecture],
      url: webServer(model) + urlPaths.image(name, iso),
    })
  }
  if (osImages.length === 0) {
    return {
      reason: 'no image directory contains a live ISO (*live*.iso), which the assisted service boots',
    }
  }
  return {
    text: stringify(
      {
        apiVersion: 'agent-install.openshift.io/v1beta1',
        kind: 'AgentServiceConfig',
        metadata: { name: 'agent' },
        spec: {
          databaseStorage: storage('10Gi'),
          filesystemStorage: storage('100Gi'),
          imageStorage: storage('50Gi'),
          osImages,
        },
      },
      asYaml11,
    ),
  }
}

/** Returns the nodes of all clusters that declare a BMC, or why there is none. */
export function bareMetalHosts(model: Model): Rendered {
  const hosts = model.site.clusters.flatMap((cluster) =>
    cluster.nodes.flatMap(({ name, bmc }) => {
      const node = model.nodes.find(({ key }) => key === `${cluster.name}/${name}`)
      return bmc === undefined || node === undefined ? [] : [bareMetalHost(node, bareMetalUrl(bmc))]
    }),
  )
  if (hosts.length === 0)
    return { reason: 'no node declares a bmc, the address of its management controller' }
  const documents = hosts.map((host) => stringify(host, asYaml11))
  return {
    text: `# The InfraEnv and the namespace have the name of the cluster; the Secrets contain username and password.\n${documents.join('---\n')}`,
  }
}

function bareMetalHost(node: NodeModel, bmc: string): object {
  return {
    apiVersion: 'metal3.io/v1alpha1',
    kind: 'BareMetalHost',
    metadata: {
      name: node.name,
      namespace: node.cluster,
      labels: { 'infraenvs.agent-install.openshift.io': node.cluster },
      annotations: {
        'inspect.metal3.io': 'disabled',
        'bmac.agent-install.openshift.io/hostname': node.fqdn,
      },
    },
    spec: {
      automatedCleaningMode: 'disabled',
      online: true,
      bootMACAddress: node.mac,
      ...(node.disk !== undefined && { rootDeviceHints: rootDeviceHints(node.disk) }),
      bmc: { address: bmc, credentialsName: `${node.name}-bmc`, disableCertificateVerification: true },
    },
  }
}

function storage(size: string): object {
  return { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } } }
}

function isoOf(facts: ImageFacts | undefined): string | undefined {
  const iso = facts?.style === 'live' ? facts.iso : undefined
  return iso === undefined ? undefined : fileName(iso.path)
}

/** Uses a name where a host of the site has the address of the server: a name has addresses of both families. */
function webServer({ site, endpoint }: Model): string {
  const name = site.hosts.find(({ address }) => address.includes(endpoint.address))?.name
  const port = endpoint.ports.http === 80 ? '' : `:${endpoint.ports.http}`
  return `http://${name ?? formatIpv4(endpoint.address)}${port}`
}

/** Returns the hints of a BareMetalHost, which has no hint for links: only `deviceName` accepts them. */
function rootDeviceHints(disk: DiskTarget): object {
  if (disk.kind !== 'hints') return { deviceName: installDevice(disk) }
  const { byPath, ...hints } = disk.hints
  return { ...(byPath !== undefined && { deviceName: byPath }), ...hints }
}
