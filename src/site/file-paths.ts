/** Paths of a site made absolute, so that they mean the same wherever the program was started. Pure text. */
import type { Cluster, Node, Site } from './schema.ts'

/** `path` as seen from `folder`, without `.`, `..` and doubled slashes; an absolute `path` stays where it is. */
export function resolvePath(folder: string, path: string): string {
  const whole = path.startsWith('/') ? path : `${folder}/${path}`
  const steps: string[] = []
  for (const step of whole.split('/')) {
    if (step === '..') steps.pop()
    else if (step !== '' && step !== '.') steps.push(step)
  }
  return `/${steps.join('/')}`
}

/** The folder of a file: `/etc/slipway` for `/etc/slipway/site.yaml`. */
export function folderOf(file: string): string {
  return file.slice(0, Math.max(0, file.lastIndexOf('/')))
}

/** @param folder absolute: where the site file is */
export function withAbsolutePaths(site: Site, folder: string): Site {
  const absolute = (path: string) => resolvePath(folder, path)
  const { tftp, haproxy } = site
  const { bios, x64, arm64 } = tftp.loaders
  return {
    ...site,
    images: Object.fromEntries(
      Object.entries(site.images).map(([name, image]) => [name, { ...image, dir: absolute(image.dir) }]),
    ),
    clusters: site.clusters.map((cluster) => ({
      ...withAbsoluteFiles(cluster, absolute),
      ...(cluster.ignition === undefined ? {} : { ignition: absolute(cluster.ignition) }),
      ...(cluster.kubeconfig === undefined ? {} : { kubeconfig: absolute(cluster.kubeconfig) }),
      nodes: cluster.nodes.map((node) => withAbsoluteFiles(node, absolute)),
    })),
    tftp: {
      ...tftp,
      ...(tftp.root === undefined ? {} : { root: absolute(tftp.root) }),
      loaders: {
        ...(bios === undefined ? {} : { bios: absolute(bios) }),
        ...(x64 === undefined ? {} : { x64: absolute(x64) }),
        ...(arm64 === undefined ? {} : { arm64: absolute(arm64) }),
      },
    },
    ...(haproxy === undefined ? {} : { haproxy: withAbsoluteHaproxy(haproxy, absolute) }),
  }
}

function withAbsoluteHaproxy(
  haproxy: NonNullable<Site['haproxy']>,
  absolute: (path: string) => string,
): NonNullable<Site['haproxy']> {
  const { file, with: beside, masterSocket, socket } = haproxy
  return {
    ...haproxy,
    file: absolute(file),
    with: beside.map(absolute),
    socket: absolute(socket),
    ...(masterSocket === undefined ? {} : { masterSocket: absolute(masterSocket) }),
  }
}

/** The files that a cluster or a node adds. */
function withAbsoluteFiles<T extends Cluster | Node>(place: T, absolute: (path: string) => string): T {
  const { files, networkKeyfiles } = place
  return {
    ...place,
    ...(files && {
      files: files.map((file) => (file.from === undefined ? file : { ...file, from: absolute(file.from) })),
    }),
    ...(networkKeyfiles && { networkKeyfiles: networkKeyfiles.map(absolute) }),
  }
}

/** Where a cluster's kubeconfig is, by what the site says. */

/** Where the site says, else where openshift-install leaves it; undefined when the site says neither. */
export function kubeconfigPath({
  kubeconfig,
  ignition,
}: Pick<Cluster, 'kubeconfig' | 'ignition'>): string | undefined {
  return kubeconfig ?? (ignition === undefined ? undefined : `${ignition}/auth/kubeconfig`)
}

/** Where a node's own files stand that a site names by what they are for. Pure text. */

export const hostnamePath = '/etc/hostname'

/** NetworkManager reads what lies there and belongs to root alone. */
export function keyfilePath(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1).replace(/\.nmconnection$/, '')
  return `/etc/NetworkManager/system-connections/${name}.nmconnection`
}
